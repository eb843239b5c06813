"""A dashboard that is served over runs in a folder of its own."""

from contextlib import contextmanager

import pytest

from evaluation.dashboard.app import dashboard
from evaluation.dashboard.site import Readers
from evaluation.serving import serving
from tasks.cards import read_card
from tasks.selection import select
from tests.browser import Watched

READERS = Readers(read_card, select)


@contextmanager
def served(root, **options):
    """The address of a dashboard over `root`, as long as the block runs."""
    with serving(dashboard(root, READERS), **options) as address:
        yield address


@pytest.fixture
def show(chromium):
    """Opens an address in a window of its own; the test fails when the page asked elsewhere or complained."""
    opened, contexts = [], []

    def open_page(address, at="/", width=1200, height=800, **options):
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        shown = Watched(context.new_page())
        opened.append((shown, address.url))
        shown.page.goto(address.url + at)
        shown.until("window.dashboard?.runs.known")
        return shown

    yield open_page
    for context in contexts:
        context.close()
    for shown, own in opened:
        assert [url for url in shown.asked if not url.startswith((own, "data:", "blob:"))] == []
        assert shown.complaints == []
