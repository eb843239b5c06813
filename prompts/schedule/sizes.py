"""Whether what a level names can be seen in a view of its width, by the sizes of the scale ladder.

Only plain cases are faults: the thing that a prompt begins with, and the thing that it puts in its centre, where they
stand for themselves and miss the view by orders of magnitude. A wrong alarm costs a good story, a missed one little.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from prompts.errors import shown
from prompts.scales.naming import Found, find
from prompts.scales.units import say_length
from prompts.schedule.centre import split
from prompts.schedule.lexicon import lemma, lexicon, words
from prompts.schedule.violation import Violation
from prompts.story import Story

PART = 100  # a thing that fills the view may be so many times as wide as it
LAND = 1000  # the same of land and water, which look alike over long ways
CROWD = 10_000  # a view may be so many times as wide as the things of which many are in it
ONE = 300  # and as a single one that it shows
HELD = 3  # a thing in the centre may be so many times as wide as the view, for its part may be meant
SEEN = 1000  # a view may be so many times as wide as the thing in its centre
POINTS = ("cosmos", "matter")  # domains whose things shine, or are drawn as points, however small they are

VIEW = re.compile(r"(?:(?:an?|the) )?(?:\w+ )?views? (?:of|over|across|into) ", re.IGNORECASE)
AFTER = re.compile(r"\s*(?:$|[,;:.()]|\s(\w+))")
ARTICLE = re.compile(r"(?:an?|the|one|its|his|her|their|this|that|each|single)\b", re.IGNORECASE)


@dataclass(frozen=True)
class _Named:
    """A thing that stands for itself in a prompt. many: not one of it, but several."""

    words: str
    low_m: float
    high_m: float
    domain: str
    many: bool


def size_faults(story: Story) -> Iterator[Violation]:
    """Levels that show, or have in their centre, what is far too large or too small for their width."""
    pictured = False
    for i, level in enumerate(story.levels):
        pictured = pictured or not lexicon().depicted.isdisjoint(words(level.prompt))
        if level.width_m is not None and not pictured:
            yield from level_size_faults(i, level.prompt, level.width_m)


def fits(prompt: str, width_m: float) -> bool:
    """Whether a prompt by itself can be seen in a view of a width."""
    return not lexicon().depicted.isdisjoint(words(prompt)) or next(level_size_faults(0, prompt, width_m), None) is None


def level_size_faults(i: int, prompt: str, width_m: float) -> Iterator[Violation]:
    """What the prompt of level i names that does not fit its width, unless it says that it means a likeness."""
    if not lexicon().likened.isdisjoint(words(prompt)):
        return
    own, centre = split(prompt)
    if own and (named := _subject(own)):
        yield from _filling(i, named, width_m)
    if centre and (named := _subject(centre)):
        yield from _standing(i, named, width_m, not set(words(centre)).isdisjoint(lexicon().specks))


def _filling(i: int, named: _Named, width_m: float) -> Iterator[Violation]:
    if named.low_m > width_m * (LAND if named.domain == "earth" else PART):
        what = f"It shows {_told(named)}, and its view of {say_length(width_m)} holds only a small part of that."
        yield Violation(
            i, "size", what, f"Say what {say_length(width_m)} of it look like, such as its surface or parts."
        )
    elif named.domain not in POINTS and named.high_m * (CROWD if named.many else ONE) < width_m:
        what = f"It shows {_told(named)}, which cannot be made out in its view of {say_length(width_m)}."
        yield Violation(i, "size", what, f"Say what fills {say_length(width_m)}, and name that at a deeper level.")


def _standing(i: int, named: _Named, width_m: float, speck: bool) -> Iterator[Violation]:
    if named.low_m > width_m * HELD:
        what = f"Its centre holds {_told(named)}, which is larger than the whole view of {say_length(width_m)}."
        yield Violation(i, "size", what, "Name something smaller than the view there, or widen the view.")
    elif not speck and named.domain not in POINTS and not named.many and named.high_m * SEEN < width_m:
        what = f"Its centre holds {_told(named)}, which cannot be made out in its view of {say_length(width_m)}."
        yield Violation(i, "size", what, "Name there what surrounds it, and itself at a deeper level.")


def _told(named: _Named) -> str:
    low, high = say_length(named.low_m), say_length(named.high_m)
    across = f"usually {low} to {high} across" if low != high else f"usually {low} across"
    return f"{shown(named.words)} ({across})"


@lru_cache(4096)  # planners try a phrase at several widths
def _subject(part: str) -> _Named | None:
    """The thing that a part of a prompt begins with, None where that is no thing of the ladder or not meant itself."""
    view = VIEW.match(part)
    text = part[view.end() :] if view else part
    first = next(iter(find(text)), None)
    if first is None or first.of is not None or not _begins(text[: first.start]) or not _ends(text, first):
        return None
    said = words(first.words)
    if said[-1] in lexicon().shapeless or _mass(first) or not lexicon().joints.isdisjoint(said[1:]):
        return None
    return _Named(first.words, *first.thing.range_m, first.thing.domain, _many(first))


def _begins(before: str) -> bool:
    """Whether nothing but an article and adjectives stands before a thing."""
    return all(word in ("a", "an", "the") or word in lexicon().weak for word in words(before))


def _ends(text: str, found: Found) -> bool:
    """Whether the noun phrase ends with the thing: no compound ("oak table"), nothing made of it ("a sea of fog")."""
    after = AFTER.match(text, found.end)
    if after is None:
        return False
    word = (after[1] or "").lower()
    return not word or (word != "of" and (word in lexicon().joints or word.endswith(("ing", "ed"))))


def _many(found: Found) -> bool:
    last = found.words.split()[-1].lower()
    return lemma(last) != last


def _mass(found: Found) -> bool:
    """Whether a name without article and plural means a stuff ("golden honey"), not one thing ("sunny meadow")."""
    if _many(found) or ARTICLE.match(found.words):
        return False
    usual = words(found.thing.names[0])
    return words(found.words)[-len(usual) :] != usual or not ARTICLE.match(found.thing.centre)
