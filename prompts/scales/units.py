"""Lengths as people write them: "10 km", "3 million light years", "2 µm" to metres, and back."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

AU_M, LIGHT_YEAR_M, PARSEC_M = 1.495978707e11, 9.4607304725808e15, 3.0856775814913673e16

SYMBOLS = {
    "am": 1e-18, "fm": 1e-15, "pm": 1e-12, "Å": 1e-10, "å": 1e-10, "nm": 1e-9, "µm": 1e-6, "μm": 1e-6, "um": 1e-6,
    "mm": 1e-3, "cm": 1e-2, "dm": 0.1, "m": 1.0, "km": 1e3, "Mm": 1e6, "Gm": 1e9, "AU": AU_M, "au": AU_M,
    "ly": LIGHT_YEAR_M, "pc": PARSEC_M, "kpc": 1e3 * PARSEC_M, "Mpc": 1e6 * PARSEC_M, "Gpc": 1e9 * PARSEC_M,
    "ft": 0.3048, "yd": 0.9144, "mi": 1609.344,
}  # fmt: skip
PREFIXES = {
    "atto": 1e-18, "femto": 1e-15, "pico": 1e-12, "nano": 1e-9, "micro": 1e-6, "milli": 1e-3, "centi": 1e-2,
    "deci": 0.1, "": 1.0, "kilo": 1e3, "mega": 1e6, "giga": 1e9,
}  # fmt: skip
NAMES = {
    **{f"{prefix}{metre}": size for prefix, size in PREFIXES.items() for metre in ("metre", "meter")},
    **{f"{prefix}parsec": size * PARSEC_M for prefix, size in PREFIXES.items() if size >= 1},
    "micron": 1e-6, "angstrom": 1e-10, "ångström": 1e-10, "fermi": 1e-15, "light year": LIGHT_YEAR_M,
    "lightyear": LIGHT_YEAR_M, "astronomical unit": AU_M, "inch": 0.0254, "inche": 0.0254, "foot": 0.3048,
    "feet": 0.3048, "yard": 0.9144, "mile": 1609.344,
}  # fmt: skip
UNITS = {**{symbol.lower(): size for symbol, size in reversed(SYMBOLS.items())}, **NAMES}

ONES = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "half": 0.5,
}  # fmt: skip
TIMES = {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
SUPERSCRIPT = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺−", "0123456789-+-")

_EXPONENT = r"[-+−]?\d{1,3}"
_GROUPED = r"\d{1,3}(?:[,\u202f\u00a0 ]\d{3})+(?:\.\d+)?"
_NUMBER = rf"{_GROUPED}|\d+(?:[.,]\d+)?(?:[eE]{_EXPONENT})?|\.\d+(?:[eE]{_EXPONENT})?"
_POWER = rf"10(?:\^\s*\(?{_EXPONENT}\)?|[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)"
_ONES = "|".join(sorted(ONES, key=len, reverse=True))
_TIMES = "|".join(TIMES)
_UNIT = "|".join(sorted({re.escape(u).replace(r"\ ", r"[\s-]+") for u in (*SYMBOLS, *UNITS)}, key=len, reverse=True))
LENGTH = re.compile(
    rf"(?<![\w.,^])(?:(?P<number>{_NUMBER})\s*[x×·*]\s*(?P<by>{_POWER})|(?P<power>{_POWER})|(?P<plain>{_NUMBER})"
    rf"|(?P<word>{_ONES})(?:\s+an?)?(?=[\s-])|(?=(?:{_TIMES})\b))"
    rf"(?P<times>(?:[\s-]*(?:{_TIMES}))*)[\s-]*(?P<unit>{_UNIT})s?(?!\w)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Length:
    """A length named in a text: text[start:end] says `metres`."""

    start: int
    end: int
    metres: float


def lengths(text: str) -> tuple[Length, ...]:
    """All lengths named in a text, in order. What is zero, or too large for a number, is left out."""
    found = (Length(m.start(), m.end(), _metres(m)) for m in LENGTH.finditer(text))
    return tuple(length for length in found if 0 < length.metres < math.inf)


def read_length(text: str) -> float | None:
    """The metres that a text says, as "10 km", "1e-6 m", "3 light years", "2 µm", "half a mile"; None for others."""
    words = text.strip().rstrip(".")
    found = lengths(words)
    return found[0].metres if len(found) == 1 and found[0].end - found[0].start == len(words) else None


def _metres(match: re.Match[str]) -> float:
    unit = " ".join(re.split(r"[\s-]+", match["unit"]))
    size = SYMBOLS.get(unit) or UNITS[unit.lower()]
    try:
        return _number(match) * size
    except OverflowError:
        return math.inf


def _number(match: re.Match[str]) -> float:
    digits, power = match["number"] or match["plain"], match["by"] or match["power"]
    value = _digits(digits) if digits else ONES[match["word"].lower()] if match["word"] else 1.0
    if power:
        value *= 10.0 ** int(power[2:].translate(SUPERSCRIPT).strip("^() "))
    for word in re.findall(_TIMES, match["times"].lower()):
        value *= TIMES[word]
    return value


def _digits(number: str) -> float:
    """A number whose comma groups thousands ("1,500") or begins the decimals ("1,5")."""
    if re.fullmatch(_GROUPED, number):
        return float(re.sub(r"[,\s]", "", number))
    return float(number.replace("−", "-").replace(",", "."))


STEPS = (
    (1e-19, 1e-18, "am"), (1e-15, 1e-15, "fm"), (1e-12, 1e-12, "pm"), (1e-9, 1e-9, "nm"), (1e-6, 1e-6, "µm"),
    (1e-3, 1e-3, "mm"), (1e-2, 1e-2, "cm"), (1.0, 1.0, "m"), (1e3, 1e3, "km"), (0.1 * AU_M, AU_M, "AU"),
    (0.1 * LIGHT_YEAR_M, LIGHT_YEAR_M, "ly"),
)  # fmt: skip
"""From how many metres on which unit says a length: start, the unit's metres, its symbol."""


def say_length(metres: float) -> str:
    """A length for people, to three digits: "12 km", "1.56 cm", "2.5 million ly", "4.2e-35 m".

    What it says, `read_length` reads.
    """
    rounded = float(f"{metres:.3g}")
    _, size, symbol = next((s for s in reversed(STEPS) if rounded >= s[0] * (1 - 1e-9)), (0.0, 0.0, ""))
    return f"{_say_number(metres / size)} {symbol}" if symbol else f"{metres:.3g} m"


def _say_number(value: float) -> str:
    for word, size in (("trillion", 1e12), ("billion", 1e9), ("million", 1e6)):
        if value >= size * 0.9995:
            return f"{float(f'{value / size:.3g}'):,.10g} {word}"
    return f"{float(f'{value:.3g}'):,.10g}"
