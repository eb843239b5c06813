"""What is wrong with the words of one prompt: banned ones, and a direction other than the story's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from prompts.errors import shown
from prompts.schedule.lexicon import WORD, lexicon, words
from prompts.schedule.violation import Violation
from prompts.story import Story

BEFORE = 4  # words before a direction that may make it one of the light


def directions(text: str) -> dict[str, str]:
    """From where a text says that its scene is seen: class to the words that say it."""
    found: dict[str, str] = {}
    for name, pattern in lexicon().viewpoints.items():
        for match in pattern.finditer(text):
            before = WORD.findall(text[: match.start()].lower())[-BEFORE:]
            if lexicon().no_direction.isdisjoint(before):
                found.setdefault(name, match[0])
    return found


def viewpoint_faults(story: Story) -> Iterator[Violation]:
    """Levels seen from elsewhere than the story's viewpoint says, else its style, else most levels."""
    told = {place: directions(text) for place, text in (("viewpoint", story.viewpoint), ("style", story.style))}
    levels = [directions(level.prompt) for level in story.levels]
    place = next((place for place, found in told.items() if found), None)
    held = next(iter(told[place])) if place else _usual(levels)
    source = f"the story's {place}" if place else "other levels"
    for where, found in told.items():
        if other := [said for name, said in found.items() if name != held]:
            reason = f"The story's {where} says {shown(other[0])}, and {source} shows everything {held}."
            yield Violation(None, "viewpoint", reason, "Keep one viewpoint for the whole story.")
    for i, found in enumerate(levels):
        if other := [said for name, said in found.items() if name != held]:
            reason = f"It says {shown(other[0])}, and {source} show{'s' if place else ''} everything {held}."
            yield Violation(i, "viewpoint", reason, f"Describe this level {held}, or leave {shown(other[0])} out.")


def _usual(levels: Sequence[dict[str, str]]) -> str:
    """The class that most levels name, the first of equals; "" where none does."""
    counted = Counter(name for found in levels for name in found)
    return counted.most_common(1)[0][0] if counted else ""


def banned_faults(story: Story, banned: Sequence[str] = ()) -> Iterator[Violation]:
    """Words in prompts, viewpoint or style that spoil pictures, and those that the caller does not want."""
    for name, text in (("viewpoint", story.viewpoint), ("style", story.style)):
        for found, reason, remedy in _banned_in(text, banned):
            yield Violation(None, "banned", f"The story's {name} says {shown(found)}: {_inner(reason)}", remedy)
    for i, level in enumerate(story.levels):
        for found, reason, remedy in _banned_in(level.prompt, banned):
            yield Violation(i, "banned", f"It says {shown(found)}: {_inner(reason)}", remedy)


def _inner(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def _banned_in(text: str, banned: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """What a text says that it must not: words, reason, remedy; one of each kind."""
    for entry in lexicon().banned:
        if match := entry.pattern.search(text):
            yield match[0].strip(), entry.reason, entry.remedy
    for wish in banned:
        if _says(text, wish):
            yield wish, "this word is not wanted.", "Say it in other words, or leave it out."


def _says(text: str, wish: str) -> bool:
    """Whether the words of a wish stand together in a text, in singular or plural; signs without words as they are."""
    sought, said = words(wish), words(text)
    if not sought:
        return bool(wish.strip()) and wish.strip() in text
    return any(said[i : i + len(sought)] == sought for i in range(len(said) - len(sought) + 1))
