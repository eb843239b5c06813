"""Pages of zooms, opened in a real browser."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from evaluation.viewer import write_view
from tests.browser import Watched
from tests.evaluation.viewer.zooms import words, zooms


class Shown(Watched):
    """A page in which a zoom is explored."""

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
