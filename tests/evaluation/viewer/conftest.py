"""A real browser for the tests of pages: Chromium, without a network, watched while it works."""

import base64
import io
import os
import shutil
import time

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import sync_playwright

from evaluation.viewer import write_view
from tests.evaluation.viewer.zooms import words, zooms

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
PATIENCE_S = 60


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


class Shown:
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

    def rest(self):
        """Wait until nothing moves, everything in sight is drawn, and the address tells the place."""
        self.until("!viewer.camera.moving && !viewer.waiting && viewer.whole && !viewer.pictures.running.size")
        self.until("location.hash === viewer.place()")

    def jump(self, position, offset=(0, 0)):
        self.run("([s, o]) => { viewer.camera.jump(s, o); viewer.wake(); }", [position, list(offset)])
        self.until("!viewer.waiting && viewer.whole")

    def picture(self):
        """What the canvas shows, (H, W, 3) uint8."""
        url = self.run("(viewer.draw(), viewer.canvas.toDataURL())")
        with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as image:
            return np.array(image.convert("RGB"))

    @property
    def position(self):
        return self.run("viewer.camera.position")

    @property
    def offset(self):
        return self.run("viewer.geometry.offset(viewer.camera.view)")


@pytest.fixture
def show(chromium):
    """Opens a file in a window of its own; the test fails when the page asked for anything else or complained."""
    opened, contexts = [], []

    def open_page(path, width=512, height=512, at="", **options):
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        shown = Shown(context.new_page())
        opened.append((shown, path.as_uri()))
        shown.page.goto(path.as_uri() + at)
        return shown

    yield open_page
    for context in contexts:
        context.close()
    for shown, own in opened:
        assert [url for url in shown.asked if not url.startswith((own, "data:", "blob:"))] == []
        assert shown.complaints == []


@pytest.fixture(scope="session")
def pages(tmp_path_factory):
    """Pages by name, each with its stack."""
    folder = tmp_path_factory.mktemp("pages")
    return {
        name: (stack, write_view(folder / f"{name}.html", stack, **words(stack), **more))
        for name, (stack, more) in zooms().items()
    }
