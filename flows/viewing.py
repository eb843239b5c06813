"""What `tenfold view` does: the page of a finished run, found or made, and opened."""

from __future__ import annotations

import webbrowser
from pathlib import Path

from tasks import environment
from tasks.finished import read_run
from tasks.view import page_of


def view_command(name: str, to: Path | None, out: Path | None, *, opens: bool, force: bool) -> None:
    """Print where the page is, and show it in the browser."""
    page = page_of(read_run(name, out or environment.read().runs), to, force=force)
    print(page)
    if opens and not _shown(page):
        print("No browser was found here: open this file in one.")


def _shown(page: Path) -> bool:
    """Whether a browser with windows took the page; one in the terminal would show none of it and take the terminal."""
    try:
        browser = webbrowser.get()
        return type(browser) is not webbrowser.GenericBrowser and browser.open(page.as_uri())
    except webbrowser.Error:
        return False
