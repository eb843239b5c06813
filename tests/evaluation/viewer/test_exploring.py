"""The page in a real browser: it shows the film's frames, goes where it is led, and says where it is."""

import math
from itertools import combinations

import numpy as np
import pytest

from evaluation.viewer import write_view
from tests.evaluation.viewer.zooms import EVIL, words, zoom
from zoomlib.film import scale
from zoomlib.film.render import Renderer

LEVELS = 6


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Pages by name, each with its stack."""
    folder = tmp_path_factory.mktemp("pages")
    kinds = {
        "plain": (zoom(LEVELS, (256, 256)), {"widths_m": [3.2e16, *[None] * (LEVELS - 1)], "facts": {"Seed": "7"}}),
        "aside": (zoom(4, (192, 128), focus=[(0.3, 0.7), (0.8, 0.4), (0, 1), None]), {}),
        "uneven": (zoom(4, (128, 128), p=(1.6, 4.0, 2.5)), {}),
        "loop": (zoom(4, (128, 128)), {"loop": True}),
        "one": (zoom(1, (64, 64)), {}),
        "deep": (zoom(40, (64, 64), focus=[(0.3, 0.6)] * 40), {"widths_m": [1e27, *[None] * 39]}),
    }
    return {
        name: (stack, write_view(folder / f"{name}.html", stack, **words(stack), **more))
        for name, (stack, more) in kinds.items()
    }


def psnr(a, b):
    return 10 * math.log10(255**2 / np.square(a.astype(float) - b.astype(float)).mean())


@pytest.mark.parametrize(
    ("name", "positions"),
    {
        "plain": (0, 0.3, 1, 2.5, 3.97, 5),
        "aside": (0, 0.6, 1.25, 2, 2.8, 3),
        "uneven": (0.5, 1.2, 1.9, 2.5),
        "loop": (0, 0.7, 2.2, 3, 3.6),
        "one": (0,),
        "deep": (0, 17.3, 38.5, 39),
    }.items(),
)
def test_it_shows_the_frames_of_the_film(pages, show, name, positions):
    stack, path = pages[name]
    H, W = stack.levels.shape[-2:]
    size = (2 * W, 2 * H) if name == "deep" else (W, H)
    shown, renderer = show(path, *size), Renderer(stack, size, loop=name == "loop")
    for position in positions:
        shown.jump(position)
        assert psnr(shown.picture(), renderer.frame(position)) >= 30, position


def test_a_fine_screen_gets_all_its_pixels(pages, show):
    stack, path = pages["plain"]
    shown = show(path, 256, 256, device_scale_factor=2)
    shown.jump(2.4)
    assert psnr(shown.picture(), Renderer(stack, (512, 512)).frame(2.4)) >= 30


def test_a_window_of_another_shape_shows_more_not_less(pages, show):
    """The level in sight fills the height; wider levels are seen beside it, as far as there are any."""
    stack, path = pages["plain"]
    shown = show(path, 512, 256)
    shown.jump(2.0)
    picture, frame = shown.picture(), Renderer(stack, (256, 256)).frame(2.0)
    assert psnr(picture[:, 128:384], frame) >= 30
    wide = Renderer(stack, (512, 512)).frame(1.0)
    assert psnr(picture[:, :120], wide[128:384, :120]) >= 30


def test_far_beside_the_way_it_shows_the_widest_level(pages, show):
    stack, path = pages["plain"]
    shown = show(path, 256, 256)
    shown.run(
        "viewer.camera.view = viewer.geometry.held({level: 0, x: 0.2, y: 0.1, zoom: Math.LN2}, viewer.camera.screen)"
    )
    shown.until("viewer.whole")
    x0, side = round((0.25 - 0.25) * 512), 256  # held inside: the corner of level 0 at twice its size
    wide = Renderer(stack, (512, 512)).frame(0.0)
    seen = shown.picture()
    assert psnr(seen, wide[0:side, x0 : x0 + side]) >= 28  # half of its pixels are enlarged twice


# Links


@pytest.mark.parametrize(("name", "at"), [("plain", "#s=2.345&x=0.21&y=-0.4"), ("deep", "#s=37.75&x=-0.3&y=0.125")])
def test_a_link_leads_back_to_the_same_picture(pages, show, name, at):
    _, path = pages[name]
    first = show(path, 256, 256, at=at)
    first.rest()
    again = show(path, 256, 256, at=first.run("location.hash"))
    again.rest()
    assert first.run("location.hash") == at == again.run("location.hash")
    assert np.array_equal(first.picture(), again.picture())


def test_the_address_tells_where_one_is_and_can_be_changed_by_hand(pages, show):
    shown = show(pages["plain"][1])
    shown.rest()
    assert shown.run("location.hash") == "#s=0"
    shown.run("location.hash = '#s=3.5'")
    shown.rest()
    assert shown.position == pytest.approx(3.5)


@pytest.mark.parametrize(
    "at", ["#s=-4", "#s=1e300&x=NaN", "#s=Infinity", "#<script>", "#s=%00&s=2", "#s=2&x=9e9&y=-9e9"]
)
def test_a_broken_link_leads_somewhere_inside(pages, show, at):
    shown = show(pages["plain"][1], at=at)
    shown.rest()
    assert 0 <= shown.position < LEVELS + 1  # a little beyond the last level is worth looking at
    assert shown.picture().std() > 5


# Hands


def test_the_wheel_zooms_about_the_pointer(pages, show):
    shown = show(pages["plain"][1])
    shown.jump(1.0)
    shown.page.mouse.move(300, 200)
    before = shown.run(SPOT, [300, 200])
    shown.page.mouse.wheel(0, -120)
    shown.rest()
    assert shown.position == pytest.approx(1 + 120 * 0.0021 / math.log(2))
    assert shown.run(SPOT, [300, 200]) == pytest.approx(before, abs=1e-9)
    shown.page.mouse.wheel(0, 120)
    shown.rest()
    assert shown.position == pytest.approx(1)
    assert shown.offset == pytest.approx([0, 0], abs=1e-9)


SPOT = """([x, y]) => {
    const { geometry, camera } = viewer;
    const { left, top, width, height } = geometry.rectangle(geometry.from(0, camera.view), camera.screen);
    return [(x - left) / width, (y - top) / height];
}"""


def test_who_zooms_on_beside_the_way_still_comes_to_the_end(pages, show):
    shown = show(pages["plain"][1])
    shown.page.mouse.move(60, 300)
    for _ in range(40):
        shown.page.mouse.wheel(0, -240)
        shown.page.wait_for_timeout(10)
    shown.rest()
    assert shown.position >= LEVELS - 1
    shown.page.mouse.wheel(0, -240)
    shown.rest()
    most = shown.position
    shown.page.mouse.wheel(0, -240)
    shown.rest()
    assert shown.position == pytest.approx(most, abs=0.01)  # and no further than there is something to see


def test_zooming_out_ends_with_the_whole(pages, show):
    shown = show(pages["plain"][1], at="#s=3&x=1.5&y=-0.7")
    shown.page.mouse.move(100, 100)
    for _ in range(20):
        shown.page.mouse.wheel(0, 300)
    shown.rest()
    assert (shown.position, shown.offset) == (0, [0, 0])


def test_a_drag_moves_the_picture_with_the_hand(pages, show):
    shown = show(pages["plain"][1], reduced_motion="reduce")  # without the swing that follows
    shown.jump(2.0)
    mouse = shown.page.mouse
    before = shown.run(SPOT, [256, 256])
    mouse.move(256, 256)
    mouse.down()
    mouse.move(300, 220, steps=5)
    assert shown.run(SPOT, [300, 220]) == pytest.approx(before, abs=1e-9)
    mouse.up()
    shown.rest()
    assert shown.run(SPOT, [300, 220]) == pytest.approx(before, abs=1e-9)


def test_a_throw_swings_out_and_rests(pages, show):
    shown = show(pages["plain"][1])
    shown.jump(2.0)
    mouse = shown.page.mouse
    mouse.move(300, 256)
    mouse.down()
    for x in range(290, 200, -15):
        mouse.move(x, 256)
    mouse.up()
    dragged = shown.offset[0]
    shown.rest()
    assert shown.offset[0] > dragged > 0
    assert shown.offset[1] == pytest.approx(0, abs=1e-9)


def test_two_fingers_zoom_between_them(pages, show):
    shown = show(pages["plain"][1], has_touch=True)
    shown.jump(1.0)
    before = shown.run(SPOT, [256, 200])
    session = shown.page.context.new_cdp_session(shown.page)
    for kind, spread in (("touchStart", 30), ("touchMove", 40), ("touchMove", 60), ("touchEnd", 0)):
        points = [{"x": x, "y": 200, "id": i} for i, x in enumerate((256 - spread, 256 + spread))] if spread else []
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    shown.rest()
    assert shown.position == pytest.approx(2.0, abs=1e-6)
    assert shown.run(SPOT, [256, 200]) == pytest.approx(before, abs=1e-6)


def test_a_double_click_goes_twice_as_near(pages, show):
    shown = show(pages["plain"][1])
    before = shown.run(SPOT, [300, 200])
    shown.page.mouse.dblclick(300, 200)
    shown.rest()
    assert shown.position == pytest.approx(1)
    assert shown.run(SPOT, [300, 200]) == pytest.approx(before, abs=1e-9)


KEYS = (
    (["+"], 2 + 0.18 / math.log(2), (0, 0)),
    (["+", "-"], 2, (0, 0)),
    (["ArrowRight"], 2, (0.14, 0)),
    (["ArrowDown", "ArrowLeft"], 2, (-0.14, 0.14)),
    (["ArrowUp", "0"], 2, (0, 0)),
    (["PageDown"], 3, (0, 0)),
    (["PageUp"], 1, (0, 0)),
    (["End"], LEVELS - 1, (0, 0)),
    (["Home"], 0, (0, 0)),
)


def test_keys_lead(pages, show):
    shown = show(pages["plain"][1])
    for keys, position, offset in KEYS:
        shown.jump(2.0)
        for key in keys:
            shown.page.keyboard.press(key)
            shown.rest()
        assert shown.position == pytest.approx(position, abs=1e-6), keys
        assert shown.offset == pytest.approx(offset, abs=1e-4), keys


def test_the_slider_leads_and_follows(pages, show):
    stack, path = pages["uneven"]
    shown = show(path)
    box = shown.page.locator("#slider").bounding_box()
    shown.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    shown.rest()
    depth, logs = shown.run("viewer.geometry.depth(viewer.camera.view)"), np.log(stack.factors)
    assert depth == pytest.approx(sum(logs) / 2, rel=0.03)  # even in the logarithm of the zoom, not in levels
    shown.page.locator("#slider").focus()
    shown.page.keyboard.press("Home")
    shown.page.keyboard.press("PageDown")
    shown.rest()
    assert shown.position == pytest.approx(1)
    assert float(shown.page.locator("#slider").input_value()) == pytest.approx(logs[0] / sum(logs))


def test_the_map_shows_where_and_leads_there(pages, show):
    shown = show(pages["plain"][1], 800, 600)
    shown.jump(4.0)
    seen = "(({ screen, wide }) => viewer.overview.seen(wide, screen))(viewer.overview.look(viewer.camera.view))"
    x, y, width, height = shown.run(seen)
    box = shown.page.locator("#map").bounding_box()
    assert (x + width / 2, y + height / 2) == pytest.approx((box["width"] / 2, box["height"] / 2), abs=0.01)
    assert height == pytest.approx(box["height"] / 6, rel=1e-3)
    assert width == pytest.approx(height * 800 / 600)
    shown.page.mouse.click(box["x"] + box["width"] / 2 + 10, box["y"] + box["height"] / 2)
    shown.rest()
    assert shown.offset == pytest.approx([10 / box["width"] * 6, 0], abs=0.02)


# Play


def test_play_zooms_evenly_there_and_back(pages, show):
    shown = show(pages["uneven"][1])
    shown.page.keyboard.press(" ")
    depths = shown.run("""async () => {
        const { camera, geometry } = viewer, found = [];
        for (let i = 0; i < 60; i += 1) { camera.tick(0.05); found.push(geometry.depth(camera.view)); }
        camera.tick(60);
        found.push(geometry.depth(camera.view) === geometry.way, camera.backwards);
        camera.tick(1);
        found.push(geometry.depth(camera.view) < geometry.way);
        return found;
    }""")
    steps = np.diff(depths[:60])
    pace = sum(np.log(pages["uneven"][0].factors)) / 3 / 2  # two seconds a level
    assert steps == pytest.approx(np.full(59, 0.05 * pace), rel=0.2)  # frames of the page itself run between
    assert depths[60:] == [True, True, True]
    shown.page.keyboard.press(" ")
    shown.rest()


def test_play_returns_to_the_way_and_a_hand_stops_it(pages, show):
    shown = show(pages["plain"][1], at="#s=1&x=0.8&y=0.3")
    shown.page.locator("[data-do=play]").click()
    shown.until("Math.hypot(...viewer.geometry.offset(viewer.camera.view)) < 0.02")
    assert shown.run("viewer.camera.playing")
    assert shown.page.locator("[data-do=play]").get_attribute("aria-label").startswith("Pause")
    shown.page.mouse.click(256, 100)
    shown.rest()
    assert not shown.run("viewer.camera.playing")


def test_a_loop_has_no_end(pages, show):
    shown = show(pages["loop"][1], at="#s=3.9")
    shown.page.keyboard.press(" ")
    shown.until("viewer.camera.position < 1")
    shown.page.keyboard.press(" ")
    shown.page.mouse.move(256, 200)
    for _ in range(30):
        shown.page.mouse.wheel(0, 300)
    shown.rest()
    assert 0 <= shown.position < 4
    assert shown.picture().std() > 5


def test_one_level_is_a_still_that_can_be_magnified(pages, show):
    shown = show(pages["one"][1])
    shown.page.keyboard.press(" ")
    assert not shown.run("viewer.camera.playing")
    assert not any(shown.page.locator(f"#controls {one}").is_visible() for one in ("#slider", "[data-do=play]"))
    shown.page.keyboard.press("+")
    shown.rest()
    assert shown.position == pytest.approx(0.18 / math.log(2))


def test_speed_can_be_chosen(pages, show):
    shown = show(pages["plain"][1])
    shown.page.locator("#speed").select_option("4")
    shown.page.keyboard.press(",")
    assert shown.run("[viewer.camera.speed, document.getElementById('speed').value]") == [2, "2"]


# Words


def test_it_says_what_is_in_sight(pages, show):
    _, path = pages["plain"]
    shown = show(path, at="#s=2.1")
    shown.rest()
    text = shown.page.locator("#dock").inner_text()
    assert "what level 2 shows" in text
    assert "Level 3 of 6" in text
    assert f"{scale.in_words(3.2e16 / 2**2.1)} across" in text
    shown.until("document.getElementById('live').textContent.includes('what level 2 shows')")
    pixels, said = scale.bar(3.2e16 / 2**2.1, 512)
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


# Whoever reads, on whatever


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


def test_a_damaged_picture_is_said(tmp_path, show):
    stack = zoom(2, (32, 32))
    page = write_view(tmp_path / "a.html", stack, **words(stack))
    text = page.read_text(encoding="utf-8")
    start = text.index('id="level-1">') + len('id="level-1">')
    page.write_text(text[:start] + "AAAA" + text[text.index("</script>", start) :], encoding="utf-8")
    shown = show(page)
    shown.until("document.getElementById('notice').textContent.includes('picture of level 2 cannot be read')")
    assert shown.picture().std() > 5


def test_far_pictures_are_forgotten_and_come_again(tmp_path, show):
    stack = zoom(12, (64, 64))
    shown = show(write_view(tmp_path / "a.html", stack, **words(stack)), 64, 64)
    shown.run("viewer.pictures.kept = 4")
    for position in (0, 6, 11, 0):
        shown.jump(position)
        shown.rest()
        assert shown.run("viewer.pictures.ready.size") <= 4 + 6  # those in sight and around it are never dropped
        assert psnr(shown.picture(), Renderer(stack, (64, 64)).frame(float(position))) >= 30


# Numbers


@pytest.mark.parametrize("name", ["plain", "aside", "uneven", "loop", "deep"])
def test_views_seen_from_other_levels_are_the_same_views(pages, show, name):
    shown = show(pages[name][1])
    worst = shown.run("""() => {
        const { geometry, camera } = viewer;
        const { screen } = camera;
        let worst = 0;
        const apart = (a, b) => Math.max(Math.abs(a.x - b.x), Math.abs(a.y - b.y), Math.abs(a.zoom - b.zoom));
        for (let i = 0; i < 500; i += 1) {
            const s = (i * 0.6180339887) % 1 * geometry.last;
            const offset = [Math.sin(i) * 0.4, Math.cos(3 * i) * 0.4];
            const view = geometry.at(s, offset);
            const across = geometry.hasFiner(view.level) ? geometry.wider(geometry.finer(view)) : view;
            worst = Math.max(worst, apart(across, view));
            worst = Math.max(worst, apart(geometry.at(geometry.position(view), geometry.offset(view)), view));
            const back = geometry.magnified(geometry.magnified(view, 0.9, 30, -40, screen), -0.9, 30, -40, screen);
            worst = Math.max(worst, apart(geometry.from(view.level, back), view));
            worst = Math.max(worst, Math.abs(geometry.positionAt(geometry.depth(view)) - geometry.position(view)));
        }
        return worst;
    }""")
    assert worst < 1e-9
