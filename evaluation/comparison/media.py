"""What the page shows beside numbers: pictures and films of runs, in the page or by their addresses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Source = bytes | str
"""A picture or film in the page: its bytes, which are embedded, or the address on the page's own server."""
FPS, SECONDS_PER_LEVEL = 24, 1.0
"""Of the camera that all films have in common: the same frame of two films shows the same place in the zoom."""


@dataclass(frozen=True)
class Media:
    """What the page shows of each run, by its id.

    pictures: one per level, widest first, None for one that cannot be read. films: as H.264 in MP4, all of one camera
    where `in_step`. notes: what could not be made, a sentence each.
    """

    pictures: Mapping[str, Sequence[Source | None]] = field(default_factory=dict)
    films: Mapping[str, Source] = field(default_factory=dict)
    in_step: bool = True
    notes: tuple[str, ...] = ()
