"""What `tenfold view` does: the page of a finished run, found or made, and opened."""

from __future__ import annotations

from pathlib import Path

from flows.browser import shown
from flows.opening import root_of
from tasks.finished import read_run
from tasks.view import page_of


def view_command(name: str, to: Path | None, out: Path | None, *, opens: bool, force: bool) -> None:
    """Print where the page is, and show it in the browser."""
    page = page_of(read_run(name, root_of(out)), to, force=force)
    print(page)
    if opens and not show(page):
        print("No browser was found here: open this file in one.")


def show(page: Path) -> bool:
    """Whether a browser took the page."""
    return shown(page.as_uri())
