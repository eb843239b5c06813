"""What `tenfold view` does: the page of a finished run, found or made, and opened."""

from __future__ import annotations

import webbrowser
from pathlib import Path

from tasks import environment
from tasks.finished import read_run
from tasks.view import page_of

WITHOUT_WINDOWS = {"www-browser", "links", "elinks", "lynx", "w3m"}
"""Browsers that would show nothing of the page, and take the terminal."""


def view_command(name: str, to: Path | None, out: Path | None, *, opens: bool, force: bool) -> None:
    """Print where the page is, and show it in the browser."""
    page = page_of(read_run(name, out or environment.read().runs), to, force=force)
    print(page)
    if opens and not show(page):
        print("No browser was found here: open this file in one.")


def show(page: Path) -> bool:
    """Whether a browser took the page."""
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return False
    return Path(getattr(browser, "name", "")).name not in WITHOUT_WINDOWS and browser.open(page.as_uri())
