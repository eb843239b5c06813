"""What `tenfold zoom` and `tenfold plan` are given: a story by name or file, or words of which one is to be made."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import Any

import prompts
from prompts import Story
from prompts.errors import Problem, StoryError
from prompts.request import PlanRequest
from tasks.errors import RefusedError
from tasks.named import is_wish, wish


def refuse_story(text: str) -> None:
    """Raise RefusedError for a story where a wish was expected."""
    file = shlex.quote(text)
    raise RefusedError(
        f"{text!r} is a story already. tenfold plan {file} --check says what is wrong with it, --edit opens it, and "
        f"tenfold zoom {file} draws it."
    )


def leave_out(why: str, options: Iterable[str]) -> None:
    """Raise RefusedError where options were given that could do nothing. why: what the command does instead."""
    told = [f"--{name}" for name in options]
    if told:
        them = "them" if told[1:] else "it"
        raise RefusedError(f"{why}; there is nothing for {' and '.join(told)} to do. Leave {them} out.")


def refuse_wish(text: str) -> None:
    """Raise RefusedError for a wish where a story was expected."""
    if is_wish(text):
        raise RefusedError(
            f"{text!r} is no story, and --check looks at one: its file, its name, or - for standard input. Without "
            "--check a story is planned of these words, and has passed the same checks."
        )


def story_or_wish(text: str | None, **wishes: Any) -> Story | PlanRequest:
    """The story of that name or file, or the wish that the text is, with what else is wished for (None: nothing).

    Without a text it is a wish for whatever else the command was given, as a photograph.

    Raises StoryError for a story that is none, RefusedError for a wish that is refused, or for wishes about a story.
    """
    if text is None or not text.strip() or is_wish(text):
        return wish(text=text, **wishes)
    try:
        story = prompts.load_story(text)
    except StoryError as error:
        raise _with_a_hint(error, text) from None
    leave_out(f"{text!r} is a story, of so many levels as it has", ["levels"] * (wishes.get("levels") is not None))
    return story


def widths(widest: str | None, deepest: str | None) -> tuple[float, float] | None:
    """Two lengths as people write them, in metres; None where none is given. Raises RefusedError for one alone."""
    from prompts.scales.units import read_length

    if widest is None and deepest is None:
        return None
    if widest is None or deepest is None:
        raise RefusedError("Give both widths, --from-width and --to-width, or none.")
    metres = read_length(widest), read_length(deepest)
    if metres[0] is None or metres[1] is None:
        bad = widest if metres[0] is None else deepest
        raise RefusedError(f"{bad!r} is no length. Write a number and a unit, as 10km, 0.5mm or '3 light years'.")
    return metres[0], metres[1]


def _with_a_hint(error: StoryError, text: str) -> StoryError:
    """A text that might have been a wish of one word says how wishes are written."""
    first = error.problems[0]
    if len(error.problems) > 1 or "no such file" not in first.reason or not text.replace("-", "").isalpha():
        return error
    remedy = f'{first.remedy} Or say what you want to see in several words: "from a galaxy to a leaf".'
    return StoryError([Problem(first.line, first.where, first.reason, remedy)], error.source)
