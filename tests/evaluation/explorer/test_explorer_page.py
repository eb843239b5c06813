"""The explorer in a real browser: the plane's own pixels at any place, ways to get there, and commands to take away."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from tests.evaluation.dashboard.contrast import CONTRAST
from tests.evaluation.explorer.formula import pixels

FAR = 2**62 + 12345


def picture(shown):
    """What the canvas shows, (H, W, 3) uint8."""
    url = shown.run("(explorer.draw(), explorer.canvas.toDataURL())")
    with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as image:
        return np.array(image.convert("RGB"))


def sizes(shown):
    return shown.run("[explorer.canvas.height, explorer.canvas.width]")


def text(shown, name):
    return shown.run("(id) => document.getElementById(id).textContent", name)


def middle(shown):
    y, x = shown.run("[String(explorer.camera.y), String(explorer.camera.x)]")
    return int(y), int(x)


def rest(shown):
    shown.until("explorer.whole && location.hash === explorer.place()")


def test_it_shows_the_planes_own_pixels_where_numbers_of_javascript_end(show):
    shown = show(f"#seed={2**64 - 2}&y={-FAR}&x={FAR}&scale=1")
    height, width = sizes(shown)
    expected = pixels(2**64 - 2, -FAR - height // 2, FAR - width // 2, height, width)
    assert np.array_equal(picture(shown), expected)
    rest(shown)
    assert shown.run("location.hash") == f"#seed={2**64 - 2}&y={-FAR}&x={FAR}&scale=1&model=first"
    box = shown.page.locator("#view").bounding_box()
    shown.page.mouse.move(box["x"] + 10.5, box["y"] + 20.5)
    shown.until(f"document.getElementById('pixel').textContent === '{20 - FAR - height // 2},{10 + FAR - width // 2}'")


def test_a_frame_gives_commands_for_just_what_is_in_it(show):
    shown = show("#seed=8&y=100&x=-50&scale=2&model=it's+two")
    shown.page.focus("#view")
    shown.page.keyboard.press("f")
    for name, value in {"y": -30, "x": FAR, "width": 640, "height": 121}.items():
        shown.page.fill(f"#frame-{name}", str(value))
    model = "--model 'it'\"'\"'s two'"
    assert shown.run("[...document.querySelectorAll('#commands code')].map((one) => one.textContent)") == [
        f"tenfold infinity render --origin -30,{FAR} --size 640x121 --seed 8 {model}",
        f'tenfold zoom STORY --method infinity --seed 8 --set "sampling.at=[30,{FAR + 320}]" {model}',
    ]
    shown.run("explorer.choose(2n ** 63n)")  # a seed that zooms do not take
    assert shown.page.locator("#commands li").count() == 1
    shown.page.fill("#frame-width", "0")
    assert "sides from 1" in text(shown, "frame-error")
    assert shown.page.locator("#commands li").count() == 0
    box = shown.page.locator("#view").bounding_box()
    shown.page.keyboard.down("Shift")
    shown.page.mouse.move(box["x"] + 20, box["y"] + 30)
    shown.page.mouse.down()
    shown.page.mouse.move(box["x"] + 119, box["y"] + 71, steps=3)
    shown.page.mouse.up()
    shown.page.keyboard.up("Shift")
    (y, x), (height, width) = middle(shown), sizes(shown)
    left, top = x + (20 - width // 2) // 2, y + (30 - height // 2) // 2
    values = [int(shown.page.input_value(f"#frame-{name}")) for name in ("x", "y", "width", "height")]
    assert values == pytest.approx([left, top, 50, 21], abs=1)


@pytest.mark.slow
def test_more_tiles_in_sight_than_are_usually_kept_come_all(show):
    shown = show("#seed=3&y=0&x=0&scale=0.6", width=1700, height=1300)  # waits until all of them are there
    assert shown.run("explorer.camera.tiles(explorer.plane).length") > 500


@pytest.mark.slow
def test_from_far_away_it_shows_means_and_goes_in_to_single_pixels(show):
    shown = show("#seed=1&y=0&x=0&scale=0.125", width=420, height=420)
    height, width = (side - side % 2 for side in sizes(shown))
    plane = pixels(1, -4 * height, -4 * width, 8 * height, 8 * width).reshape(height, 8, width, 8, 3)
    seen = picture(shown)[:height, :width].astype(float)
    assert np.abs(seen - plane.mean((1, 3))).max() <= 1
    box = shown.page.locator("#view").bounding_box()
    shown.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for _ in range(4):
        shown.page.mouse.wheel(0, 20000)
    shown.until("explorer.camera.scale === 1 / 32 && explorer.camera.level === 5")
    for _ in range(40):
        shown.page.mouse.wheel(0, -400)
    shown.until("explorer.camera.scale === 16")
    rest(shown)
    near = picture(shown)
    y, x, fy, fx = shown.run("(({y, x, fy, fx}) => [Number(y), Number(x), fy, fx])(explorer.camera)")
    height, width = sizes(shown)
    for down, right in ((3, 5), (height // 2, width // 2), (height - 2, 9)):
        row, column = (
            y + int((fy + (down + 0.5 - height / 2) / 16) // 1),
            x + int((fx + (right + 0.5 - width / 2) / 16) // 1),
        )
        assert np.array_equal(near[down, right], pixels(1, row, column, 1, 1)[0, 0])


@pytest.mark.slow
def test_keys_boxes_and_the_address_lead_everywhere(show):
    shown = show()
    assert (middle(shown), shown.page.input_value("#seed")) == ((-12, 40), "3")
    shown.page.focus("#view")
    for key in ("n", "n", "p", "ArrowRight", "ArrowDown", "+", "1", "Home"):
        shown.page.keyboard.press(key)
    (y, x), _ = middle(shown), rest(shown)
    assert y == 0
    assert x > 40
    assert shown.run("[String(explorer.seed), explorer.camera.scale]") == ["4", 1]
    shown.page.keyboard.press("g")
    shown.page.keyboard.type(f"-7, {FAR}")
    shown.page.keyboard.press("Enter")
    assert middle(shown) == (-7, FAR)
    shown.page.keyboard.type("x")
    shown.page.keyboard.press("Enter")
    assert "Y,X" in text(shown, "notice")
    shown.page.fill("#at", f"0,{2**63 - 1}")
    shown.page.keyboard.press("Enter")
    assert "end" in text(shown, "notice")
    shown.page.fill("#seed", str(2**64))
    shown.page.keyboard.press("Enter")
    assert "A seed is" in text(shown, "notice")
    shown.run("location.hash = '#seed=17&y=5&x=6&dx=0.5&scale=0.25&model=nobody'")
    shown.until("String(explorer.seed) === '17'")
    assert "no model nobody" in text(shown, "notice")
    rest(shown)
    assert shown.run("location.hash") == "#seed=17&y=5&x=6&dx=0.5&scale=0.25&model=first"


@pytest.mark.slow
@pytest.mark.parametrize(
    "at", ["#seed=-4", "#y=1e300&x=NaN", "#scale=Infinity", "#<script>", "#y=%00&scale=0", "#scale=1e-9&x=" + "9" * 99]
)
def test_a_broken_link_leads_somewhere(show, at):
    shown = show(at, 420, 420, whole=False)
    shown.until(
        "explorer.canvas.width && /^#seed=[0-9]+&y=-?[0-9]+&x=-?[0-9]+&scale=[0-9.]+&model=first$/.test(location.hash)"
    )


@pytest.mark.slow
def test_two_fingers_zoom_and_one_moves(show):
    shown = show("#y=0&x=0&scale=1", has_touch=True)
    touch = """([id, type, x, y]) => {
        const box = explorer.canvas.getBoundingClientRect();
        explorer.canvas.setPointerCapture = () => {};
        explorer.canvas.dispatchEvent(new PointerEvent(type, { pointerId: id, pointerType: 'touch', bubbles: true,
            clientX: box.left + box.width / 2 + x, clientY: box.top + box.height / 2 + y }));
    }"""
    for event in ((1, "pointerdown", 0, 0), (1, "pointermove", 30, -20)):
        shown.run(touch, list(event))
    assert middle(shown) == (20, -30)
    for event in ((2, "pointerdown", 30, 20), (2, "pointermove", 30, 60), (1, "pointerup", 30, -20)):
        shown.run(touch, list(event))
    assert shown.run("explorer.camera.scale") == 2  # nothing that the page says meanwhile changes the picture's size


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
def test_everything_has_a_name_and_stands_out(show, scheme, width):
    shown = show(width=width, height=900, color_scheme=scheme)
    shown.run("explorer.frame.turn()")
    least = shown.run(CONTRAST)
    assert least["least"] >= 4.5, least
    assert shown.run("document.documentElement.scrollWidth") <= width
    nameless = """[...document.querySelectorAll('button, input, select, canvas[tabindex]')].filter((one) =>
        !one.checkVisibility() ? false : !(one.textContent.trim() || one.ariaLabel || one.labels?.length)).length"""
    assert shown.run(nameless) == 0


@pytest.mark.slow
def test_seeds_are_picked_from_the_strip(show):
    shown = show("#seed=14&y=3&x=4&scale=1", width=800, height=700)
    labels = shown.run("[...document.querySelectorAll('#seeds button')].map((one) => one.textContent)")
    assert labels == [f"Seed {seed}" for seed in range(12, 24)]
    shown.until("explorer.strip.wanted().every((tile) => explorer.tiles.get(tile)?.whole)")
    shown.run("explorer.draw()")
    url = shown.run("document.querySelectorAll('#seeds canvas')[5].toDataURL()")
    with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as image:
        assert np.array_equal(image.convert("RGB"), pixels(17, 3 - 64, 4 - 128, 128, 256))
    shown.page.locator("#seeds button").nth(5).click()
    rest(shown)
    assert re.match("#seed=17&y=3&x=4&", shown.run("location.hash"))
    assert shown.run("document.querySelector('#seeds [aria-current]').textContent") == "Seed 17"
