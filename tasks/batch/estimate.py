"""What is left to be made of runs, and what that will take. Reads only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tasks.cost import disk_bytes, latest_pace
from tasks.film import film_of
from tasks.planes import draws_plane
from tasks.run import Run
from tasks.sample import evaluations
from tasks.stages import look_ahead, stages_of

ALL_THERE = "reuse"


@dataclass(frozen=True)
class Ahead:
    """What making the rest of a run takes. left: the stages to be made. plan: the same in words.

    sampling_s: judged by the latest run of these weights; None where there was none, 0 where nothing is drawn. tiles:
    of planes, which are painted where others evaluate a model.
    """

    left: tuple[str, ...]
    plan: str
    evaluations: int = 0
    frames: int = 0
    disk_bytes: int = 0
    sampling_s: float | None = 0.0
    tiles: int = 0


class Estimates:
    """Estimates of several runs; how quick a model is, is looked up once."""

    def __init__(self) -> None:
        self._paces: dict[tuple[object, ...], float | None] = {}

    def of(self, run: Run) -> Ahead:
        """What is left of a run."""
        found = look_ahead(run)
        left = tuple(stage.name for stage in stages_of(run) if stage.name not in found)
        if not left:
            return Ahead((), ALL_THERE)
        plan = f"make {', '.join(left)}" if set(found) - {"story"} else "make"
        calls = evaluations(run) if "sampling" in left else 0
        pace = self._pace(run) if calls else 0.0
        frames = len(film_of(run).camera()) if "video" in left else 0
        work = (0, calls) if draws_plane(run.method) else (calls, 0)
        return Ahead(left, plan, work[0], frames, disk_bytes(run), None if pace is None else pace * calls, work[1])

    def _pace(self, run: Run) -> float | None:
        key = (run.model["revision"], run.size_px)
        if key not in self._paces:
            self._paces[key] = latest_pace(run)
        return self._paces[key]


def in_all(runs: Iterable[Ahead]) -> str:
    """What the rest of several runs takes together, in words."""
    runs = [*runs]
    calls, tiles, frames = (sum(getattr(run, name) for run in runs) for name in ("evaluations", "tiles", "frames"))
    room, times = sum(run.disk_bytes for run in runs), [run.sampling_s for run in runs]
    known = [time for time in times if time is not None]
    paced = calls + tiles > 0 and len(known) == len(times)
    pace = f" (about {sum(known):,.0f} s at the latest run's pace)" if paced else ""
    work = f"{calls:,} evaluations of the model" + (f" and {tiles:,} tiles of planes" if tiles else "")
    return f"{work}{pace}, {frames:,} frames, at most about {room / 2**20:,.0f} MB on disk"
