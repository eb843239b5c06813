"""Who sees whom: in which wider levels each level shows, on whole pixels; as plain numbers."""

from dataclasses import dataclass
from functools import lru_cache

from zoomlib.errors import InvalidInputError
from zoomlib.geometry import Focus, Window, corner, pyramid_depth, ring


@dataclass(frozen=True)
class Sighting:
    """Levels first .. first+count-1, each seen `depth` levels further up, in levels source .. source+count-1, through
    one and the same window of whole pixels."""

    first: int
    source: int
    count: int
    depth: int
    window: Window

    @property
    def levels(self) -> slice:
        """The levels that are seen."""
        return slice(self.first, self.first + self.count)

    @property
    def sources(self) -> slice:
        """The wider levels that see them, in the same order."""
        return slice(self.source, self.source + self.count)


def sightings(
    levels: int, height: int, width: int, p: int, focus: Focus = None, loop: bool = False
) -> tuple[tuple[Sighting, ...], ...]:
    """Who sees whom: entry d-1 holds the sightings of depth d = 1 .. `pyramid_depth`, in as few runs as possible.

    Where a nested window falls between pixels, that sighting is missing. In a closed loop the indices wrap, and a level
    of a loop of few levels sees itself. Raises InvalidInputError as `windows`, and for a loop of one level.
    """
    inside = ring(levels, height, width, p, focus)
    if loop and levels < 2:
        raise InvalidInputError("A closed loop has two levels or more, but one prompt was given. Add prompts.")
    return _sightings(inside, pyramid_depth(height, width, p), p, loop)


@lru_cache(maxsize=256)
def _sightings(inside: tuple[Window, ...], depth: int, p: int, loop: bool) -> tuple[tuple[Sighting, ...], ...]:
    levels = len(inside)
    found: list[tuple[Sighting, ...]] = []
    for d in range(1, depth + 1):
        runs: list[Sighting] = []
        for source in range(levels if loop else levels - d):
            first, window = (source + d) % levels, _nested(inside, source, d, p)
            if window is None:
                continue
            last = runs[-1] if runs else None
            if last and (last.window, last.sources.stop, last.levels.stop) == (window, source, first):
                runs[-1] = Sighting(last.first, last.source, last.count + 1, d, window)
            else:
                runs.append(Sighting(first, source, 1, d, window))
        found.append(tuple(runs))
    return tuple(found)


def _nested(inside: tuple[Window, ...], level: int, depth: int, p: int) -> Window | None:
    """The window of level + depth inside `level`, or None where it falls between pixels."""
    top, left = corner(inside, level, depth, p)
    unit = p ** (depth - 1)
    if top % unit or left % unit:
        return None
    return Window(top // unit, left // unit, inside[0].height // unit, inside[0].width // unit)
