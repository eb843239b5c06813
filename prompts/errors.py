"""What is wrong with a story, said so that its author can mend it; and a service that could not be used."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prompts.story import Story

SHOWN = 12  # problems that the message lists; `problems` holds them all


@dataclass(frozen=True)
class Problem:
    """One fault of a story.

    `line` counts from 1 (None: no one line is to blame), `where` names the entry, such as `levels[3].prompt`, with
    levels counted from 0 as everywhere ("" is the story as a whole). `reason` says what was expected and what came,
    `remedy` what to do; both are sentences.
    """

    line: int | None
    where: str
    reason: str
    remedy: str

    def __str__(self) -> str:
        place = ", ".join(part for part in (f"line {self.line}" if self.line else "", self.where) if part)
        return f"{place}: {self.reason} {self.remedy}" if place else f"{self.reason} {self.remedy}"


class StoryError(ValueError):
    """A story was refused. `problems` holds every fault found, `source` the name of the text; str() lists them."""

    def __init__(self, problems: Iterable[Problem], source: str = "story") -> None:
        self.problems = tuple(problems)
        self.source = source
        super().__init__(self.problems, source)  # as args, so that the error survives pickling between processes

    def __str__(self) -> str:
        if len(self.problems) == 1:
            return f"{self.source}: {self.problems[0]}"
        lines = [f"{self.source} has {len(self.problems)} problems:", *(f"- {p}" for p in self.problems[:SHOWN])]
        if len(self.problems) > SHOWN:
            lines.append(f"- and {len(self.problems) - SHOWN} more.")
        return "\n".join(lines)


class ServiceError(ValueError):
    """A language model's service could not be used; says what happened and what to do. Never holds the key."""


class ReplyError(ServiceError):
    """A language model answered, and not with what was asked for: refused, empty, cut off, no JSON.

    digest: of the question, under which the raw reply is kept; "" where that is not known. cut_off: whether it had as
    many tokens as it might have.
    """

    digest: str = ""
    cut_off: bool = False


class BudgetError(ServiceError):
    """A request would have gone beyond the ceiling of tokens or money, and was not made."""


class PlanError(ValueError):
    """A wish of which no story could be made; says why and what to do.

    draft: the best story so far, which has the faults in `faults` (each a sentence or two), or None.
    """

    def __init__(self, message: str, draft: Story | None = None, faults: Iterable[str] = ()) -> None:
        self.draft, self.faults = draft, tuple(faults)
        super().__init__(message, draft, self.faults)  # as args, so that the error survives pickling between processes

    def __str__(self) -> str:
        return str(self.args[0])


def shown(value: object, length: int = 60) -> str:
    """A value as part of a message: in quotes, shortened, harmless to a terminal (controls are escaped)."""
    return brief(repr(value), length)


def brief(text: str, length: int) -> str:
    """The text, shortened to `length` characters where it is longer."""
    return text if len(text) <= length else f"{text[: length - 1]}…"
