"""The page is led: by wheel, pointers, fingers, keys, slider, map and play."""

import math

import numpy as np
import pytest

from tests.evaluation.viewer.zooms import LEVELS


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
