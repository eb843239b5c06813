"""Zooms of every layout, made by the command with the bundled model: stack, film, metrics and viewer tell one story."""

import json
import re

import numpy as np
import pytest

from evaluation.dataset import read_scores
from tests.flows.test_command import here, tenfold  # noqa: F401 - a fixture
from zoomlib.film.video import read
from zoomlib.geometry import ring, snapped_focus
from zoomlib.images import AGREE
from zoomlib.pyramid import down
from zoomlib.stack import ZoomStack

WORDS = ["a green forest", "a brown tree", "green leaves", "a yellow field", "white clouds", "a blue planet"]
FOCI = [[0.3, 0.62], [0.7, 0.3], None, [0.05, 0.95], [0.5, 0.2], [0.6, 0.6]]
LAYOUTS = {
    # p, (W, H), levels, loop, film's larger side: with 192 levels are enlarged on the way
    "rectangle, off centre": (2, (96, 64), 4, False, 192),
    "thirds": (3, (72, 48), 3, False, 72),
    "quarters in a loop": (4, (64, 96), 3, True, 96),
    "thirds in a loop that is enlarged": (3, (48, 72), 4, True, 144),
    "halves in a loop in which levels see themselves": (2, (64, 48), 3, True, 64),
}


def make(name: str) -> None:
    p, (width, height), levels, loop, size = LAYOUTS[name]
    entries = [{"prompt": word, "focus": point} for word, point in zip(WORDS, FOCI, strict=True)][:levels]
    story = json.dumps({"title": name.replace(",", ""), "p": p, "loop": loop, "levels": entries})
    settings = ["--set", "sampling.feather=0", "--set", "guidance.scale=1"]
    options = ["--steps", "3", "--fps", "8", "--seconds-per-level", "1", "--size", size, "--no-engine", *settings]
    done = tenfold("zoom", "-", "--shape", f"{width}x{height}", *options, text=story)
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("name", LAYOUTS)
def test_stack_film_metrics_and_viewer_of_a_layout(here, name):  # noqa: F811
    p, (width, height), levels, loop, size = LAYOUTS[name]
    make(name)
    (folder,) = (here / "runs").glob("[a-z]*/*")
    stack = ZoomStack.load(folder / "stack")
    factor = stack.levels.shape[3] // width
    assert (factor > 1) is (size > max(width, height))

    # The windows that were sampled, at the finished size; and they show the next levels, to a rounding of 8 bits.
    focus = snapped_focus(levels, height, width, p, FOCI[:levels])
    assert stack.loop is loop
    assert tuple(stack.levels.shape[2:]) == (height * factor, width * factor)
    inside = ring(levels, height, width, p, FOCI[:levels])[: levels if loop else levels - 1]
    assert [(b.top, b.left) for b in stack.ring] == [
        pytest.approx((w.top * factor, w.left * factor), abs=1e-6) for w in inside
    ]
    large = ring(levels, height * factor, width * factor, p, focus)
    for i in range(len(inside)):
        rows, columns = large[i].slices
        shown = down(stack.levels[(i + 1) % levels], p)
        assert (stack.levels[i][:, rows, columns] - shown).abs().max() <= AGREE + 1e-6

    film = np.stack(list(read(folder / "zoom.mp4"))).astype(float)
    assert film.shape == (8 * len(inside), *sorted_sides(size, width, height), 3)
    if loop:
        change = np.abs(film - np.roll(film, 1, axis=0)).mean((1, 2, 3))  # the first: from the last frame
        at_levels = change[8::8]
        assert change[0] < 1.3 * max(at_levels.max(), np.median(change))

    scores = read_scores(folder)
    pairs = scores[scores["score"] == "window_psnr"].sort_values("level")
    assert pairs["level"].tolist() == list(range(len(inside)))
    assert pairs["value"].min() > 40
    assert scores["value"].apply(np.isfinite).all()
    assert ("loop_error" in set(scores["score"])) is loop

    page = (folder / "view.html").read_text(encoding="utf-8")
    windows = json.loads(re.search(r'"windows": ?(\[\[.*?\]\])', page).group(1))
    wanted = [(w.left / width, w.top / height, (w.left + w.width) / width, (w.top + w.height) / height) for w in inside]
    assert np.allclose(windows, wanted, atol=1e-9)


def sorted_sides(size: int, width: int, height: int) -> tuple[int, int]:
    """Height and width of a film whose longer side is `size`."""
    return (round(size * height / width), size) if width >= height else (size, round(size * width / height))


def test_shapes_that_do_not_suit_are_refused_with_ones_that_do(here):  # noqa: F811
    story = json.dumps({"title": "x", "p": 3, "levels": ["a green forest", "a tree"]})
    for shape, words in (("64x64", "--shape 72x72"), ("90x70", "--shape 96x72"), ("64", "--shape 72x72")):
        refused = tenfold("zoom", "-", "--shape", shape, "--no-engine", text=story)
        assert refused.exit_code == 2
        assert words in refused.output
        assert "Traceback" not in refused.output
    refused = tenfold("zoom", "-", "--shape", "big", "--no-engine", text=story)
    assert refused.exit_code == 2
    assert "WIDTHxHEIGHT" in refused.output
    assert not (here / "runs").exists()


def test_the_same_shape_again_is_reused_and_another_is_not(here):  # noqa: F811
    story = json.dumps({"title": "x", "p": 2, "levels": ["a green forest", "a tree"]})
    options = ["--steps", "1", "--fps", "4", "--size", "64", "--no-engine", "--set", "scores.scorer=none"]
    for shape, how in (("64x48", "made"), ("64x48", "reused"), ("48x64", "made")):
        done = tenfold("zoom", "-", "--shape", shape, *options, text=story)
        assert re.search(rf"sampling +{how}", done.output), done.output
