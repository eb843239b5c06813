"""A folder of all runs with one finished run, made once and copied for each test."""

import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from tests.tasks.test_pipeline import contents, run


@cache
def _made() -> Path:
    root = Path(mkdtemp(prefix="kept-")) / "runs"
    run(root)
    return root


def kept_root(to: Path) -> Path:
    """A copy of it, at `to`."""
    return Path(shutil.copytree(_made(), to))


def run_folder(root: Path) -> Path:
    return next(path.parent for path in root.glob("*/*/config.json"))


def everything(root: Path) -> dict[str, bytes]:
    """The files that count: without locks."""
    return {name: content for name, content in contents(root).items() if ".cache/locks" not in name}
