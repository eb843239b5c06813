"""A study that is served to itself, and browsers that take part in it."""

import pytest

from evaluation.serving import serving
from evaluation.study.server import application
from tests.evaluation.study.sittings import Sitting, filmed, short


@pytest.fixture
def sit(chromium):
    """Opens links, each in a browser of its own that remembers nothing; no page may complain."""
    contexts, sitting = [], []

    def open_link(url, desk, width=900, height=600, complains=False, **options):
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        one = Sitting(context.new_page(), desk)
        if not complains:
            sitting.append(one)
        one.page.goto(url)
        return one

    yield open_link
    for context in contexts:
        context.close()
    for one in sitting:
        assert one.complaints == []


@pytest.fixture
def at_home(tmp_path):
    """A study of two arms on three stories: three pairs, one of them again, one catch trial; served to itself."""
    desk = filmed(tmp_path, short(stories=3, seeds=1, repeats=1, catches=1))
    with serving(application(desk, admits=True)) as address:
        yield desk, address
