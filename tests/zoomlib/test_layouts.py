"""What holds for every layout of levels: any size, p = 2, 3, 4, focus per level, closed loops of any length."""

from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from zoomlib.blend import blend
from zoomlib.errors import InvalidInputError
from zoomlib.film.view import course
from zoomlib.geometry import ring, snapped_focus
from zoomlib.noise import zoom_noise
from zoomlib.pyramid import down
from zoomlib.stack import ZoomStack, consolidate, render_levels

Point = tuple[float, float] | None


@dataclass(frozen=True)
class Layout:
    levels: int
    size: tuple[int, int]
    p: int
    focus: tuple[Point, ...] | None
    loop: bool

    def agreement(self, levels: torch.Tensor, gain: float = 1.0) -> float:
        """The largest difference of a window from the level that it shows."""
        inside, count = ring(self.levels, *self.size, self.p, self.focus), self.levels if self.loop else self.levels - 1
        worst = 0.0
        for i, window in enumerate(inside[:count]):
            rows, columns = window.slices
            shown = gain * down(levels[(i + 1) % self.levels], self.p)
            worst = max(worst, float((levels[i][:, rows, columns] - shown).abs().max()))
        return worst


@st.composite
def layouts(draw) -> Layout:
    p, loop = draw(st.sampled_from([2, 3, 4])), draw(st.booleans())
    sides = {2: [16, 24, 32, 48, 64], 3: [18, 27, 36, 54, 81], 4: [16, 32, 48, 64]}[p]
    size = draw(st.sampled_from(sides)), draw(st.sampled_from(sides))
    levels = draw(st.integers(2 if loop else 1, 7))
    fraction = st.floats(0, 1)
    points = st.none() | st.tuples(fraction, fraction)
    focus = draw(st.none() | st.lists(points, min_size=levels, max_size=levels).map(tuple))
    return Layout(levels, size, p, focus, loop)


def drawn(layout: Layout, seed: int, channels: int = 2) -> torch.Tensor:
    return torch.randn(layout.levels, channels, *layout.size, generator=torch.Generator().manual_seed(seed))


@settings(max_examples=40, deadline=None)
@given(layouts(), st.integers(0, 99))
def test_rendered_levels_agree_and_rendering_them_again_changes_nothing(layout, seed):
    rendered = render_levels(drawn(layout, seed), layout.p, layout.focus, loop=layout.loop)
    assert layout.agreement(rendered) < 1e-5
    again = render_levels(rendered, layout.p, layout.focus, loop=layout.loop)
    assert torch.allclose(again, rendered, atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(layouts(), st.integers(0, 99), st.sampled_from([1.0, 0.25, 0.0]))
def test_blending_levels_that_agree_changes_nothing(layout, seed, weight):
    rendered = render_levels(drawn(layout, seed), layout.p, layout.focus, loop=layout.loop)
    blended = blend(rendered, layout.p, "laplacian", layout.focus, weight, loop=layout.loop)
    assert torch.allclose(blended, rendered, atol=2e-5)


@settings(max_examples=30, deadline=None)
@given(layouts(), st.integers(0, 99))
def test_noise_of_levels_agrees_and_has_unit_variance(layout, seed):
    """The variance over channels and pixels; 5 standard errors, and in a loop what its few pixels of a level that sees
    itself can change."""
    channels = 256
    noise = zoom_noise(
        layout.levels,
        (channels, *layout.size),
        layout.p,
        torch.Generator().manual_seed(seed),
        layout.focus,
        loop=layout.loop,
    )
    assert layout.agreement(noise, layout.p) < 2e-4
    pixels = channels * layout.size[0] * layout.size[1]
    slack = 0.01 if layout.loop else 0.0
    assert (noise.square().mean((1, 2, 3)) - 1).abs().max() < 5 * (2 / pixels) ** 0.5 + slack
    beside = (noise[..., 1:] * noise[..., :-1]).mean((1, 2, 3))
    assert beside.abs().max() < 5 * pixels**-0.5 + slack


@settings(max_examples=40, deadline=None)
@given(layouts())
def test_film_and_metrics_have_the_windows_that_were_sampled(layout):
    """Windows in whole pixels of the sampled levels are the same shares of the levels at any larger size."""
    focus = snapped_focus(layout.levels, *layout.size, layout.p, layout.focus)
    sampled = ring(layout.levels, *layout.size, layout.p, layout.focus)
    for scale in (1, 3):
        H, W = (side * scale for side in layout.size)
        stack = ZoomStack(torch.zeros(layout.levels, 3, H, W), layout.p, focus, layout.loop)
        wanted = [
            (scale * w.top, scale * w.left, scale * w.height, scale * w.width)
            for w in (sampled if layout.loop else sampled[:-1])
        ]
        assert [tuple(vars(box).values()) for box in stack.ring] == [pytest.approx(w, abs=1e-9) for w in wanted]
        if not layout.loop or layout.levels > 1:
            track = course(stack, layout.loop)
            assert [tuple(vars(box).values()) for box in track.windows] == [pytest.approx(w, abs=1e-9) for w in wanted]


@pytest.mark.parametrize(
    ("levels", "size", "p", "focus"),
    [
        (2, (64, 96), 2, ((0.3, 0.6), (0.7, 0.2))),
        (3, (64, 64), 2, None),
        (4, (81, 54), 3, None),
        (2, (64, 64), 4, None),
    ],
)
@pytest.mark.parametrize(("weight", "feather"), [(1.0, 0.0), (0.25, 0.16)])
def test_a_loop_in_which_levels_see_themselves_is_its_levels_laid_out_in_a_line(
    levels, size, p, focus, weight, feather
):
    """As many copies before and after as a level still covers 1/4096 of a pixel."""
    layout = Layout(levels, size, p, focus, True)
    x, beyond = drawn(layout, 0), 18 // p + 6
    line = [i % levels for i in range(-beyond, levels + beyond)]
    points = focus and tuple(focus[i] for i in line)
    expected = consolidate(x[line], p, focus=points, coarse_weight=weight, feather=feather)[beyond : beyond + levels]
    found = consolidate(x, p, focus=focus, coarse_weight=weight, feather=feather, loop=True)
    assert torch.allclose(found, expected, atol=2e-3)


def test_a_stack_of_a_loop_knows_and_renders_its_last_window(tmp_path):
    layout = Layout(3, (16, 32), 2, ((0.2, 0.6), None, (0.9, 0.1)), True)
    focus = snapped_focus(3, 16, 32, 2, layout.focus)
    stack = ZoomStack(drawn(layout, 1, 3).clamp(-1, 1), 2, focus, True)
    assert len(stack.ring) == 3
    assert stack.ring[:2] == stack.windows
    assert layout.agreement(stack.rendered().levels) < 1e-6
    assert torch.equal(stack.image(2), stack.rendered().levels[2])
    assert ZoomStack.load(stack.save(tmp_path)).loop
    assert not ZoomStack.load(ZoomStack(stack.levels, 2, focus).save(tmp_path)).loop


@pytest.mark.parametrize(("count", "p"), [(1, 2), (3, (2.0, 3.0))])
def test_a_stack_that_cannot_be_closed_is_refused(count, p):
    with pytest.raises(InvalidInputError, match="closed loop"):
        ZoomStack(torch.zeros(count, 3, 12, 12), p, None, True)
