"""How long something takes still, told by how long it took so far."""

from __future__ import annotations

from collections import deque

WINDOW = 20
"""Of how many of the latest moves the pace is the mean: steps become slower or quicker on the way."""


class Pace:
    """The pace of a stage. What comes before its first unit, as the loading of a model, is not its pace."""

    def __init__(self, total: float) -> None:
        self.total = total
        self.moves: deque[tuple[float, float]] = deque(maxlen=WINDOW + 1)  # time in seconds, units done by then

    def move(self, done: float, now: float) -> None:
        """`done` units are made at the time `now`, in seconds of any clock that only goes on."""
        if not self.moves or done > self.moves[-1][1]:
            self.moves.append((now, done))

    def left(self, now: float) -> float | None:
        """Seconds that the rest takes, counted down between two moves; None while nobody can know."""
        if len(self.moves) < 2:
            return None
        (since, first), (last, done) = self.moves[0], self.moves[-1]
        return max(0.0, (last - since) / (done - first) * (self.total - done) - max(0.0, now - last))


class BatchPace:
    """The pace of several runs, some of them at once. Runs that took no time were there, and say nothing of others."""

    QUICK_S = 0.5

    def __init__(self) -> None:
        self.since: float | None = None
        self.last = 0.0
        self.made = self.left_runs = 0

    def begin(self, now: float) -> None:
        """A run is begun."""
        if self.since is None:
            self.since = now

    def end(self, seconds: float, left_runs: int, now: float) -> None:
        """A run that took `seconds` is over, and `left_runs` are not."""
        self.left_runs = left_runs
        if seconds < self.QUICK_S:
            return
        self.begin(now - seconds)
        self.made, self.last = self.made + 1, now

    def left(self, now: float) -> float | None:
        """Seconds that the runs that are left take, counted down; None while none was made."""
        if not self.made or self.since is None:
            return None
        return max(0.0, (self.last - self.since) / self.made * self.left_runs - max(0.0, now - self.last))


def clock(seconds: float) -> str:
    """Seconds as hours, minutes and seconds."""
    minutes, whole = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{whole:02d}"
