"""What a photograph shows, in the words of a schedule: a story that begins with it opens with these."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Caption:
    """A photograph as the first level of a story.

    prompt: what it shows, in the words that an image model draws. subject: what stands in its middle, in a few words;
    the zoom goes into it. width_m: the width of its view in metres, None where that cannot be told. viewpoint, style:
    where its viewer stands and how it is made, as the fields of a story; they hold for the whole zoom.
    """

    prompt: str
    subject: str
    width_m: float | None
    viewpoint: str
    style: str
