"""One comparison of small runs, and its page opened in a real browser."""

import pytest

from tasks.compare import compare
from tasks.selection import select
from tests.browser import PATIENCE_S, Watched
from tests.comparisons import make_sweep

FAILED = (2, 1, 1)


@pytest.fixture(scope="session")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    make_sweep(folder, without=[FAILED])
    return folder


@pytest.fixture(scope="session")
def comparison(root):
    return compare(select(["trial"], root))


@pytest.fixture(scope="session")
def text(comparison):
    return comparison.page(films="first", max_mb=4)


@pytest.fixture(scope="session")
def file(text, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "comparison.html"
    path.write_text(text, encoding="utf-8")
    return path


class Opened(Watched):
    """The page of a comparison."""

    def settle(self):
        self.until("window.tenfold && tenfold.ready")
        self.run("() => tenfold.ready.then(() => null)")

    def texts(self, selector):
        return self.run("(s) => [...document.querySelectorAll(s)].map((one) => one.textContent)", selector)

    def count(self, selector):
        return self.run("(s) => document.querySelectorAll(s).length", selector)

    def choose(self, label, entry):
        """Take an entry of the first picker with this label."""
        self.page.get_by_label(label, exact=True).first.select_option(label=entry)
        self.settle()


@pytest.fixture
def show(chromium, file):
    """Opens the page in a window of its own; the test fails when it asked for anything, or complained."""
    opened, contexts = [], []

    def open_page(width=1200, height=900, at="", **options):
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(PATIENCE_S * 1000)  # of a busy machine
        contexts.append(context)
        shown = Opened(context.new_page())
        opened.append(shown)
        shown.page.goto(file.as_uri() + at)
        shown.settle()
        return shown

    yield open_page
    for context in contexts:
        context.close()
    for shown in opened:
        assert [url for url in shown.asked if not url.startswith((file.as_uri(), "data:", "blob:"))] == []
        assert shown.complaints == []
