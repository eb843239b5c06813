"""Versions that stand beside every result, and the versions of algorithms that stand in the keys of stages."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType

ALGORITHMS = {
    "plan": "1",
    "story": "1",
    "sampling": "1",
    "levels": "3",
    "matches": "1",
    "scores": "3",
    "video": "2",
    "motion": "1",
    "pictures": "2",
    "view": "1",
}
"""Raise a stage's number when code that it calls makes other pixels or numbers from the same inputs: what was made
before is then made again. A sampling method may carry a `VERSION` of its own, which joins the sampling stage's."""


def algorithm(stage: str, method: ModuleType | None = None) -> str:
    """The version of a stage's algorithm, of its sampling method too where that matters."""
    own = getattr(method, "VERSION", None)
    return ALGORITHMS[stage] if own is None else f"{ALGORITHMS[stage]}.{own}"


def of(package: str) -> str:
    """The installed version of a package, without importing it; "absent" when it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def software() -> str:
    """Name and version of this program."""
    return f"tenfold {of('tenfold')}"


def versions() -> dict[str, str]:
    """The versions that a result depends on."""
    packages = ("tenfold", "torch", "diffusers", "transformers", "numpy", "pillow")
    return {"python": platform.python_version(), **{package: of(package) for package in packages}}
