"""The page in a real browser: it shows the film's frames, wherever one comes to and however."""

import math

import numpy as np
import pytest

from evaluation.viewer import write_view
from tests.evaluation.viewer.zooms import LEVELS, words, zoom
from zoomlib.film.render import Renderer


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
