"""A wish in words to what it names: the larger end, the smaller one, and what lies between."""

from __future__ import annotations

import functools
import math
import re
from dataclasses import dataclass, replace

from prompts.errors import PlanError, shown
from prompts.offline.data import read
from prompts.offline.stated import without_numbers
from prompts.offline.stops import Stop, as_said, stops
from prompts.request import PlanRequest
from prompts.scales.ladder import ladder, path_exists, things
from prompts.scales.naming import WORD, nearest
from prompts.scales.thing import Thing
from prompts.schedule.lexicon import words

STRICT = re.compile(r"->|→|=>|\b(?:from|to|into|via|through|between|until|towards?)\b", re.I)
PARTS = re.compile(r"->|→|=>|[,;]|\b(?:from|to|into|via|through|between|and|then|until|towards?)\b", re.I)
ORDERED = re.compile(r"->|→|=>|\b(?:from|to|into)\b", re.I)
LOOP = re.compile(r"\b(?:loops?|looping|looped|endless(?:ly)?|forever|back again)\b", re.I)
KIN = 100.0  # how much smaller or larger a thing of the same kind may be: a bee's eye and a person's
ITS = re.compile(r"(?:its|his|her|their)\b", re.I)
SAME = 1.2  # ends whose sizes differ by less are no zoom
NO_LOOP = (
    "The story does not close into a loop: for that, let its deepest level show in its centre what the first one "
    "shows, and write 'loop: true' (--edit opens it)."
)
HOW = (
    "Name things in English, such as 'from a galaxy to a leaf', or lengths such as 'from 10 km to 1 mm'; give an "
    "unknown thing its size, as in 'a unicorn (2 m)'; or name a language model with --llm, which knows more (`tenfold "
    "ladder` lists what is known here)."
)


@dataclass(frozen=True)
class Wish:
    """What is to be seen, largest first. A single stop is shown from its surroundings to its insides.

    notes: sentences for the user. photograph: the widest view is one in whose middle the first thing stands.
    """

    stops: tuple[Stop, ...]
    notes: tuple[str, ...] = ()
    photograph: bool = False


def text_of(request: PlanRequest) -> str:
    """The text of a request in which stops have their places: white space single, without what is read apart."""
    return without_numbers(" ".join(request.text.split()).strip(" \"'.!?“”‘’"))


def understand(request: PlanRequest) -> Wish:
    """What a request names. Raises PlanError where that is nothing, with the nearest names and the remedies."""
    text = text_of(request)
    if not text.strip() and request.widths_m is None:
        raise PlanError(f"There is nothing to plan: the text is empty. {HOW}")
    found = stops(text)
    notes = _unknown(text, found, request)
    if LOOP.search(text):
        notes += (NO_LOOP,)
    if not found and request.widths_m is None:
        raise PlanError(f"Nothing to be seen is named in {shown(text)}. {HOW}")
    if request.widths_m is not None:
        return _with_widths(found, request.widths_m, notes)
    wish = _ordered(text, _with_wholes(found), notes)
    return replace(wish, stops=_met(_distinct(wish.stops)))


def _owned(text: str, found: list[Stop]) -> list[Stop]:
    """What is said to be its own of the thing before: "a bee and its eye"."""
    owned = found[:1]
    for stop in found[1:]:
        outer = owned[-1].thing
        its = outer and stop.thing and ITS.match(text, stop.start)
        owned.append(_kin(outer, stop, stop.thing) if its and outer and stop.thing else stop)
    return owned


def _met(found: tuple[Stop, ...]) -> tuple[Stop, ...]:
    """Things that are not met in the one before give way to their kin that are: elephant's skin, apple's cells."""
    met: list[Stop] = []
    for stop in found:
        outer = met[-1].thing if met else None
        met.append(_kin(outer, stop, stop.thing) if outer and stop.thing else stop)
    return tuple(met)


def _kin(outer: Thing, stop: Stop, thing: Thing) -> Stop:
    """The stop with the thing of the same kind ("cell", "skin") that is met in `outer`, best directly, then nearest
    in size; as it is where it is met there itself, or none is, or where the words say which it is ("sugar crystal")."""
    if thing.id not in ladder().by_id or outer.id not in ladder().by_id or path_exists(outer.id, thing.id):
        return stop
    kind = words(stop.words)
    if len(kind) != 1:
        return stop
    kin = [
        t
        for t in things()
        if path_exists(outer.id, t.id)
        and 1 / KIN <= t.size_m / thing.size_m <= KIN
        and any(words(name)[-1:] == kind for name in t.names if " " in name)
    ]
    if not kin:
        return stop
    best = min(kin, key=lambda t: (outer.id not in t.surroundings, abs(math.log(t.size_m / thing.size_m))))
    return replace(stop, thing=as_said(best, stop.words))


def ends_m(request: PlanRequest) -> tuple[float, float] | None:
    """The widest and the deepest view in metres that a request names, or None where it names fewer than two."""
    if request.widths_m is not None:
        return max(request.widths_m), min(request.widths_m)
    try:
        found = understand(request).stops
    except PlanError:
        return None
    return (found[0].view_m, found[-1].view_m) if len(found) > 1 else None


def _with_widths(found: list[Stop], widths_m: tuple[float, float], notes: tuple[str, ...]) -> Wish:
    """Two widths asked for apart from the text: they are the ends, and things named lie between."""
    wide, deep = max(widths_m), min(widths_m)
    if wide == deep:
        raise PlanError(f"Both ends are {wide:g} m wide, which is no zoom. Give two different widths.")
    between = [s for s in sorted(found, key=lambda s: -s.size_m) if s.thing and deep < s.size_m < wide * SAME]
    left = [s for s in found if s.thing and s not in between]
    if left:
        notes += (f"{_listed([s.name for s in left])} does not fit between the widths, and is left out.",)
    if widths_m[0] < widths_m[1]:
        notes += (_turned("The widths"),)
    return Wish((Stop(0, 0, width_m=wide), *_distinct(tuple(between)), Stop(0, 0, width_m=deep)), notes)


def _turned(what: str) -> str:
    return f"{what} came smallest first: a story begins with the widest view, and --direction out films it outwards."


def _ordered(text: str, found: list[Stop], notes: tuple[str, ...]) -> Wish:
    """Largest first; a text that leads outwards is turned, and told so."""
    found = _owned(text, found)
    order = sorted(found, key=lambda s: -s.size_m)
    outwards = len(found) > 1 and found[0].size_m * SAME < found[-1].size_m
    if outwards and ORDERED.search(text) and not re.match(r"between\b", text, re.I):
        notes += (_turned("The ends"),)
    return Wish(tuple(order), notes)


def _with_wholes(found: list[Stop]) -> list[Stop]:
    """Things named as parts ("the eye of a bee") after what they are part of, where others are named too."""
    if len(found) < 2:
        return found
    more: list[Stop] = []
    for stop in found:
        if stop.within is not None and not any(s.thing and s.thing.id == stop.within.id for s in found):
            more.append(Stop(stop.start, stop.start, stop.within))
        more.append(stop)
    return more


def _distinct(found: tuple[Stop, ...]) -> tuple[Stop, ...]:
    """Each thing once, and each length: the first time it is named."""
    kept: dict[object, Stop] = {}
    for stop in found:
        key = (stop.thing.id, stop.thing.names) if stop.thing else stop.width_m
        kept.setdefault(key, stop)
    return tuple(kept.values())


def _unknown(text: str, found: list[Stop], request: PlanRequest) -> tuple[str, ...]:
    """A note on words that name nothing known. Raises PlanError where one of the ends is among them."""
    if request.widths_m is not None and not found:
        return ()
    parts = list(_parts(text))
    unsaid = [words for start, end in parts if (words := _unnamed(text, start, end, found))]
    missing = [
        words for start, end in parts
        if not any(s.start < end and start < s.end for s in found) and (words := _unnamed(text, start, end, found))
    ]  # fmt: skip
    if missing and (not found or (STRICT.search(text) and len(parts) <= 4)):
        raise PlanError(_not_known(missing))
    return (f"Not known, and left out: {_listed([shown(w, 40) for w in unsaid[:3]])}.",) if unsaid else ()


def _unnamed(text: str, start: int, end: int, found: list[Stop]) -> str:
    """The words of a part of the text that stand outside of what was found and mean something."""
    words = [w for w in WORD.finditer(text, start, end) if w[0].lower() not in _fillers()]
    return " ".join(w[0] for w in words if not any(s.start < w.end() and w.start() < s.end for s in found))


@functools.cache
def _fillers() -> frozenset[str]:
    return frozenset(read("words.yaml")["fillers"])


def _parts(text: str) -> list[tuple[int, int]]:
    """What stands between "from", "to", commas and the like, as places in the text, empty ones left out."""
    marks = [0, *(edge for m in PARTS.finditer(text) for edge in m.span()), len(text)]
    pairs = zip(marks[::2], marks[1::2], strict=True)
    return [(start, end) for start, end in pairs if WORD.search(text[start:end])]


def _not_known(unknown: list[str]) -> str:
    close = [name for words in unknown[:3] for name in nearest(words, 3)][:5]
    mean = f" Did you mean {_listed([shown(name) for name in close], 'or')}?" if close else ""
    return f"No thing or length that is known here is named in {shown(unknown[0])}.{mean} {HOW}"


def _listed(names: list[str], word: str = "and") -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {word} {names[-1]}"
