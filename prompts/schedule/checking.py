"""All checks of a schedule in one: `check_schedule`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import get_args

from prompts.errors import shown
from prompts.schedule.comparing import centre_faults, duplicate_faults, step_faults
from prompts.schedule.sizes import size_faults
from prompts.schedule.violation import Kind, TextLimit, Violation
from prompts.schedule.wording import banned_faults, viewpoint_faults
from prompts.story import Story

ORDER = {kind: place for place, kind in enumerate(get_args(Kind))}
SHOWN = 30  # characters of the end of a prompt that is too long


def check_schedule(story: Story, limit: TextLimit | None = None, banned: Sequence[str] = ()) -> tuple[Violation, ...]:
    """Every fault of a story that its format allows and that spoils the zoom; none for a sound one.

    limit: what the text encoder reads (None: the length is not checked). banned: further words that no prompt must
    hold. Faults of the story as a whole come first, then those of each level in order. Never raises for a valid story.
    """
    found = [
        *step_faults(story),
        *size_faults(story),
        *viewpoint_faults(story),
        *centre_faults(story),
        *(length_faults(story, limit) if limit else ()),
        *duplicate_faults(story),
        *banned_faults(story, banned),
    ]
    return tuple(sorted(found, key=lambda v: (-1 if v.level is None else v.level, ORDER[v.kind])))


def length_faults(story: Story, limit: TextLimit) -> Iterator[Violation]:
    """Levels whose prompt, with viewpoint and style, is longer than the text encoder reads."""
    for i, prompt in enumerate(story.prompts()):
        tokens = limit.count(prompt)
        if tokens > limit.tokens:
            reason = (
                f"With viewpoint and style it has {tokens} tokens, and {limit.name} reads {limit.tokens}: "
                f"the end is cut off ({shown(_end(prompt))})."
            )
            yield Violation(i, "length", reason, f"Leave out about {_words_over(prompt, limit, tokens)} words.")


def _end(prompt: str) -> str:
    return prompt if len(prompt) <= SHOWN else f"…{prompt[-SHOWN:].lstrip()}"


def _words_over(prompt: str, limit: TextLimit, tokens: int) -> int:
    """How many words of the prompt are too many, from its tokens per word."""
    count = len(prompt.split())
    return max(1, round((tokens - limit.tokens) * count / max(1, tokens) + 0.5))
