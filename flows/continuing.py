"""What `tenfold extend` and `tenfold reroll` do: a run that goes on from a finished one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flows.command import Manner, carry_out
from flows.opening import root_of
from tasks.continuation import Continuation, extended, rerolled
from tasks.finished import Finished, read_finished
from tasks.specs import read_settings


@dataclass(frozen=True)
class Request:
    """What the command line asked for: a run, by id or folder, and changes to its settings as in `zoom`."""

    run: str
    values: Mapping[str, Any]
    settings: tuple[str, ...] = ()
    out: Path | None = None
    manner: Manner = field(default_factory=Manner)

    @property
    def changes(self) -> dict[str, object]:
        """Settings by dotted path; those of --set go last."""
        return {**self.values, **read_settings(self.settings)}

    def base(self) -> Finished:
        """The finished run. Raises RefusedError where there is none."""
        return read_finished(self.run, root_of(self.out))


def extend_command(
    request: Request, levels: int, wider: bool | None, prompts: tuple[str, ...], open_window: bool
) -> None:
    """Make the run with more levels around it or inside it."""
    more = extended(
        request.base(), levels, wider=wider, prompts=prompts, open_window=open_window, changes=request.changes
    )
    _make(more, request.manner)


def reroll_command(request: Request, level: int, seed: int | None, prompt: str | None) -> None:
    """Make the run with one level made again."""
    _make(rerolled(request.base(), level, seed=seed, prompt=prompt, changes=request.changes), request.manner)


def _make(continuation: Continuation, manner: Manner) -> None:
    carry_out(continuation.story, continuation.config, continuation.root, manner, continuation.notes)
