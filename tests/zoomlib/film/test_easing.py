import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.interpolate import PchipInterpolator

from zoomlib.errors import InvalidInputError
from zoomlib.film.easing import NAMED, Keyframes, Ramp, curve, on_beats

U = np.linspace(0, 1, 1001)
fractions = st.floats(0, 1)
ramps = st.tuples(fractions, fractions).filter(lambda r: sum(r) <= 1).map(lambda r: Ramp(*r))


@st.composite
def keyframes(draw, rising=False):
    """Points at least 1/100 of the time apart."""
    times = sorted(draw(st.sets(st.integers(1, 99), max_size=6)))
    ways = draw(st.lists(fractions, min_size=len(times) + 2, max_size=len(times) + 2))
    ways = sorted(ways) if rising else ways
    points = tuple(zip([0.0, *(t / 100 for t in times), 1.0], ways, strict=True))
    return Keyframes(points, draw(st.sampled_from(["smooth", "linear"])))


@st.composite
def rhythms(draw):
    """Growing beats at least 50 ms apart, some of them after the end."""
    gaps = draw(st.lists(st.floats(0.05, 2), min_size=1, max_size=12))
    return tuple(np.cumsum([draw(st.sampled_from([0.0, 0.3])), *gaps])[draw(st.integers(0, 1)) :].tolist())


@given(ramps)
def test_a_ramp_goes_the_whole_way_and_never_back(ramp):
    way = ramp(U)
    assert way[0] == 0
    assert way[-1] == pytest.approx(1, abs=1e-12)
    assert (np.diff(way) >= -1e-15).all()


@given(ramps)
def test_a_ramp_is_the_integral_of_its_speed(ramp):
    """The speed in closed form, integrated by Simpson's rule on 1/4000 of the time: a cubic is integrated exactly."""
    assume(all(r == 0 or r > 0.02 for r in (ramp.start, ramp.stop)))
    u = np.linspace(0, 1, 4001)
    x, y = (np.clip(a / r, 0, 1) if r else np.ones_like(u) for a, r in ((u, ramp.start), (1 - u, ramp.stop)))
    speed = (3 * x**2 - 2 * x**3) * (3 * y**2 - 2 * y**3)
    parts = (speed[:-2:2] + 4 * speed[1::2] + speed[2::2]) / 6 * (u[2] - u[0])
    way = np.concatenate([[0], np.cumsum(parts)])
    assert np.allclose(ramp(u[::2]), way / way[-1], atol=1e-6)


@pytest.mark.parametrize(("name", "speed"), [("linear", 1), ("in", 8 / 7), ("out", 8 / 7), ("in-out", 4 / 3)])
def test_between_its_ramps_a_named_easing_has_one_speed(name, speed):
    middle = (U >= 0.25) & (U <= 0.75)
    assert np.allclose(np.diff(curve(name)(U[middle])) * 1000, speed, atol=1e-9)


@given(st.one_of(ramps, keyframes()))
def test_a_mirrored_curve_is_the_film_backwards(found):
    assert np.allclose(found.mirrored(U), 1 - found(1 - U), atol=1e-9)
    assert np.allclose(found.mirrored.mirrored(U), found(U), atol=1e-9)


def test_symmetric_easings_are_their_own_mirrors():
    assert {name for name, ramp in NAMED.items() if ramp.mirrored == ramp} == {"linear", "in-out"}
    assert NAMED["in"].mirrored == NAMED["out"]


@given(keyframes())
def test_keyframes_are_met_and_not_overshot(found):
    times, ways = np.array(found.points).T
    assert np.allclose(found(times), ways, atol=1e-12)
    for (t0, a), (t1, b) in zip(found.points[:-1], found.points[1:], strict=True):
        between = found(np.linspace(t0, t1, 50))
        assert between.min() >= min(a, b) - 1e-9
        assert between.max() <= max(a, b) + 1e-9


@given(keyframes(rising=True))
def test_rising_keyframes_never_go_back(found):
    assert (np.diff(found(U)) >= -1e-12).all()


@given(keyframes())
def test_smooth_keyframes_are_those_of_scipy(found):
    times, ways = np.array(found.points).T
    assume((np.abs(np.diff(ways))[np.diff(ways) != 0] > 1e-100).all())  # smaller ones underflow there
    smooth = Keyframes(found.points)
    assert np.allclose(smooth(U), PchipInterpolator(times, ways)(U), atol=1e-9)


def test_linear_keyframes_are_straight():
    found = Keyframes(((0, 0), (0.5, 0.2), (1, 1)), "linear")
    assert np.allclose(found(np.array([0.25, 0.5, 0.75])), [0.1, 0.2, 0.6])


def test_bare_pairs_are_smooth_keyframes():
    points = ((0.0, 0.0), (0.3, 0.6), (1.0, 1.0))
    assert curve(points) == Keyframes(points, "smooth")


@pytest.mark.parametrize(
    "wrong",
    [
        "fast",
        (),
        ((0.0, 0.0),),
        ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
        ((0.1, 0.0), (1.0, 1.0)),
        ((0.0, 0.0), (0.9, 1.0)),
        ((0.0, 0.0), (0.5, 0.5), (0.5, 0.6), (1.0, 1.0)),
        ((0.0, 0.0), (0.7, 0.5), (0.6, 0.6), (1.0, 1.0)),
        ((0.0, 0.0), (math.nan, 0.5), (1.0, 1.0)),
        ((0.0, 0.0), (0.5, math.nan), (1.0, 1.0)),
        ((0.0, -0.1), (1.0, 1.0)),
        ((0.0, 0.0), (1.0, 1.1)),
    ],
)
def test_other_easings_are_refused(wrong):
    with pytest.raises(InvalidInputError, match="got"):
        curve(wrong)


@pytest.mark.parametrize("wrong", [(-0.1, 0), (0, 1.1), (0.6, 0.6), (math.nan, 0)])
def test_ramps_that_do_not_fit_into_the_time_are_refused(wrong):
    with pytest.raises(InvalidInputError, match="fractions of its time"):
        Ramp(*wrong)


def test_keyframes_are_joined_by_a_known_curve():
    with pytest.raises(InvalidInputError, match="'smooth' or 'linear'"):
        Keyframes(((0, 0), (1, 1)), "cubic")


@given(rhythms(), st.floats(0.5, 20), fractions, st.booleans())
def test_beats_keep_the_length_and_every_beat_is_on_time(beats, length_s, strength, cyclic):
    t = np.linspace(0, length_s, 2001)
    bent = on_beats(t, beats, length_s, strength, cyclic)
    assert (np.diff(bent) >= -1e-12).all()
    inside = [beat for beat in beats if beat <= length_s]
    if inside:
        late = on_beats(np.array(inside), beats, length_s, strength, cyclic) - inside
        assert np.ptp(late) < 1e-9
        assert cyclic or abs(late).max() < 1e-9
    assert bent[[0, -1]] == pytest.approx([0, length_s], abs=1e-9)


@given(rhythms(), fractions)
def test_time_is_quickest_on_the_beat_and_slowest_between(beats, strength):
    """Speeds by central differences over 1e-4 s, of which the curvature leaves (pi 1e-4 / 0.05)^2 / 6 < 1e-5."""
    length_s, h = 30.0, 1e-4

    def speed(t):
        return (on_beats(t + h, beats, length_s, strength) - on_beats(t - h, beats, length_s, strength)) / (2 * h)

    on = np.array(beats)
    inner = on[on > 0.05]
    assert np.allclose(speed(inner), 1 + strength, atol=2e-2)
    assert np.allclose(speed((on[1:] + on[:-1]) / 2), 1 - strength, atol=2e-2)
    everywhere = speed(np.linspace(h, length_s - h, 3000))
    assert everywhere.max() <= 1 + strength + 1e-6
    assert everywhere.min() >= 1 - strength - 1e-6


def test_without_beats_or_strength_time_is_time():
    t = np.linspace(0, 5, 50)
    assert np.array_equal(on_beats(t, (), 5.0, 1.0), t)
    assert np.array_equal(on_beats(t, (7.0, 8.0), 5.0, 1.0), t)
    assert np.allclose(on_beats(t, (1.0, 2.0), 5.0, 0.0), t)
