"""Settings of a film from the words of the command line."""

from __future__ import annotations

from enum import StrEnum
from math import gcd
from pathlib import Path
from typing import Any

from tasks.errors import RefusedError


def film_values(size: str | None = None, pan: str | None = None, **named: Any) -> dict[str, Any]:
    """Settings by dotted path of the options that were given.

    size: the longer side, or width x height. pan: where the deepest view goes, or FROM:TO. Raises RefusedError for what
    is neither.
    """
    plain = {f"film.{name}": _plain(value) for name, value in named.items() if value is not None}
    return {**({} if size is None else size_values(size)), **({} if pan is None else pan_values(pan)), **plain}


def size_values(text: str) -> dict[str, Any]:
    """The longer side alone keeps the film's shape; both sides are the shape too."""
    sides = text.lower().replace("\N{MULTIPLICATION SIGN}", "x").split("x")
    try:
        numbers = [int(side) for side in sides]
    except ValueError:
        numbers = []
    if len(numbers) == 1:
        return {"film.size_px": numbers[0]}
    if len(numbers) != 2 or min(numbers) < 1:
        raise RefusedError(f"Expected --size as 1080 (the longer side) or 1920x1080, got {text!r}.")
    width, height = numbers
    common = gcd(width, height)
    return {"film.size_px": max(numbers), "film.aspect": f"{width // common}:{height // common}"}


def pan_values(text: str) -> dict[str, Any]:
    """X,Y of the deepest view, or of the widest and the deepest with a colon between them."""
    try:
        points = [tuple(float(number) for number in point.split(",")) for point in text.split(":")]
    except ValueError:
        points = []
    if len(points) not in (1, 2) or any(len(point) != 2 for point in points):
        raise RefusedError(
            f"Expected --pan as X,Y or X,Y:X,Y, parts of a frame to the right and down, as 0.1,0; got {text!r}."
        )
    begin, end = points if len(points) == 2 else [(0.0, 0.0), points[0]]
    return {"film.pan_from": begin, "film.pan_to": end}


def _plain(value: Any) -> Any:
    if isinstance(value, StrEnum):
        return value.value
    return str(value) if isinstance(value, Path) else value
