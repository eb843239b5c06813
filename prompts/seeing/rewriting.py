"""What of a vision model's new prompts a story takes: those that break none of our own checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from prompts.errors import shown
from prompts.schedule import TextLimit, Violation, check_schedule
from prompts.story import Level, Story


@dataclass(frozen=True)
class Rewriting:
    """A story with new prompts. taken: the levels that have one. refused: of the others, why theirs was not taken."""

    story: Story
    taken: tuple[int, ...]
    refused: Mapping[int, str]


def rewritten(
    story: Story, prompts: Mapping[int, str], limit: TextLimit | None = None, banned: Sequence[str] = ()
) -> Rewriting:
    """The story with new prompts by level, the widest first; one that adds a violation to the story is not taken.

    Nothing but the words of a level ever changes: neither widths nor viewpoint, style, pictures or seeds.
    """
    taken: list[int] = []
    refused: dict[int, str] = {}
    for level, prompt in sorted(prompts.items()):
        try:
            changed = _with(story, level, prompt)
        except ValidationError as error:
            refused[level] = f"{shown(prompt)} is no prompt: {error.errors(include_url=False)[0]['msg']}"
            continue
        new = _added(check_schedule(story, limit, banned), check_schedule(changed, limit, banned))
        if new:
            refused[level] = " ".join(map(str, new[:3]))
        else:
            story = changed
            taken.append(level)
    return Rewriting(story, tuple(taken), refused)


def _with(story: Story, level: int, prompt: str) -> Story:
    levels = list(story.levels)
    levels[level] = Level.model_validate(levels[level].model_dump() | {"prompt": prompt})
    return story.model_copy(update={"levels": tuple(levels)})


def _added(before: Sequence[Violation], after: Sequence[Violation]) -> list[Violation]:
    """Violations of a kind that its level did not have before: a story's own faults are not the rewriting's."""
    known = {(one.level, one.kind) for one in before}
    return [one for one in after if (one.level, one.kind) not in known]
