"""What a story must fulfil: checks of single values, and of levels against each other.

A check of one value takes whatever a reader found, returns it in its final form, or raises `refusal(reason, remedy)`,
which pydantic collects with its place.
"""

from __future__ import annotations

import itertools
import math
import re
import unicodedata
from collections.abc import Sequence

from pydantic_core import PydanticCustomError

from prompts.errors import shown
from prompts.nodes import Place

MAX_LEVELS = 64
MAX_TITLE, MAX_PROMPT, MAX_WORDS, MAX_ABOUT = 120, 1_000, 500, 2_000  # characters
MAX_P = 16
MIN_WIDTH_M, MAX_WIDTH_M = 1e-35, 1e30  # from Planck's length to a thousand observable universes
WIDTH_TOLERANCE = 0.1  # of p: room for widths rounded to one or two digits, too little for a wrong step
MAX_SEED = 2**32 - 1

# Controls (line ends and tabs are plain white space), lone surrogates, what reverses the direction of text, and
# characters that YAML forbids.
FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)


Fault = tuple[Place, str, str]  # where, reason, remedy


def refusal(reason: str, remedy: str, kind: str = "story") -> PydanticCustomError:
    """The error that a check raises: two sentences."""
    return PydanticCustomError(kind, "{reason} {remedy}", {"reason": reason, "remedy": remedy})


def kind_of(value: object) -> str:
    """What a value is, in words."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    if isinstance(value, int | float):
        return f"the number {as_float(value):g}"
    if isinstance(value, str):
        return f"the text {shown(value)}"
    return "a mapping" if isinstance(value, dict) else "a list"


def _clean(value: object) -> str:
    if value is None or value == "":
        raise refusal("It is empty.", "Write it in words.")
    if not isinstance(value, str):
        raise refusal(f"A text was expected, and {kind_of(value)} came.", "Put the text in quotes.", "text_expected")
    if found := FORBIDDEN.search(value):
        raise refusal(f"It contains the control character U+{ord(found[0]):04X}.", "Remove it.")
    return value


def text(value: object, limit: int, required: bool = True) -> str:
    """One line of text: white space of any kind becomes single spaces."""
    words = " ".join(_clean(value).split()) if required or value != "" else ""
    if required and not any(unicodedata.category(c)[0] in "LNS" for c in words):
        raise refusal("It is empty." if not words else f"{shown(words)} has no words.", "Write it in words.")
    if len(words) > limit:
        raise refusal(f"It has {len(words):,} characters, and at most {limit:,} are allowed.", "Shorten it.")
    return words


def title(value: object) -> str:
    """A title: shown to people, and the source of a folder's name."""
    words = text(value, MAX_TITLE)
    if "/" in words or "\\" in words or ".." in words:
        raise refusal(f"The title {shown(words)} looks like a path.", "Leave out '/', '\\' and '..': write a name.")
    if not any(unicodedata.category(c)[0] in "LN" for c in words):
        raise refusal(f"The title {shown(words)} has no letter or digit.", "Add a word, as in 'Galaxy to leaf'.")
    return words


def picture(value: object) -> str:
    """The path of a picture, as written."""
    path = _clean(value)
    if not path.strip() or set(path) & set("\t\r\n"):
        raise refusal(f"{shown(path)} is no path.", "Write the path of a picture in one line.")
    return path


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        hint = "Write it without quotes, as in 2 or 1.5e3." if isinstance(value, str) else "Write a number."
        raise refusal(f"A number was expected, and {kind_of(value)} came.", hint)
    return as_float(value)


def _within(value: object, low: float, high: float) -> float:
    number = _number(value)
    if not low <= number <= high:  # false for NaN as well
        raise refusal(f"{number:g} is out of range.", f"Write a number from {low:g} to {high:g}.")
    return number


def as_float(value: int | float) -> float:
    """The number as a float, infinite where it is too large for one."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def zoom_factor(value: object) -> int | float:
    """The zoom between levels, p: an int where it is whole."""
    p = _number(value)
    if not 1 < p <= MAX_P:
        remedy = f"Write a number greater than 1 and at most {MAX_P}: 2 and 4 are usual."
        raise refusal(f"The zoom factor between levels is {p:g}.", remedy)
    return int(p) if p == int(p) else p


def width(value: object) -> float:
    """A field of view in metres."""
    return _within(value, MIN_WIDTH_M, MAX_WIDTH_M)


def focus(value: object) -> tuple[float, float]:
    """Where the next level lies: fractions of the width and height."""
    if not isinstance(value, list | tuple) or len(value) != 2:
        came = f"a list of {len(value)}" if isinstance(value, list | tuple) else kind_of(value)
        raise refusal(f"A pair [x, y] was expected, and {came} came.", "Write the middle of the picture as [0.5, 0.5].")
    x, y = (_within(v, 0, 1) for v in value)
    return x, y


def seed(value: object) -> int:
    """A seed of the level's own noise."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_SEED:
        raise refusal(f"A seed was expected, and {kind_of(value)} came.", f"Write a whole number from 0 to {MAX_SEED}.")
    return value


def between_levels(p: float | None, widths: Sequence[float | None], loop: bool = False) -> list[Fault]:
    """Faults that show only when levels are compared: path, reason, remedy of each. p None: unknown.

    Widths must shrink, and g levels apart by p^g, each step within `WIDTH_TOLERANCE` of p; levels without one are
    skipped.
    """
    faults: list[Fault] = []
    if loop and len(widths) == 1:
        faults.append((("loop",), "A loop of one level never changes.", "Add levels, or set loop to false."))
    given = [(i, w) for i, w in enumerate(widths) if w is not None]
    for (i, wide), (j, narrow) in itertools.pairwise(given):
        step = (wide / narrow) ** (1 / (j - i))
        path: Place = ("levels", j, "width_m")
        if step <= 1:
            reason = f"Its {narrow:g} m are not narrower than the {wide:g} m of level {i}."
            faults.append((path, reason, "Order the levels from the widest to the deepest view."))
        elif p is not None and abs(step / p - 1) > WIDTH_TOLERANCE:
            reason = f"From {wide:g} m at level {i} to {narrow:g} m each step is {step:.3g}, and p is {p:g}."
            remedy = (
                f"Write about {wide / p ** (j - i):.3g} m ({WIDTH_TOLERANCE:.0%} off is allowed), or leave widths out."
            )
            faults.append((path, reason, remedy))
    return faults
