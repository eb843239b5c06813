"""The page is read: its words, on any screen, by anybody."""

import math
from itertools import combinations

import numpy as np
import pytest

from evaluation.viewer import write_view
from tests.evaluation.viewer.zooms import EVIL, LEVELS, WIDTH_M, zoom
from zoomlib.film import scale


def test_it_says_what_is_in_sight(pages, show):
    _, path = pages["plain"]
    shown = show(path, at="#s=2.1")
    shown.rest()
    text = shown.page.locator("#dock").inner_text()
    assert "what level 2 shows" in text
    assert "Level 3 of 6" in text
    assert f"{scale.in_words(WIDTH_M / 2**2.1)} across" in text
    shown.until("document.getElementById('live').textContent.includes('what level 2 shows')")
    pixels, said = scale.bar(WIDTH_M / 2**2.1, 512)
    assert shown.page.locator("#bar").inner_text() == said
    assert shown.page.locator("#bar").bounding_box()["width"] == pytest.approx(pixels, abs=0.5)


def test_lengths_are_said_as_the_film_says_them(pages, show):
    shown = show(pages["deep"][1])
    random = np.random.default_rng(0)
    lengths = [
        *(10.0 ** random.uniform(-17, 27, 400)).tolist(),
        1.0,
        1e-15,
        9.46e15,
        9.460_730_472_580_8e15,
        999.6,
        0.0995,
    ]
    said = shown.run("lengths => lengths.map((metres) => viewer.words.say(metres))", lengths)
    assert said == [scale.in_words(metres) for metres in lengths]
    bars = shown.run("lengths => lengths.map((metres) => viewer.words.bar(metres, 640))", lengths)
    expected = [scale.bar(metres, 640) for metres in lengths]
    assert [bar["text"] for bar in bars] == [text for _, text in expected]
    assert [bar["length"] for bar in bars] == pytest.approx([length for length, _ in expected])


def test_evil_words_stay_words(tmp_path, show):
    stack = zoom(2, (32, 32))
    page = write_view(tmp_path / "a.html", stack, title=EVIL, prompts=[EVIL, EVIL], facts={EVIL: EVIL})
    shown = show(page)
    for key in "li":
        shown.page.keyboard.press(key)
        shown.page.keyboard.press("Escape")
    shown.rest()
    assert shown.page.title() == EVIL
    assert shown.page.locator("#prompt").inner_text() == EVIL
    assert shown.run("[...document.images].every(({ src }) => !src || src.startsWith('data:'))")


def test_a_level_can_be_chosen_from_the_list(pages, show):
    shown = show(pages["plain"][1])
    shown.page.keyboard.press("l")
    entry = shown.page.locator("#levels li button").nth(4)
    assert "what level 4 shows" in entry.inner_text()
    entry.click()
    shown.rest()
    assert shown.position == pytest.approx(4)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_has_its_place_on_any_screen(pages, show, scheme):
    shown = show(pages["plain"][1], at="#s=2&x=1", color_scheme=scheme)
    for width, height in ((320, 568), (390, 844), (844, 390), (768, 1024), (1920, 1080)):
        shown.page.set_viewport_size({"width": width, "height": height})
        shown.until(f"viewer.camera.screen.width === {width} && viewer.camera.screen.height === {height}")
        shown.rest()
        boxes = shown.run(BOXES, ["#title", "nav", "#dock", "#bar", "#back", "#map"])
        assert len(boxes) >= 5, "only the map makes room on a flat screen"
        for name, (x0, y0, x1, y1) in boxes.items():
            assert 0 <= x0 <= x1 <= width, name
            assert 0 <= y0 <= y1 <= height, name
        for one, other in combinations(sorted(boxes), 2):
            assert apart(boxes[one], boxes[other]), (width, height, one, other)
        for box in shown.run(BOXES, ["[data-do=play]", "#slider", "[data-do=levels]"]).values():
            assert box[3] - box[1] >= 36  # large enough for a finger
    assert shown.run(CONTRAST) >= 4.5


def apart(a, b):
    return a[2] <= b[0] + 0.5 or b[2] <= a[0] + 0.5 or a[3] <= b[1] + 0.5 or b[3] <= a[1] + 0.5


BOXES = """selectors => Object.fromEntries(selectors.map((selector) => {
    const box = document.querySelector(selector).getBoundingClientRect();
    return [selector, [box.left, box.top, box.right, box.bottom]];
}).filter(([, box]) => box[2] > box[0]))"""

# Of the faintest words on the panel, were it solid (WCAG 2.2, relative luminance).
CONTRAST = """() => {
    const style = getComputedStyle(document.documentElement);
    const light = (name) => {
        const probe = document.body.appendChild(document.createElement("i"));
        probe.style.color = style.getPropertyValue(name);
        const parts = getComputedStyle(probe).color.match(/[\\d.]+/g).slice(0, 3).map((part) => {
            const c = part / 255;
            return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
        });
        probe.remove();
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
    };
    const pairs = [["--faint", "--solid"], ["--ink", "--solid"], ["--accent", "--solid"]];
    return Math.min(...pairs.map((pair) => {
        const [dim, bright] = pair.map(light).sort((a, b) => a - b);
        return (bright + 0.05) / (dim + 0.05);
    }));
}"""


def test_every_control_has_a_name_and_is_reached_by_the_keyboard(pages, show):
    shown = show(pages["plain"][1])
    shown.rest()
    controls = shown.run("""[...document.querySelectorAll("main *, header *, footer *")]
        .filter((one) => one.matches("button, input, select, canvas[tabindex]") && one.offsetParent)
        .map((one) => [one.id || one.dataset.do, one.getAttribute("aria-label") || one.textContent])""")
    assert all(label for _, label in controls)
    reached = set()
    for _ in range(len(controls) + 2):
        shown.page.keyboard.press("Tab")
        reached.add(shown.run("document.activeElement.id || document.activeElement.dataset.do"))
    assert {name for name, _ in controls} <= reached
    assert (
        shown.run("document.getElementById('view').getAttribute('aria-label')") == "A zoom. Level 1: what level 0 shows"
    )


def test_with_less_motion_everything_is_at_its_place_at_once(pages, show):
    shown = show(pages["plain"][1], reduced_motion="reduce")
    shown.rest()
    for key, position in (("End", LEVELS - 1), ("PageUp", LEVELS - 2), ("Home", 0)):
        shown.page.keyboard.press(key)
        assert shown.position == pytest.approx(position)
    shown.page.mouse.move(256, 200)
    shown.page.mouse.wheel(0, -120)
    shown.until("viewer.camera.position > 0")
    assert shown.position == pytest.approx(120 * 0.0021 / math.log(2))


def test_the_panels_step_back_while_it_plays_and_come_again(pages, show):
    shown = show(pages["plain"][1])
    shown.page.keyboard.press(" ")
    shown.until("document.body.classList.contains('idle')")
    shown.page.mouse.move(200, 200)
    shown.until("!document.body.classList.contains('idle')")
