"""The import table of the design, read from the source; and that importing and asking for help is cheap and silent."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OURS = {"zoomlib", "prompts", "evaluation", "tasks", "flows", "tests"}

MAY_IMPORT_OURS = {
    "zoomlib": {"zoomlib"},
    "prompts": {"prompts"},
    "evaluation": {"evaluation", "zoomlib"},
    "tasks": {"tasks", "prompts", "zoomlib", "evaluation"},
    "flows": {"flows", "tasks", "prompts", "zoomlib", "evaluation"},
}

HOMES = {
    # Where a package may be met at all: one place to mend when it changes.
    "diffusers": ("zoomlib/models/",),
    "transformers": ("zoomlib/models/", "zoomlib/bundled/assemble.py", "evaluation/networks/dino.py"),
    "open_clip": ("evaluation/networks/clip.py",),
    "lpips": ("evaluation/networks/lpips_distance.py",),
    "skimage": ("evaluation/blur.py", "evaluation/colour.py", "evaluation/windows.py"),
    "imageio_ffmpeg": ("zoomlib/film/ffmpeg.py",),
    "numba": ("zoomlib/film/kernels.py",),
    "cv2": ("zoomlib/registration/", "evaluation/filters.py"),
    "librosa": ("zoomlib/film/beat.py",),
    "fastapi": ("evaluation/serving.py", "evaluation/dashboard/", "evaluation/explorer/", "evaluation/study/"),
    "uvicorn": ("evaluation/serving.py", "flows/serve.py"),
    "prefect": ("tasks/", "flows/"),
    "fsspec": ("tasks/depot/",),
    "openai": ("prompts/service/client.py",),
    "torch_fidelity": ("evaluation/sets/inception.py",),
    "zarr": ("zoomlib/infinity/",),
    "altair": ("evaluation/comparison/plots.py",),
    "vl_convert": ("evaluation/comparison/plots.py",),
    "typer": ("flows/",),
    "rich": ("flows/",),
}

FORBIDDEN = {"prompts": {"torch", "prefect", "diffusers"}, "zoomlib": {"prefect", "pydantic", "typer", "rich"}}


def modules() -> list[Path]:
    return [path for package in MAY_IMPORT_OURS for path in sorted((ROOT / package).rglob("*.py"))]


def imported(path: Path) -> set[str]:
    """The modules that a file imports, anywhere in it, by full name."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute here"
            found.add(node.module)
    return found


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", modules(), ids=name)
def test_a_module_imports_only_what_its_folder_may(path):
    package = path.relative_to(ROOT).parts[0]
    tops = {module.partition(".")[0] for module in imported(path)}
    assert tops & OURS <= MAY_IMPORT_OURS[package]
    assert not tops & FORBIDDEN.get(package, set())
    for top in tops & HOMES.keys():
        assert name(path).startswith(HOMES[top]), f"{top} is met only in {HOMES[top]}"


CORE = """
import sys, importlib, pkgutil, torch
import zoomlib
for module in pkgutil.walk_packages(zoomlib.__path__, "zoomlib."):
    if module.ispkg or not module.name.startswith(("zoomlib.models.", "zoomlib.bundled.")):
        importlib.import_module(module.name)
heavy = {"diffusers", "transformers", "open_clip", "prefect", "pandas"} & set(sys.modules)
assert not heavy, heavy
assert not torch.cuda.is_initialized()
"""

HELP = """
import sys
from flows.cli import main
sys.argv = ["tenfold", "--help"]
try:
    main()
except SystemExit as end:
    assert end.code == 0
heavy = {"torch", "prefect", "diffusers", "transformers", "pandas", "numpy", "pydantic"} & set(sys.modules)
assert not heavy, heavy
"""


def run(code: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)


def test_importing_the_core_is_silent_loads_no_model_library_and_starts_no_gpu():
    done = run(CORE)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_help_loads_nothing_heavy():
    done = run(HELP)
    assert done.returncode == 0, done.stderr
    assert "zoom" in done.stdout
    assert done.stderr == ""
