"""Which models are here, and what identifies a model and a scorer, read without loading their weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from zoomlib import bundled, models
from zoomlib.errors import InvalidInputError
from zoomlib.models.folder import INDEX
from zoomlib.models.load import revision

SCORER_CONFIG = "open_clip_config.json"  # named here again: where open_clip is met, importing takes seconds


def available(folder: Path) -> list[dict[str, str]]:
    """The bundled model and every model in a subfolder of `folder`: name, family, revision, note."""
    local = sorted(path for path in folder.iterdir() if (path / INDEX).is_file()) if folder.is_dir() else []
    return [_row(name) for name in ("bundled", *map(str, local))]


def describe_model(name: str, **options: Any) -> dict[str, Any]:
    """As `zoomlib.models.describe`. Raises InvalidInputError also for what loading would meet only in mid-run: a part
    without weights, or a file of weights that was cut off."""
    try:
        described = models.describe(name, **options)
    except (LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise InvalidInputError(
            f"The configuration of the model {name!r} cannot be used: {type(error).__name__}: {error}. "
            "Fetch the model again."
        ) from error
    for part in sorted(Path(described["folder"]).iterdir()):
        _check_weights(part)
    return described


def _check_weights(part: Path) -> None:
    """Refuse a part, where the model has it, whose safetensors are missing or not as long as their headers say."""
    if not (part / "config.json").is_file():
        return
    files = list(part.glob("*.safetensors"))
    if not files:
        raise InvalidInputError(f"{part} holds no safetensors. Fetch the model again in that format, or convert it.")
    for file in files:
        try:
            with safe_open(file, "pt"):
                pass
        except (OSError, SafetensorError) as error:
            raise InvalidInputError(f"The weights in {file} are damaged: {error}. Fetch the model again.") from error


def describe_scorer(name: str) -> dict[str, Any]:
    """`id` and `revision` of a scorer without loading it. Raises InvalidInputError where there is none of that name."""
    folder = bundled.folder() / "scorer" if name == "bundled" else Path(name)
    if (folder / SCORER_CONFIG).is_file():
        return {"id": name, "revision": revision(folder)}
    if ":" in name:
        from evaluation.networks.clip import describe_named  # slow to import, so only for these

        return describe_named(name)
    raise InvalidInputError(
        f"There is no scorer {name!r}. Use bundled, none, a folder with an {SCORER_CONFIG}, or open_clip's NAME:TAG or "
        "NAME:FILE."
    )


def _row(name: str) -> dict[str, str]:
    try:
        described = describe_model(name)
    except (InvalidInputError, OSError) as error:
        return {"name": name, "family": "", "revision": "", "note": f"cannot be used: {error}"}
    height, width = described["size_px"]
    net = described["upscaler"]
    larger = f", {net['factor']} times larger by super-resolution" if net else ""
    note = f"{width} x {height} px{larger}"
    return {"name": name, "family": described["family"], "revision": described["revision"], "note": note}
