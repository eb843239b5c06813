"""The ladder as a picture: a rung for each factor of ten, and on it the things of that size, as SVG."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from prompts.scales.thing import Thing
from prompts.scales.units import say_length

WIDTH, LEFT, TOP, LINE, FONT = 1000, 118, 64, 19, 13  # pixels: of the picture, the sizes, the head, a line, the letters
LETTER, GAP = 7.2, 16  # pixels: a letter's mean width, and what stands between two names
RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
COLOURS = {
    "cosmos": "#5b4fc4", "earth": "#1f7a4d", "city": "#b3541e", "plants": "#4d8a1c", "animals": "#a8324a",
    "body": "#c2417c", "machines": "#55606b", "micro": "#0b7785", "materials": "#8a6d1d", "matter": "#2f62b5",
}  # fmt: skip


def chart(things: Sequence[Thing]) -> str:
    """An SVG document of the things, the largest on top; their colours tell the domains."""
    body: list[str] = []
    y = TOP
    for exponent, rung in rungs(things):
        written = lines(rung)
        body += [f'<path d="M{LEFT - 8} {y}H{WIDTH}" stroke="#e4e4e4"/>', _size(exponent, y)]
        for line in written:
            body += [_text(x, y + 14, thing.names[0], COLOURS[thing.domain]) for x, thing in line]
            y += LINE
        y += 0 if written else LINE
    size = f'viewBox="0 0 {WIDTH} {y + 8}" font-family="sans-serif" font-size="{FONT}"'
    paper = f'<rect width="{WIDTH}" height="{y + 8}" fill="#ffffff"/>'
    head = [f'<svg xmlns="http://www.w3.org/2000/svg" {size}>', paper, *_head(len(things))]
    return "\n".join([*head, *body, "</svg>", ""])


def rungs(things: Sequence[Thing]) -> list[tuple[int, list[Thing]]]:
    """Things by the power of ten of their size, also the empty ones between: the exponent, and what has that size."""
    by_power: dict[int, list[Thing]] = {}
    for thing in sorted(things, key=lambda t: (-t.size_m, t.id)):
        by_power.setdefault(power(thing.size_m), []).append(thing)
    return [(e, by_power.get(e, [])) for e in range(max(by_power), min(by_power) - 1, -1)]


def power(metres: float) -> int:
    """The exponent of the largest power of ten that is not above a length; as Python writes it, so that 1e23 has 23."""
    return int(f"{metres:e}".partition("e")[2])


def lines(things: Sequence[Thing]) -> list[list[tuple[float, Thing]]]:
    """The lines on which the names of things stand, each name with the pixel where it begins."""
    written: list[list[tuple[float, Thing]]] = []
    x = math.inf
    for thing in things:
        room = LETTER * len(thing.names[0])
        if x + room > WIDTH:
            written.append([])
            x = LEFT
        written[-1].append((x, thing))
        x += room + GAP
    return written


def _head(count: int) -> Iterator[str]:
    yield _text(LEFT, 22, f"{count} things, from the largest to the smallest; a rung is a factor of ten", "#222222")
    x: float = LEFT
    for domain, colour in COLOURS.items():
        yield f'<circle cx="{x + 4:.0f}" cy="40" r="4" fill="{colour}"/>'
        yield _text(x + 12, 44, domain, colour)
        x += LETTER * len(domain) + 12 + GAP


def _size(exponent: int, y: int) -> str:
    return _text(LEFT - 16, y + 14, said(exponent), "#777777", "end")


def said(exponent: int) -> str:
    """A power of ten in metres: as people say it up to a million kilometres, above that as a power."""
    return say_length(10.0**exponent) if exponent <= 9 else f"10{str(exponent).translate(RAISED)} m"


def _text(x: float, y: float, words: str, colour: str, anchor: str = "start") -> str:
    return f'<text x="{x:.0f}" y="{y}" text-anchor="{anchor}" fill="{colour}">{escape(words)}</text>'
