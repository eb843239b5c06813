"""A person goes over a story in an editor; what is saved is checked, and may be opened again."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from flows.plan_shown import show_faults
from prompts.schedule.examine import Examined, examine_text
from tasks import environment
from tasks.errors import RefusedError

if TYPE_CHECKING:
    from prompts.schedule import TextLimit


def edited(text: str, name: str, folder: Path, limit: TextLimit | None, banned: Sequence[str]) -> str:
    """The text as a person leaves it. Faults are shown after saving, and whoever sits there may open it again.

    Raises RefusedError where no editor opens, and where what is left is no story; the text is kept then, unless it is
    the editor that has removed it.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", prefix="tenfold-", delete=False, encoding="utf-8") as file:
        file.write(text)
    path = Path(file.name)
    while True:
        text = _as_left(path)
        found = examine_text(text, name, limit, banned, folder)
        if found.sound or not _again(found):
            break
    if found.story is None:
        again = f"tenfold plan {shlex.quote(str(path))} --edit"
        raise RefusedError(f"What was saved is no story yet. It is kept in {path}: {again}.")
    path.unlink()
    return text


def _as_left(path: Path) -> str:
    """What is in the file after the editor had it."""
    _open(path)
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise RefusedError(f"The editor left no file behind ({error.strerror}). Nothing was changed.") from error


def _open(path: Path) -> None:
    editor = environment.read().editor
    try:
        with _deaf():
            done = subprocess.run([*shlex.split(editor), str(path)], check=False)  # noqa: S603  the user's own command
        fault = f"ended with status {done.returncode}" if done.returncode else ""
    except (OSError, ValueError) as error:
        fault = f"could not be started ({error})"
    if fault:
        raise RefusedError(
            f"The editor {editor!r} {fault}. Name another in VISUAL or EDITOR, one that waits, as 'code --wait'. The "
            f"story is kept in {path}."
        )


@contextmanager
def _deaf() -> Iterator[None]:
    """Ctrl-C in the body is the editor's, to which it says something else; to ignore it the editor would inherit."""
    before = signal.signal(signal.SIGINT, lambda _signal, _frame: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _again(found: Examined) -> bool:
    """Show the faults; whether a person wants to mend them now."""
    show_faults(found.rows, sys.stderr)
    return sys.stdin is not None and sys.stdin.isatty() and typer.confirm("Open it again?", default=True, err=True)
