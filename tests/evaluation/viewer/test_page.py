"""The page as a file: what is in it, that nothing else can get in, and what is refused."""

import base64
import hashlib
import html
import io
import json
import re
import resource
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from evaluation.viewer import view_page, write_view
from evaluation.viewer.page import SCRIPTS, STYLES
from tests.evaluation.viewer.zooms import EVIL, words, zoom
from zoomlib.errors import InvalidInputError
from zoomlib.film.composite import pictures

STACK = zoom(3, (24, 16))


class Elements(HTMLParser):
    """The elements of a page that hold text: (tag, attributes, text)."""

    def __init__(self, page):
        super().__init__()
        self.found, self.links = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs), ""))
        self.links += [value for name, value in attrs if name in ("src", "href", "action")]

    def handle_endtag(self, tag):
        self.found.append(("", {}, ""))  # what follows belongs to no element here

    def handle_data(self, data):
        if self.found:
            tag, attrs, text = self.found[-1]
            self.found[-1] = (tag, attrs, text + data)

    def one(self, tag, **attrs):
        (text,) = [t for name, has, t in self.found if name == tag and attrs.items() <= has.items()]
        return text


def scene(page):
    return json.loads(Elements(page).one("script", id="scene"))


def policy(page):
    (content,) = [a["content"] for _, a, _ in Elements(page).found if a.get("http-equiv") == "Content-Security-Policy"]
    return dict(part.strip().split(" ", 1) for part in content.split(";"))


def test_the_policy_admits_this_script_and_this_style_and_nothing_else():
    page = view_page(STACK, **words(STACK))
    allowed = policy(page)
    assert allowed["default-src"] == "'none'"
    for name, tag in (("script-src", "script"), ("style-src", "style")):
        texts = [t for n, a, t in Elements(page).found if n == tag and "type" not in a]
        digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts]
        assert allowed[name] == " ".join(f"'sha256-{digest}'" for digest in digests)
        assert len(texts) == 1
    assert all(link.startswith(("#", "data:")) for link in Elements(page).links)
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", page)  # the name of a vocabulary, no address


def test_the_pictures_are_the_renderers_up_to_their_compression():
    page = view_page(STACK, **words(STACK), quality=98)
    for level, expected in enumerate(pictures(STACK)):
        content = base64.b64decode(Elements(page).one("script", id=f"level-{level}"), validate=True)
        with Image.open(io.BytesIO(content)) as picture:
            error = np.asarray(picture.convert("RGB")).astype(float) - expected
        assert np.abs(error).mean() < 1.5  # a picture of another level is 30 and more away


def test_a_better_quality_is_nearer_to_the_renderer_and_larger():
    small, large = (view_page(STACK, **words(STACK), quality=quality) for quality in (40, 95))
    assert len(small) < len(large)


def test_windows_and_widths_are_those_of_the_stack():
    found = scene(view_page(STACK, **words(STACK), widths_m=[None, 8.0, None], facts={"Seed": "7"}))
    assert found["windows"] == [[0.25, 0.25, 0.75, 0.75]] * 2
    assert found["widths"] == pytest.approx([16, 8, 4])
    assert (found["size"], found["loop"], found["facts"]) == ([24, 16], False, {"Seed": "7"})
    assert scene(view_page(STACK, **words(STACK)))["widths"] is None


def test_a_loop_has_a_window_in_its_last_level_too():
    stack = zoom(3, (16, 16), focus=[(0.5, 0.5), (0.5, 0.5), (0.25, 0.75)])
    found = scene(view_page(stack, **words(stack), loop=True, widths_m=[8.0, None, None]))
    assert found["windows"][2] == [0.0, 0.5, 0.5, 1.0]
    assert found["widths"] == pytest.approx([8, 4, 2, 1])


def test_uneven_steps_have_their_own_windows():
    stack = zoom(3, (32, 32), p=(1.6, 4.0))
    found = scene(view_page(stack, **words(stack), widths_m=[6.4, None, None]))
    assert [1 / (window[2] - window[0]) for window in found["windows"]] == pytest.approx([1.6, 4])
    assert found["widths"] == pytest.approx([6.4, 4, 1])


def test_one_level_makes_a_page():
    stack = zoom(1, (16, 16))
    assert scene(view_page(stack, **words(stack)))["windows"] == []


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60) | st.sampled_from([EVIL, "<!--", "</SCRIPT >", "\u2028", "{{LEVELS}}", "&lt;", "]]>"]))
def test_words_come_back_as_they_were_and_add_no_element(text):
    page = view_page(ONE, title=text, prompts=[text], facts={text: text})
    elements = Elements(page)
    assert (found := scene(page))["prompts"] == [text] == [found["title"]]
    assert found["facts"] == {text: text}
    assert [name for name, _, _ in elements.found] == [name for name, _, _ in Elements(PLAIN).found]
    assert html.unescape(page.split("<title>")[1].split("</title>")[0]) == text


ONE = zoom(1, (8, 8))
PLAIN = view_page(ONE, title="t", prompts=["p"])


def test_what_does_not_fit_the_stack_is_refused():
    for changes in ({"prompts": ["one"]}, {"widths_m": [1.0]}, {"quality": 0}, {"quality": 101}):
        with pytest.raises(InvalidInputError, match=r"\d"):
            view_page(STACK, **words(STACK, **changes))
    with pytest.raises(InvalidInputError, match="loop"):
        view_page(ONE, **words(ONE), loop=True)


def test_the_file_is_whole_or_not_there(tmp_path):
    target = tmp_path / "view.html"
    target.write_text("old")
    assert write_view(target, STACK, **words(STACK)).read_text(encoding="utf-8").endswith("</html>\n")
    target.write_text("old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))  # as a full disk does, it stops a file half-way
        with pytest.raises(OSError, match="large"):
            write_view(target, STACK, **words(STACK))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_every_file_of_the_page_is_used():
    folder = Path(__file__).parents[3] / "evaluation" / "viewer" / "files"
    assert {file.name for file in folder.iterdir()} == {*SCRIPTS, *STYLES, "page.html"}
