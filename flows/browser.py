"""The user's browser."""

from __future__ import annotations

import webbrowser
from pathlib import Path

WITHOUT_WINDOWS = {"www-browser", "links", "elinks", "lynx", "w3m"}
"""Browsers that would show nothing of our pages, and take the terminal."""


def shown(address: str) -> bool:
    """Whether a browser took the page at `address`."""
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return False
    return Path(getattr(browser, "name", "")).name not in WITHOUT_WINDOWS and browser.open(address)
