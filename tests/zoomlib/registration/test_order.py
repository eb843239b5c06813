"""Order, factors, shifts and turns of pictures whose places are known; what is no zoom is refused with its names."""

from functools import cache

import numpy as np
import pytest

from tests.zoomlib.registration.scenes import World, any_placement, base, jpeg, mandelbrot, recoloured, zoom
from zoomlib.errors import InvalidInputError
from zoomlib.registration.order import register
from zoomlib.registration.placement import Placement

SIZE = (320, 240)
SMALL = (200, 150)
WITHIN_P, WITHIN_PX, WITHIN_DEG = 2e-3, 0.5, 0.1  # what is asked; seeds below reach about a third of it


def made(seed, steps=5, turn_deg=0.0, size=SIZE):
    """A zoom of any factors from 1.2 to 4, off centre, each picture recoloured and a JPEG, shuffled."""
    random = np.random.default_rng(seed)
    placed = [any_placement(random, turn_deg=turn_deg) for _ in range(steps)]
    shown = [jpeg(recoloured(view, random)) for view in zoom(World(seed), [size] * (steps + 1), placed)]
    shuffled = [int(i) for i in random.permutation(len(shown))]
    return placed, [shown[i] for i in shuffled], shuffled


@cache
def plain():
    """Four pictures: twice, 1.5 times, three times."""
    return zoom(World(1), [SMALL] * 4, [Placement(2), Placement(1.5, 0.45, 0.55), Placement(3, 0.6, 0.4)])


def names(count):
    return [f"{i}.png" for i in range(count)]


def assert_found(seed, turn_deg, steps):
    placed, pictures, shuffled = made(seed, steps, turn_deg)
    found = register(pictures, names(len(pictures)))
    assert [shuffled[i] for i in found.order] == list(range(len(pictures)))
    for step, truth in zip(found.steps, placed, strict=True):
        assert step.placement.p == pytest.approx(truth.p, rel=WITHIN_P)
        off = (step.placement.x - truth.x) * SIZE[0], (step.placement.y - truth.y) * SIZE[1]
        assert np.hypot(*off) < WITHIN_PX
        assert step.placement.turn_deg == pytest.approx(truth.turn_deg, abs=WITHIN_DEG)
        # As exact as it says it is.
        assert abs(np.log(step.placement.p / truth.p)) < 5 * step.errors.log_p + 1e-5
        assert step.judgement.passes


def test_shuffled_recoloured_pictures_are_found_to_a_fraction_of_a_pixel():
    assert_found(seed=0, turn_deg=3, steps=4)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 21))
def test_many_more_shuffled_recoloured_pictures_are_found(seed):
    assert_found(seed, 3 * (seed % 2), steps=5)


def test_nothing_is_left_to_chance():
    pictures = plain()[:2]
    assert register(pictures, names(2)) == register(pictures, names(2))


def test_sizes_and_shapes_may_differ_and_turns_may_be_large():
    steps = [Placement(2, turn_deg=90), Placement(1.7), Placement(2.5, 0.55, 0.5, -35)]
    pictures = zoom(World(1), [(220, 160), (180, 180), (240, 130), (128, 128)], steps)
    found = register([pictures[i] for i in (2, 0, 3, 1)], names(4))
    assert found.order == (1, 3, 0, 2)
    for step, truth in zip(found.steps, steps, strict=True):
        assert step.placement.p == pytest.approx(truth.p, rel=5e-3)
        assert step.placement.turn_deg == pytest.approx(truth.turn_deg, abs=0.3)


def test_one_generators_one_and_a_half_is_told_as_the_four_thirds_that_it_is():
    found = register(zoom(World(3), [SMALL] * 3, [Placement(4 / 3)] * 2), names(3))
    assert [step.placement.p for step in found.steps] == pytest.approx([4 / 3] * 2, rel=1e-3)
    assert [step.placement.turn_deg for step in found.steps] == [0, 0]  # so that no picture is drawn anew


def test_a_repainted_quarter_does_not_pull_the_place():
    wide, fine = zoom(World(4), [SIZE] * 2, [Placement(2, 0.52, 0.47)])
    fine = fine.copy()
    fine[:120, :160] = World(8).view(base(SIZE), SIZE)[:120, :160]
    (step,) = register([fine, wide], names(2)).steps
    assert step.placement.p == pytest.approx(2, rel=WITHIN_P)
    assert np.hypot((step.placement.x - 0.52) * 320, (step.placement.y - 0.47) * 240) < WITHIN_PX
    assert step.judgement.agreement < 0.9


def test_a_copy_is_left_out_and_said():
    first, second, *_ = plain()
    copy = jpeg(recoloured(second, np.random.default_rng(0)))
    found = register([first, copy, second], names(3))
    assert (found.order, found.left_out) == ((0, 1), ((2, 1),))


def test_the_order_of_names_can_be_taken_from_either_end():
    forth, back = (register(pictures, names(3), order="name") for pictures in (plain()[:3], plain()[2::-1]))
    assert (forth.order, back.order) == ((0, 1, 2), (2, 1, 0))
    assert [step.placement.p for step in forth.steps] == pytest.approx([2, 1.5], rel=5e-3)
    assert [step.placement for step in forth.steps] == [step.placement for step in back.steps]


def stranger():
    return World(7).view(base(SMALL), SMALL)


def test_a_step_that_cannot_be_measured_is_refused_or_assumed():
    pictures = [plain()[0], plain()[1], stranger()]
    with pytest.raises(InvalidInputError, match=r"not sure where 2\.png lies in 1\.png.*--assume"):
        register(pictures, names(3), order="name")
    found = register(pictures, names(3), order="name", assumed_p=2.5)
    assert found.order == (0, 1, 2)
    assert (found.steps[1].placement, found.steps[1].judgement) == (Placement(2.5), None)


@pytest.mark.parametrize(
    ("pictures", "said"),
    [
        (lambda: [*plain()[:2], stranger()], r"belong to no other picture: 2\.png.*--without"),
        (
            lambda: [*plain()[:2], *zoom(World(9), [SMALL] * 2, [Placement(2)])],
            r"holds 2 zooms: 0\.png, 1\.png; 2\.png, 3\.png",
        ),
        (lambda: [plain()[0], stranger()], r"None of these pictures shows another: 0\.png, 1\.png"),
        (lambda: [plain()[0]] * 2, r"show the same as 0\.png"),
        (lambda: zoom(World(1), [SMALL] * 2, [Placement(1.001, 0.6)]), "different parts at one scale"),
        (lambda: [np.full((150, 200, 3), grey, np.uint8) for grey in (20, 200)], "None of these"),
        (lambda: plain()[:1], "at least 2 pictures, not 1"),
    ],
    ids=["stranger", "two zooms", "nothing alike", "copies only", "a pan", "blank", "one picture"],
)
def test_what_is_no_zoom_is_refused_with_names_and_remedy(pictures, said):
    shown = pictures()
    with pytest.raises(InvalidInputError, match=said):
        register(shown, names(len(shown)))


def test_views_into_different_places_are_refused():
    (wide, left), (_, right) = (zoom(World(1), [SMALL] * 2, [Placement(p, x)]) for p, x in ((2.4, 0.25), (2.5, 0.75)))
    with pytest.raises(InvalidInputError, match="zoom into different places"):
        register([wide, left, right], names(3))


def test_a_factor_is_assumed_only_where_it_makes_sense():
    with pytest.raises(InvalidInputError, match="order is that of the names"):
        register(plain()[:2], names(2), assumed_p=2)


def test_large_photographs_are_placed_as_their_small_copies_are():
    small = zoom(World(2), [(400, 300)] * 2, [Placement(2, 0.52, 0.48)])
    large = [np.kron(picture, np.ones((5, 5, 1), np.uint8)) for picture in small]
    (one,), (other,) = (register(pictures, names(2)).steps for pictures in (small, large))
    assert other.placement.p == pytest.approx(one.placement.p, rel=5e-4)
    assert (other.placement.x, other.placement.y) == pytest.approx((one.placement.x, one.placement.y), abs=2e-4)


def test_a_thing_before_a_black_sky_is_placed_as_well_as_one_that_fills_the_picture():
    """Most pixels are black in both and agree anywhere: they must not make the others count as different."""
    views = zoom(World(6), [SIZE] * 2, [Placement(1.6, 0.51, 0.48)])
    shown = [np.where(view.max(-1, keepdims=True) > 195, view, 0).astype(np.uint8) for view in views]
    assert (shown[1] == 0).mean() > 0.8
    (step,) = register(shown, names(2)).steps
    assert step.placement.p == pytest.approx(1.6, rel=5e-4)
    assert abs(np.log(step.placement.p / 1.6)) < 5 * step.errors.log_p


def test_a_picture_that_resembles_its_own_parts_is_put_where_it_agrees_best():
    """On another whorl of these spirals more points agree, and the detail does with 0.9."""
    wide, fine = (mandelbrot(0.2821 + 0.01j, 3.0**-depth, (240, 180)) for depth in (2, 3))
    (step,) = register([wide, fine], names(2)).steps
    assert step.placement.p == pytest.approx(3, rel=WITHIN_P)
    assert np.hypot((step.placement.x - 0.5) * 240, (step.placement.y - 0.5) * 180) < WITHIN_PX
