"""What a text names in order: things of the ladder, things with a size of their own, and lengths."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from prompts import checks
from prompts.offline.phrases import ARTICLE, head
from prompts.scales.naming import WORD, Found, find
from prompts.scales.thing import Thing
from prompts.scales.units import lengths, read_length, say_length
from prompts.schedule.lexicon import words as words_of

OWN = re.compile(r"\(\s*(?:about |some |~)?([^()]{1,40}?)(?:\s(?:wide|across|tall|long|high|big|large))?\s*\)", re.I)
BREAK = re.compile(
    r"[,;:.!?()]|->|→|\b(?:from|to|into|onto|via|through|between|and|then|until|towards?|in|on|of|with)\b", re.I
)
OWN_DOMAIN = "own"  # of things that are not on the ladder; what is around them is part of what they are placed in
FILLS = 1.2  # a view is this much wider than the thing that fills it
WORDS = 8  # of a noun phrase that are kept, the last ones
ADJECTIVES = re.compile(r"[\s-]*(?:(?:wide|tall|long|high|big|large|\w+)\s+){0,2}", re.I)


@dataclass(frozen=True)
class Stop:
    """A mention: a thing, or a width without one. text[start:end] is what was said.

    within: a larger thing that the words name it as part of. words: how the user calls the thing, without article.
    """

    start: int
    end: int
    thing: Thing | None = None
    width_m: float | None = None
    within: Thing | None = None
    words: str = ""

    @property
    def size_m(self) -> float:
        """Its size, or the width."""
        if self.thing is not None:
            return self.thing.size_m
        return self.width_m or 1.0

    @property
    def view_m(self) -> float:
        """The width of a view that it fills."""
        return FILLS * self.size_m if self.thing else self.size_m

    @property
    def name(self) -> str:
        """How to call it: in the user's words, or by its usual name, or a length."""
        return self.words or (self.thing.names[0] if self.thing else say_length(self.size_m))


def stops(text: str) -> list[Stop]:
    """All mentions in the order of the text."""
    said = list(_lengths(text))
    sized = list(_sized(text))
    taken = [(s.start, s.end) for s in sized]
    named = [f for f in find(text) if not _overlap(f.start, f.end, taken)]
    found = list(sized)
    for one in named:
        before = next((s for s in said if _belongs(text, s, one)), None)
        found.append(_of(text, one, before))
        taken += [(one.start, one.end)] + ([(before.start, before.end)] if before else [])
    found += [s for s in said if not _overlap(s.start, s.end, taken)]
    return sorted(found, key=lambda s: s.start)


def own_thing(words: str, size_m: float) -> Thing:
    """A thing that is not on the ladder, from what the user calls it."""
    name = plain(words)
    return Thing(
        id="own-thing",
        size_m=size_m,
        range_m=(max(size_m / 3, checks.MIN_WIDTH_M), min(size_m * 3, checks.MAX_WIDTH_M)),
        names=(bare_name(words) or name,),
        surroundings=(),
        domain=OWN_DOMAIN,
        source="user",
        looks=f"{name} in full clear shape",
        centre=name,
        around="a quiet open place",
        detail=f"the fine outer texture of {name}",
    )


def plain(words: str) -> str:
    """A noun phrase for prompts: one line, no brackets or commas, its last words."""
    kept = re.sub(r"[^\w\s'’-]", " ", words).split()[-WORDS:]
    return " ".join(kept)[-120:].strip(" -'’")


def as_said(thing: Thing, words: str) -> Thing:
    """The thing in the user's words, where they say more or other of it than its usual name ("a frosty maple leaf",
    "Paris")."""
    said = re.sub(r"^(?:this|that|one|each) ", "a ", plain(words), flags=re.I)
    bare = bare_name(said)
    if _same(thing.names[0], bare) or set(words_of(bare)) <= set(words_of(f"{thing.names[0]} {thing.centre}")):
        return thing
    return called(thing, said)


def called(thing: Thing, said: str) -> Thing:
    """The thing under another name, with its article; one without is a name of its own ("Mars")."""
    first, last = head(thing.looks), words_of(said)[-1:]
    more = thing.looks[len(first) :]
    proper = ARTICLE.match(first) and not ARTICLE.match(said) and last == (said.split()[-1].lower(),)
    if more.startswith(" and") or (proper and not set(last) <= set(words_of(first))):
        return thing.model_copy(update={"centre": said, "looks": f"{said}, {thing.looks}"})
    return thing.model_copy(update={"centre": said, "looks": f"{said}{more}" if more else f"{said}, {thing.detail}"})


def bare_name(words: str) -> str:
    """A noun phrase without its article."""
    return re.sub(r"^(?:an?|the|my|your|our|his|her|its|their|some|this|that|one|each) ", "", plain(words), flags=re.I)


def _same(name: str, bare: str) -> bool:
    """Whether the words are the name, in singular or plural."""
    a, b = (re.sub(r"[\s'’-]", "", text).casefold() for text in (name, bare))
    return a == b or (a[:-2] == b[: len(a) - 2] and abs(len(a) - len(b)) <= 2)


def _of(text: str, found: Found, length: Stop | None) -> Stop:
    if length is None or length.width_m is None:
        thing = as_said(found.thing, found.words)
        return Stop(found.start, found.end, thing, within=found.of, words=bare_name(found.words))
    words = f"{_article(text, length, found)} {text[max(found.start, length.end) : found.end]}"
    thing = resized(as_said(found.thing, words), length.width_m)
    start = min(found.start, length.start)
    return Stop(start, found.end, thing, within=found.of, words=bare_name(words))


def _article(text: str, length: Stop, found: Found) -> str:
    """What stands before a length that belongs to a thing: "a tall" of "a tall 10 m oak", "a" of "a 10 m oak"."""
    if found.start < length.start:
        return text[found.start : length.start]
    article = re.search(r"\b(?:an?|the)\s*$", text[: length.start], re.I)
    return article[0] if article else ""


def resized(thing: Thing, size_m: float) -> Thing:
    """The thing at a size that the user says."""
    around = (max(size_m / 1.5, checks.MIN_WIDTH_M), min(size_m * 1.5, checks.MAX_WIDTH_M))
    return thing.model_copy(update={"size_m": size_m, "range_m": around})


def _lengths(text: str) -> Iterator[Stop]:
    """Lengths that a story's width can have; those in brackets are left out."""
    brackets = [(m.start(), m.end()) for m in OWN.finditer(text)]
    for found in lengths(text):
        usable = checks.MIN_WIDTH_M <= found.metres <= checks.MAX_WIDTH_M
        if usable and not _overlap(found.start, found.end, brackets):
            yield Stop(found.start, found.end, width_m=found.metres)


def _sized(text: str) -> Iterator[Stop]:
    """Things whose size stands behind them in brackets: known ones, or any words."""
    for match in OWN.finditer(text):
        metres = read_length(match[1].strip())
        before = text[: match.start()]
        start = max((m.end() for m in BREAK.finditer(before)), default=0)
        said = before[start:]
        start += len(said) - len(said.lstrip())
        words = plain(said)
        if metres is None or not checks.MIN_WIDTH_M <= metres <= checks.MAX_WIDTH_M or not WORD.search(words):
            continue
        known = find(said)
        is_known = known and known[-1].end == len(said.rstrip())
        thing = resized(as_said(known[-1].thing, words), metres) if is_known else own_thing(words, metres)
        yield Stop(start, match.end(), thing, words=bare_name(words))


def _belongs(text: str, length: Stop, found: Found) -> bool:
    """Whether a length says the size of the thing behind it: "a 3 cm leaf"."""
    if found.start <= length.end < found.end and length.start < found.end:
        return True
    between = text[length.end : found.start]
    return length.end <= found.start and not BREAK.search(between) and bool(ADJECTIVES.fullmatch(between + " "))


def _overlap(start: int, end: int, spans: list[tuple[int, int]]) -> bool:
    return any(start < b and a < end for a, b in spans)
