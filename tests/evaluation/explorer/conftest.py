"""An explorer that is served over a formula, and opened in a real browser."""

from contextlib import contextmanager

import pytest

from evaluation.explorer.app import Start, explorer
from evaluation.explorer.studio import Studio
from evaluation.serving import serving
from tests.browser import Watched
from tests.evaluation.explorer.formula import FormulaTiles


@contextmanager
def served(source, start=None, **options):
    """The address of an explorer over a source, and its studio, as long as the block runs."""
    with Studio(source) as studio, serving(explorer(studio, start or Start()), **options) as address:
        yield address, studio


@pytest.fixture(scope="module")
def source():
    return FormulaTiles()


@pytest.fixture(scope="module")
def site(source):
    with served(source, Start(3, -12, 40)) as (address, _):
        yield address


@pytest.fixture
def show(chromium, site):
    """Opens the page in a window of its own; the test fails when it asked elsewhere or complained."""
    opened, contexts = [], []

    def open_page(at="", width=500, height=400, whole=True, **options):
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        shown = Watched(context.new_page())
        opened.append(shown)
        shown.page.goto(f"{site.url}/{at}")
        shown.until("window.explorer?.whole" if whole else "window.explorer")
        return shown

    yield open_page
    for context in contexts:
        context.close()
    for shown in opened:
        assert [url for url in shown.asked if not url.startswith((site.url, "data:", "blob:"))] == []
        assert shown.complaints == []
