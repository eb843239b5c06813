"""A real browser for the tests of pages: Chromium, without a network, watched while it works."""

import os
import shutil
import time

import pytest
from playwright.sync_api import sync_playwright

# Chromium's own calls home would be no requests of the page, but they take time.
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
]
PATIENCE_S = 120


# Of the module, not the session: while it is open an event loop runs, beside which Prefect cannot start its own.
@pytest.fixture(scope="module")
def chromium():
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        said = "the tests of pages need Chromium: apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(said)
        pytest.skip(said)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=QUIET)
        yield browser
        browser.close()


class Watched:
    """An open page: what it asked for, what it complained about, and what tests do with it."""

    def __init__(self, page):
        self.page, self.asked, self.complaints = page, [], []
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def run(self, code, argument=None):
        return self.page.evaluate(code, argument)

    def until(self, condition):
        # Not the browser's own waiting: the page's policy forbids what that does with text.
        end = time.monotonic() + PATIENCE_S
        while not self.run(f"Boolean({condition})"):
            assert time.monotonic() < end, f"never: {condition}; {self.complaints}"
            self.page.wait_for_timeout(15)
