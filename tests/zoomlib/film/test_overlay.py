import math
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from zoomlib.errors import InvalidInputError
from zoomlib.film.overlay import SAFE, SWITCH, Overlay
from zoomlib.film.patches import LIGHT, patch
from zoomlib.film.planes import assemble, planes, shape_of, to_rgb
from zoomlib.film.scale import SHARE, bar, width_at

CAPTIONS = ["The Milky Way, seen from far above its bright centre", "A blue star", "", "A blue star", "A leaf"]
FACTORS = (2.0,) * 4
WIDTHS = (3e20, None, None, None, None)
LAYOUTS = ("rgb", "yuv444", "yuv420")
NASTY = [
    "银河系" * 40,
    "на русском",
    "مرحبا بالعالم",
    "🎉👩\u200d🚀",
    "🎉",
    "\u200d \ufe0f",
    "\x00\ud800\n\t",
    "x" * 5000,
    "a " * 5000,
    "\u202e back",
    "",
]


def blank(size, layout, grey=0):
    return assemble(planes(np.full((size[1], size[0], 3), grey, np.uint8), layout), layout)


def drawn(overlay, position, grey=0):
    """The frame as grey values (H, W) in 0..255."""
    frame = blank(overlay.size, overlay.layout, grey)
    overlay.draw(frame, position)
    return to_rgb(frame, overlay.layout)[..., 1].astype(float)


def captions(size=(640, 360), layout="rgb", texts=CAPTIONS, **more):
    return Overlay(size, layout, captions=texts, **more)


def ruler(size=(640, 360), layout="rgb", widths=WIDTHS, factors=FACTORS, **more):
    return Overlay(size, layout, widths_m=widths, factors=factors, scale_bar=True, **more)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("grey", [0, 90, 255])
def test_all_layouts_show_the_same(layout, grey):
    """Drawn in YUV, the picture is the one drawn in RGB, but for rounding to 219 steps, to within 3 of 255."""
    both = {"captions": CAPTIONS, "widths_m": WIDTHS, "factors": FACTORS, "scale_bar": True}
    expected = drawn(Overlay((640, 360), "rgb", **both), 0.1, grey)
    assert np.abs(drawn(Overlay((640, 360), layout, **both), 0.1, grey) - expected).max() <= 3


@pytest.mark.parametrize("layout", ["yuv444", "yuv420"])
def test_colour_gives_way_to_grey_as_in_rgb(layout):
    """On a ground of one colour: chroma is mixed where luma is; in 4:2:0 as the RGB picture would be thinned."""
    ground = np.broadcast_to(np.array([230, 60, 20], np.uint8), (360, 640, 3)).copy()
    frame = assemble(planes(ground, layout), layout)
    captions(layout=layout).draw(frame, 0.0)
    captions().draw(ground, 0.0)
    for found, expected in zip(planes(to_rgb(frame, layout), layout), planes(ground, layout), strict=True):
        assert np.abs(found.astype(int) - expected).mean() < 0.2
        assert np.abs(found.astype(int) - expected).max() <= (3 if layout == "yuv444" else 12)


@pytest.mark.parametrize("size", [(640, 360), (360, 640), (512, 512), (1920, 800), (128, 128)])
def test_words_stay_in_the_title_safe_area(size):
    W, H = size
    ys, xs = np.nonzero(drawn(captions(size, widths_m=WIDTHS, factors=FACTORS, scale_bar=True), 0.0) > 0)
    assert xs.min() >= SAFE * W - 1
    assert xs.max() <= (1 - SAFE) * W + 1
    assert ys.min() >= SAFE * H - 1
    assert ys.max() <= (1 - SAFE) * H + 1


def luminance(grey):
    """Relative luminance of sRGB (WCAG 2.2)."""
    value = np.asarray(grey) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


@pytest.mark.parametrize("grey", [0, 60, 128, 200, 255])
@pytest.mark.parametrize("size", [(640, 360), (1920, 1080)])
def test_letters_can_be_read_on_any_ground(size, grey):
    """Letters against what is right around them: 4.5 to 1, which WCAG asks of text; on pure white 3 to 1 at least."""
    found = drawn(captions(size), 0.0, grey)
    letters = drawn(captions(size), 0.0) > 200
    near = np.asarray(Image.fromarray(letters).filter(ImageFilter.MaxFilter(5)))
    nearer = np.asarray(Image.fromarray(letters).filter(ImageFilter.MaxFilter(3)))
    ink, ground = (luminance(np.median(found[where])) for where in (letters, near & ~nearer))
    assert (ink + 0.05) / (ground + 0.05) >= (4.5 if grey < 255 else 3)


def test_nothing_is_drawn_without_words_and_widths():
    for overlay in (captions(texts=None), captions(texts=["", "🎉", "\u200d"]), ruler(widths=[None] * 5)):
        assert not any(drawn(overlay, s).any() for s in (0.0, 1.0, 2.0))


def test_a_caption_stands_while_its_level_is_nearest_and_gives_way_without_overlapping():
    overlay = captions(texts=["one", "two"])
    shown = [overlay.caption_at(s) for s in np.linspace(0, 1, 1001)]
    assert {text for text, _ in shown[:500]} == {"one"}
    assert {text for text, _ in shown[500:]} == {"two"}
    opacity = np.array([o for _, o in shown])
    assert opacity[:300].min() == opacity[700:].min() == 1
    assert opacity[500] == 0
    assert np.abs(np.diff(opacity)).max() < 0.02  # nothing jumps: 1.5 / 120 per step is the steepest of a smooth step


def test_alike_captions_do_not_blink():
    overlay = captions(texts=["one", "one", "two"])
    assert all(overlay.caption_at(s) == ("one", 1.0) for s in np.linspace(0, 1.3, 50))


def test_round_a_loop_the_last_caption_gives_way_to_the_first():
    overlay = captions(texts=["one", "two", "two"], loop=True)
    assert overlay.caption_at(2.4)[0] == "two"
    assert overlay.caption_at(2.5) == ("one", 0.0)
    assert overlay.caption_at(2.99) == overlay.caption_at(0.0) == ("one", 1.0)
    assert overlay.caption_at(0.45)[1] == pytest.approx(overlay.caption_at(2.55)[1])
    with pytest.raises(InvalidInputError, match="outside"):
        captions(texts=["one", "two"]).caption_at(1.1)


@settings(deadline=None)
@given(st.floats(math.log(1e-12), math.log(1e26)).map(math.exp))
def test_the_bars_in_sight_are_true_and_add_up(width_m):
    overlay = ruler(size=(1000, 500))
    bars = overlay.bars_at(width_m)
    assert sum(opacity for *_, opacity in bars) == pytest.approx(1)
    by_label = {said: length for near in (-0.05, 0.0, 0.05) for length, said in [bar(width_m * math.exp(near), 1000)]}
    for length, said, _ in bars:
        assert 0.35 / 2.5 * math.exp(-SWITCH) * 1000 * 0.999 <= length <= SHARE * math.exp(SWITCH) * 1000 * 1.001
        assert by_label[said] == pytest.approx(length, rel=0.06)  # the same bar, a little nearer or farther
    if len(bars) == 1:
        assert bars[0][:2] == bar(width_m, 1000)


def test_a_bar_is_never_exchanged_at_once():
    overlay = ruler()
    seen = [
        {said: opacity for _, said, opacity in overlay.bars_at(3e20 / 2**s)} for s in np.linspace(0, 4, 2001).tolist()
    ]
    for one, two in pairwise(seen):
        assert all(abs(one.get(said, 0) - two.get(said, 0)) < 0.05 for said in one | two)


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=20, deadline=None)
@given(position=st.floats(0, 4), share=st.floats(0.3, 1))
def test_the_bar_on_the_frame_is_as_long_as_it_says(layout, position, share):
    """Its lowest row, summed, is its length in pixels times its light: to a fraction of a pixel."""
    overlay = ruler(layout=layout, share=share)
    bars = overlay.bars_at(width_at(position, WIDTHS, FACTORS) * share)
    row = drawn(overlay, position)[overlay._ruler.bottom - 1]
    expected = sum(length * opacity for length, _, opacity in bars)
    assert row.sum() / 255 / LIGHT == pytest.approx(expected, abs=1.5)
    assert row[overlay.place.right - 1] > 235
    assert row[overlay.place.right :].max() < 2


def test_a_bar_grows_evenly():
    """Between exchanges, the left end moves by fractions of a pixel as the zoom asks, without a jump."""
    overlay = ruler()
    for s in np.linspace(0, 3.9, 40):
        ends = []
        for position in (s, s + 0.01):
            bars = overlay.bars_at(width_at(position, WIDTHS, FACTORS))
            row = drawn(overlay, position)[overlay._ruler.bottom - 1]
            ends.append((len(bars), bars[0][1], row.sum() / 255 / LIGHT))
        (n0, said0, length0), (n1, said1, length1) = ends
        if n0 == n1 == 1 and said0 == said1:
            assert length1 / length0 == pytest.approx(2**0.01, abs=3e-3)


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(LAYOUTS),
    st.floats(0, 1),
)
@settings(max_examples=60, deadline=None)
def test_mixing_is_exact_but_for_rounding(seed, layout, opacity):
    """Fixed point against real numbers, for any light, shade, ground and fading: never off by more than 2.5 of 255.

    Opacity, fading and both together are rounded to 1 / 256, half a step of 255 each; grey and the sum to whole ones.
    """
    rng = np.random.default_rng(seed)
    light, shade = (rng.choice([0, 1, rng.random()], (6, 8)).astype(np.float32) for _ in range(2))
    frame = rng.integers(0, 256, shape_of(layout, (16, 12)), np.uint8)
    before = frame.copy()
    patch(light, shade, (2, 4), layout).lay(frame, opacity)
    black, white = (0, 255) if layout == "rgb" else (16, 235)
    over = opacity * (1 - (1 - light) * (1 - shade))
    full = light * white + (1 - light) * shade * black
    luma = (lambda f: f[..., 0]) if layout == "rgb" else (lambda f: f[0] if layout == "yuv444" else f[:12])
    expected = luma(before).astype(float)
    expected[2:8, 4:12] = expected[2:8, 4:12] * (1 - over) + opacity * full
    assert np.abs(luma(frame) - expected).max() <= 2.5
    untouched = np.ones((12, 16), bool)
    untouched[2:8, 4:12] = False
    assert np.array_equal(luma(frame)[untouched], luma(before)[untouched])


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 90),
    st.integers(1, 90),
    st.sampled_from(LAYOUTS),
    st.lists(st.sampled_from(NASTY) | st.text(max_size=60), min_size=1, max_size=3),
)
def test_any_words_on_any_frame(width, height, layout, texts):
    size = (2 * width, 2 * height) if layout == "yuv420" else (width, height)
    factors = (2.0,) * (len(texts) - 1)
    overlay = captions(
        size, layout, texts, widths_m=[1e-5] * 1 + [None] * len(factors), factors=factors, scale_bar=True
    )
    frame = blank(size, layout, 128)
    for s in np.linspace(0, len(texts) - 1, 4):
        overlay.draw(frame, s)


def test_all_captions_of_a_film_have_one_size():
    short = captions(texts=["A blue star"])
    both = captions(texts=["A blue star", "word " * 60])
    assert both._em < short._em
    assert both._em == captions(texts=["word " * 60])._em


def test_threads_draw_what_one_draws():
    both = {"captions": CAPTIONS, "widths_m": WIDTHS, "factors": FACTORS, "scale_bar": True}
    positions = np.linspace(0, 4, 60).tolist()
    alone = [drawn(Overlay((320, 180), "yuv420", **both), s) for s in positions]
    overlay = Overlay((320, 180), "yuv420", **both)
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda s: drawn(overlay, s), positions))
    assert all(np.array_equal(one, two) for one, two in zip(alone, together, strict=True))


def test_a_loops_bar_needs_no_further_factor():
    overlay = ruler(loop=True)
    assert np.array_equal(drawn(overlay, 4.5), drawn(ruler(factors=(2.0,) * 5, loop=True), 4.5))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Overlay((8, 8), scale_bar=True), "widths_m"),
        (lambda: ruler(factors=(2.0,)), "factors"),
        (lambda: ruler(widths=[0.0] * 5), "metres wide"),
        (lambda: captions((7, 8), "yuv420"), "even sides"),
        (lambda: captions((0, 8)), "at least 1"),
        (lambda: captions((8, 8), "bgr"), "layout"),
        (lambda: ruler(share=0.0), "share"),
        (lambda: ruler().draw(np.zeros((720, 1280, 3), np.uint8)[::2, ::2], 0), "whole buffer"),
    ],
)
def test_what_makes_no_sense_is_refused(make, said):
    with pytest.raises(InvalidInputError, match=said):
        make()
