"""A thing of the scale ladder: how large it is, where it is met, and how image models draw it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from prompts import checks

Size = Annotated[float, Field(ge=checks.MIN_WIDTH_M, le=checks.MAX_WIDTH_M, allow_inf_nan=False)]
Words = Annotated[str, Field(min_length=1, max_length=160)]
Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]


class Thing(BaseModel):
    """A rung of the ladder.

    size_m: typical extent across in metres, rounded to one or two digits. range_m: smallest and largest usual one.
    names: how people call it, the usual name first, singular, without article. surroundings: ids of larger things
    in which it is met; only the root has none. domain: cosmos, earth, city, plants, animals, body, machines, micro,
    materials, matter. source: key of the work in `sources.yaml` that the size is from.

    Wording, noun phrases with their article where one is due, no viewpoint, no style, no "in the centre":
    looks: it fills the picture ("a spiral galaxy with curved blue arms and a golden core").
    centre: it is small in a wider view ("a spiral galaxy").
    around: what fills a view in which it is small ("black space scattered with faint small galaxies").
    detail: a part of it fills the picture ("star clouds and dark dust lanes").
    bundled: the class of the bundled model's world that is nearest, or None.
    hidden: it lies within what it is met in, where nobody looks (a cat's gut): shown where it is asked for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Id
    size_m: Size
    range_m: tuple[Size, Size]
    names: Annotated[tuple[Words, ...], Field(min_length=1)]
    surroundings: tuple[Id, ...]
    domain: str
    source: str
    looks: Words
    centre: Words
    around: Words
    detail: Words
    bundled: str | None = None
    hidden: bool = False
