"""Levels against each other: what is zoomed into is named above it, none repeats another, widths for all or none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prompts.errors import shown
from prompts.scales.naming import find
from prompts.schedule.centre import BEGINNING, own_part
from prompts.schedule.lexicon import content, lexicon, words
from prompts.schedule.violation import Violation
from prompts.story import Story

LONG = 12  # words; of longer prompts, those that differ by a single word are the same picture
ROOT = 4  # letters that two words must share from their start on to be of one root (snow, snowflake)


def centre_faults(story: Story) -> Iterator[Violation]:
    """Levels that name nothing of what the next level shows; of a loop, the last leads on to the first."""
    prompts = [level.prompt for level in story.levels]
    followed = list(zip(prompts, prompts[1:] + prompts[:1], strict=True))
    for i, (wide, deep) in enumerate(followed if story.loop else followed[:-1]):
        if not leads_to(wide, deep):
            after = (i + 1) % len(prompts)
            subject = own_part(deep)
            reason = f"Level {after} shows {shown(subject)}, and nothing of that is named here."
            example = shown(f"..., {_short(subject)} in the centre", 100)
            yield Violation(i, "centre", reason, f"Name what level {after} shows: {example}.")


def leads_to(wide: str, deep: str) -> bool:
    """Whether a prompt names something that the prompt of the next level names too.

    Any part of it will do: over many levels of empty space the same small thing is named, far away in the centre.
    """
    sought, named = content(deep), content(wide)
    if not sought:  # nothing but colours and sizes: those must do
        sought, named = words(deep), words(wide)
    if not sought or any(_same(a, b) for a in sought for b in named):
        return True
    return not _things(wide).isdisjoint(_things(deep))


def _things(prompt: str) -> set[str]:
    """What a prompt names of the scale ladder, by whichever of its names ("fly", "housefly")."""
    return {found.thing.id for found in find(prompt)}


def _same(a: str, b: str) -> bool:
    groups = lexicon().synonyms
    if a == b or not groups.get(a, frozenset()).isdisjoint(groups.get(b, frozenset())):
        return True
    short, long = sorted((a, b), key=len)
    return len(short) >= ROOT and (long.startswith(short) or long.endswith(short))


def _short(subject: str) -> str:
    """The first things of a subject, as an example."""
    return " ".join(BEGINNING.split(subject)[0].split()[:6]) or subject


def duplicate_faults(story: Story) -> Iterator[Violation]:
    """Levels whose prompts say the same as an earlier one, word for word or nearly."""
    said = [_bare(level.prompt) for level in story.levels]
    telling = [_telling(mine) for mine in said]
    for i, mine in enumerate(said):
        for j in range(i):
            same = mine == said[j]
            if same or _one_word_apart(telling[i], telling[j]):
                reason = (
                    f"It says {'' if same else 'nearly '}the same as level {j}, and would be the same picture again."
                )
                yield Violation(i, "duplicate", reason, "Say what this width brings into view, or leave the level out.")
                break


def _bare(prompt: str) -> tuple[str, ...]:
    return tuple(word for word in words(prompt) if word not in ("a", "an", "the"))


def _telling(said: Sequence[str]) -> tuple[str, ...]:
    """The words that make a picture."""
    return tuple(word for word in said if word not in lexicon().stop)


def _one_word_apart(mine: Sequence[str], other: Sequence[str]) -> bool:
    if min(len(mine), len(other)) < LONG or abs(len(mine) - len(other)) > 1:
        return False
    same = 0
    while same < min(len(mine), len(other)) and mine[same] == other[same]:
        same += 1
    a, b = mine[same:], other[same:]
    return a[1:] == b[1:] or a[1:] == b or a == b[1:]


def step_faults(story: Story) -> Iterator[Violation]:
    """Levels without a width in a story that gives widths. Wrong steps are refused by the format itself."""
    widths = [level.width_m for level in story.levels]
    known = [i for i, width in enumerate(widths) if width is not None]
    for i, width in enumerate(widths):
        if width is None and known:
            near = min(known, key=lambda j: abs(j - i))
            metres = (widths[near] or 0) * float(story.p) ** (near - i)
            reason = f"It has no width, and level {near} has one."
            yield Violation(i, "step", reason, f"Write 'width_m: {metres:.3g}', or leave out the widths of all levels.")
