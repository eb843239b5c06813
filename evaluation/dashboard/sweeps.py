"""Sweeps as they go: what each has done, what is left and what failed."""

import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

SWEEPS, FILE = "_sweeps", "sweep.json"
UNUSABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError)


def sweep_files(root: Path) -> Iterator[Path]:
    """The files of all sweeps under `root`, in the order of their names."""
    yield from sorted((root / SWEEPS).glob(f"*/{FILE}"))


def read_sweep(path: Path) -> dict[str, Any]:
    """The facts of a sweep that are shown. Raises one of UNUSABLE for a damaged file."""
    facts = json.loads(path.read_text(encoding="utf-8"))
    points = [_point(point) for point in facts["points"]]
    return {
        "folder": path.parent.name,
        "name": str(facts["name"]),
        "title": str(facts["title"]),
        "preset": None if facts.get("preset") is None else str(facts["preset"]),
        "arms": [str(arm) for arm in facts["arms"]],
        "points": points,
        "changed_at": path.stat().st_mtime,
    }


def progress(sweep: Mapping[str, Any], there: Collection[str]) -> dict[str, Any]:
    """A sweep in short: how many of its runs are there, which, by which names, and what failed.

    there: the keys of the runs that are in the list.
    """
    points = sweep["points"]
    failed = [point for point in points if point["error"] is not None]
    return {
        **{name: sweep[name] for name in ("folder", "name", "title", "preset", "arms", "changed_at")},
        "total": len(points),
        "done": sum(point["key"] in there for point in points),
        "failed": [{name: point[name] for name in ("arm", "story", "seed", "error")} for point in failed],
        "runs": {point["key"]: point["arm"] for point in points if point["key"] is not None},
    }


def _point(point: Mapping[str, Any]) -> dict[str, Any]:
    folder, error = point.get("folder"), point.get("error")
    return {
        "arm": str(point["arm"]),
        "story": str(point["story"]),
        "seed": int(point["seed"]),
        "key": None if folder is None else str(folder),
        "error": None if error is None else str(error),
    }
