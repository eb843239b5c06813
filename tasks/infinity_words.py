"""What commands about planes are told in words: places, sizes, styles, seeds. Plain numbers come of it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tasks.errors import RefusedError

MOST_SEED = 2**64 - 1
_MOST_DIGITS = 40
"""Digits of a number that is read at all: Python takes minutes over a million of them."""


def read_point(text: str, option: str = "--origin") -> tuple[int, int]:
    """(y, x) in pixels of "Y,X". Raises RefusedError."""
    y, x = _numbers(text, 2, f"{option} as Y,X in pixels, such as -128,0 (row 0 is the horizon)")
    return y, x


def read_size(text: str) -> tuple[int, int]:
    """(height, width) of "WIDTHxHEIGHT". Raises RefusedError for sides below 1 and for anything else."""
    return _sides(text, "--size as WIDTHxHEIGHT with sides of 1 pixel or more, such as 2048x512")


def read_style(text: str) -> tuple[int, int, int]:
    """(y, x, seed) of "Y,X,SEED". Raises RefusedError."""
    y, x, seed = _numbers(text, 3, "--style as Y,X,SEED: where a style is at home, in pixels, and whose it is")
    return y, x, check_seed(seed, "--style")


def read_region(text: str) -> tuple[int, int, int, int, int]:
    """(y, x, height, width, seed) of "Y,X,WIDTHxHEIGHT,SEED", in cells. Raises RefusedError."""
    wish = "--reseed as Y,X,WIDTHxHEIGHT,SEED: a rectangle of latent cells, and the seed of what is in it"
    parts = text.split(",")
    if len(parts) != 4:
        raise RefusedError(f"Expected {wish}; got {text[:60]!r}.")
    y, x, seed = _numbers(",".join((*parts[:2], parts[3])), 3, wish)
    height, width = _sides(parts[2], wish)
    return y, x, height, width, check_seed(seed, "--reseed")


def read_list(text: str, option: str) -> tuple[int, ...]:
    """The numbers of "0,1,2", each once. Raises RefusedError for other than numbers of 0 or more, and for doubles."""
    numbers = [_whole(part) for part in text.split(",")]
    found = tuple(number for number in numbers if number is not None and number >= 0)
    if len(found) < len(numbers) or len(set(found)) < len(found):
        raise RefusedError(f"Expected {option} as whole numbers of 0 or more, each once: 0,1,2; got {text[:60]!r}.")
    return found


def check_seed(seed: int, option: str = "--seed") -> int:
    """The seed itself. Raises RefusedError outside 0 .. 2^64 - 1."""
    if not 0 <= seed <= MOST_SEED:
        raise RefusedError(f"Expected {option} with a seed from 0 to {MOST_SEED}; got {seed}.")
    return seed


def shape(height: int, width: int) -> str:
    """A size as it is read."""
    return f"{width}x{height}"


def _sides(text: str, wish: str) -> tuple[int, int]:
    sides = [_whole(part) for part in text.lower().split("x")]
    if len(sides) != 2 or any(side is None or side < 1 for side in sides):
        raise RefusedError(f"Expected {wish}; got {text[:60]!r}.")
    width, height = (side or 0 for side in sides)
    return height, width


def _numbers(text: str, count: int, wish: str) -> Sequence[int]:
    numbers = [_whole(part) for part in text.split(",")]
    found = [number for number in numbers if number is not None]
    if len(found) != count or len(numbers) != count:
        raise RefusedError(f"Expected {wish}; got {text[:60]!r}.")
    return found


def _whole(text: str) -> int | None:
    """A whole number in plain digits; None for everything else that `int` would take, such as 1_000."""
    text = text.strip()
    return int(text) if len(text) <= _MOST_DIGITS and re.fullmatch(r"[+-]?[0-9]+", text) else None
