"""Frames that a film still lacks: which they are, and whether those that come are the ones that were asked for."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby

import numpy as np

from zoomlib.errors import InvalidInputError
from zoomlib.film.planes import Frame, Layout, Size, shape_of

Draw = Callable[[int, int], Iterable[Frame]]
"""Draws frames `start` to `stop` - 1 of a film; each may be overwritten when the next is asked for."""


def stretches(there: Sequence[bool]) -> list[range]:
    """Where `there` is False: the indices, as one range for each run of neighbours."""
    runs = [[*run] for found, run in groupby(range(len(there)), key=lambda index: there[index]) if not found]
    return [range(run[0], run[-1] + 1) for run in runs]


@contextmanager
def drawn(draw: Draw, start: int, stop: int, layout: Layout, size: Size) -> Iterator[Iterator[Frame]]:
    """Frames `start` to `stop` - 1, one by one, C-contiguous; at the end a generator is closed, and its threads end.

    Raises InvalidInputError for frames that are not uint8, not of this layout and size, too few or too many.
    """
    frames = iter(draw(start, stop))
    try:
        yield _checked(frames, start, stop, layout, size)
        if next(frames, None) is not None:
            raise InvalidInputError(f"Frames {start} to {stop - 1} of a film were to be drawn, more of them came.")
    finally:
        getattr(frames, "close", lambda: None)()


def _checked(frames: Iterator[Frame], start: int, stop: int, layout: Layout, size: Size) -> Iterator[Frame]:
    """The same frames, refused when they are not what was asked for: ffmpeg would take any bytes for pixels."""
    shape = shape_of(layout, size)
    for number in range(start, stop):
        frame = next(frames, None)
        if frame is None:
            raise InvalidInputError(
                f"Frames {start} to {stop - 1} of a film were to be drawn, they ended before frame {number}."
            )
        if frame.shape != shape or frame.dtype != np.uint8:
            raise InvalidInputError(
                f"Frames in {layout} of {size[0]} x {size[1]} are uint8 {shape}; frame {number} is {frame.dtype} "
                f"{frame.shape}."
            )
        yield np.ascontiguousarray(frame)
