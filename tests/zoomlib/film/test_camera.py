import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from zoomlib.film.camera import DIRECTIONS, Camera
from zoomlib.film.easing import Keyframes, Ramp, curve

RATES = [1, 12, 23.976, 24, 30000 / 1001, 30, 59.94, 60]
EASINGS = [
    "linear",
    "in",
    "out",
    "in-out",
    Ramp(0.1, 0.6),
    Keyframes(((0, 0), (0.2, 0.5), (0.7, 0.5), (1, 1))),
    Keyframes(((0, 0), (0.5, 0.9), (1, 1)), "linear"),
    ((0.0, 0.0), (0.9, 0.3), (1.0, 1.0)),
]
SYMMETRIC = ["linear", "in-out", Ramp(0.5, 0.5), ((0.0, 0.0), (0.25, 0.5), (0.75, 0.5), (1.0, 1.0))]


@st.composite
def cameras(draw, directions=DIRECTIONS, easings=tuple(EASINGS), even=False, loops=(False, True)):
    """Cameras of every setting together; `even`: without beats."""
    direction, loop = draw(st.sampled_from(directions)), draw(st.sampled_from(loops))
    levels = draw(st.integers(1 if loop else 2, 40))
    closes = not loop or direction in ("in-out", "out-in")
    shift = st.tuples(st.floats(-0.2, 0.2), st.floats(-0.2, 0.2))
    pan = (draw(shift), draw(shift)) if closes else ((0.1, 0.0),) * 2
    factors = None if loop else draw(st.none() | st.tuples(*[st.floats(1.05, 6)] * (levels - 1)))
    gaps = () if even else draw(st.lists(st.floats(0.2, 3), max_size=10))
    holds = draw(st.sampled_from([(0.0, 0.0), (0.5, 0.0), (0.3, 1.1), (0.25, 0.25)]))
    seconds = draw(st.none() | st.floats(sum(holds) + 2, 100))
    return Camera(
        levels,
        fps=draw(st.sampled_from(RATES)),
        seconds_per_level=draw(st.floats(1.1, 10)),
        direction=direction,
        seconds=seconds,
        easing=draw(st.sampled_from(easings)),
        hold_start_s=holds[0],
        hold_end_s=holds[1],
        turn_deg=draw(st.floats(-400, 400)) if closes else draw(st.sampled_from([0.0, -360.0, 720.0])),
        pan_from=pan[0],
        pan_to=pan[1],
        loop=loop,
        factors=factors,
        beats=tuple(np.cumsum(gaps).tolist()),
        beat_strength=draw(st.floats(0, 1)),
    )


def moving(camera):
    """The frames between the holds."""
    start, count, _ = camera.counts
    return slice(start, start + count)


def unwrapped(camera):
    return np.unwrap(camera.positions(), period=camera.levels) if camera.loop else camera.positions()


def depth(factors, position):
    """Log magnification at a level position, as the contract of a stack has it: factors[i] ** (s - i) in level i."""
    i = min(int(position), len(factors) - 1)
    return sum(map(math.log, factors[:i])) + (position - i) * math.log(factors[i])


@given(cameras())
def test_the_film_has_its_length_times_its_rate_of_frames(camera):
    asked = camera.seconds
    if asked is None:
        asked = camera.steps * camera.seconds_per_level + camera.hold_start_s + camera.hold_end_s
    T = len(camera)
    assert T == round(camera.duration_s * camera.fps) == sum(camera.counts)
    assert abs(camera.duration_s - asked) <= 0.5 / camera.fps + 1e-9
    assert camera.times().shape == camera.positions().shape == camera.angles().shape == (T,)
    assert camera.shifts().shape == (T, 2)
    assert camera.times() == pytest.approx(np.arange(T) / camera.fps)


@given(cameras())
def test_every_frame_lies_within_the_story(camera):
    s, ways = camera.positions(), camera.ways()
    assert np.isfinite(s).all()
    assert s.min() >= 0
    assert s.max() < camera.levels if camera.loop else s.max() <= camera.levels - 1
    assert ways.min() >= -1e-12
    assert ways.max() <= 1 + 1e-12


@given(cameras())
def test_there_the_camera_never_goes_back_and_back_it_never_goes_there(camera):
    ways = camera.ways() if camera.direction in ("in", "in-out") else -camera.ways()
    steps = np.diff(ways)
    if camera.direction in ("in", "out"):
        assert (steps >= -1e-12).all()
    else:
        turn = int(np.argmax(ways))
        assert (steps[:turn] >= -1e-12).all()
        assert (steps[turn:] <= 1e-12).all()


@given(cameras(easings=("linear",), even=True))
def test_the_log_speed_is_constant(camera):
    """Asked is 1e-6; and it is what makes the whole zoom in the time of one way."""
    logs = camera.log_zooms(None if camera.factors else 2.0)[moving(camera)]
    ways = 1 if camera.direction in ("in", "out") else 2
    speeds = abs(np.diff(logs[: len(logs) // ways]))
    assume(len(speeds))
    assert np.ptp(speeds) <= 1e-9 * speeds.mean()
    whole = sum(map(math.log, camera.factors)) if camera.factors else camera.steps * math.log(2)
    assert speeds.mean() * len(logs) / ways == pytest.approx(whole, rel=1e-9)


@given(cameras())
def test_positions_and_magnifications_tell_the_same(camera):
    factors = camera.factors or (1.7,) * camera.steps
    depths = np.array([depth(factors, s) for s in unwrapped(camera)])
    logs = camera.log_zooms(None if camera.factors else 1.7)
    assert logs[0] == 0
    assert np.allclose(depths - depths[0], logs, atol=1e-9)


@given(cameras(easings=("linear",), even=True))
def test_frames_stand_half_a_frame_off_the_ends(camera):
    ways, (_, n, _) = camera.ways(), camera.counts
    assume(n > 1)
    half = 0.5 / n if camera.direction in ("in", "out") else 1 / n
    assert ways.min() == pytest.approx(half, abs=1e-12)
    assert 1 - ways.max() == pytest.approx(half, abs=1e-12)


def test_no_frame_is_exactly_on_a_level():
    s = Camera(8, fps=30, seconds_per_level=2).positions()
    assert len(s) == 7 * 60
    assert np.abs(s - s.round()).min() == pytest.approx(1 / 120)


@given(cameras(directions=("in",), easings=SYMMETRIC, even=True), st.floats(0, 1))
def test_outwards_is_exactly_inwards_reversed(camera, hold_s):
    camera = replace(camera, seconds=None, hold_start_s=hold_s, hold_end_s=hold_s)
    back = replace(camera, direction="out")
    assert np.array_equal(camera.positions(), back.positions()[::-1])
    assert np.array_equal(camera.angles(), back.angles()[::-1])
    assert np.array_equal(camera.shifts(), back.shifts()[::-1])


@given(cameras(directions=("in",)))
def test_outwards_mirrored_settings_make_the_reverse(camera):
    start_s, end_s = (count / camera.fps for count in camera.counts[::2])
    back = replace(
        camera,
        direction="out",
        seconds=camera.duration_s,
        hold_start_s=end_s,
        hold_end_s=start_s,
        easing=curve(camera.easing).mirrored,
        beats=tuple(camera.duration_s - beat for beat in camera.beats[::-1] if beat <= camera.duration_s),
    )
    same = {"seconds": camera.duration_s, "hold_start_s": start_s, "hold_end_s": end_s}
    assert np.allclose(replace(camera, **same).ways(), back.ways()[::-1], atol=1e-9)


@given(cameras(directions=("in-out", "out-in"), even=True))
def test_there_and_back_the_second_half_mirrors_the_first(camera):
    for told in (camera.positions(), camera.angles(), camera.shifts()):
        part = told[moving(camera)]
        assert np.array_equal(part, part[::-1])


@given(cameras(directions=("in-out",), even=True))
def test_out_and_in_again_is_the_complement_of_in_and_out(camera):
    there = replace(camera, direction="out-in")
    assert np.allclose(camera.ways() + there.ways(), 1, atol=1e-12)


@given(cameras(directions=("in", "out"), easings=("linear",), even=True, loops=(True,)))
def test_the_last_frame_of_a_loop_leads_on_to_the_first(camera):
    camera = replace(camera, seconds=camera.seconds and camera.seconds + 2, hold_start_s=0, hold_end_s=0)
    s, steps = camera.positions(), np.diff(unwrapped(camera))
    assume(len(steps))
    on = (s[0] - s[-1]) % camera.levels if camera.direction == "in" else -((s[-1] - s[0]) % camera.levels)
    assert on == pytest.approx(steps[0], abs=1e-9)
    turned = camera.angles()[-1] + (camera.angles()[1] - camera.angles()[0]) - camera.angles()[0]
    assert math.remainder(turned, 2 * math.pi) == pytest.approx(0, abs=1e-9)


@given(st.floats(0, 1), st.lists(st.floats(0.2, 1.5), min_size=1, max_size=6), st.sampled_from(["in", "out"]))
def test_a_loop_on_the_beat_closes_without_a_jerk(strength, gaps, direction):
    """The film twice over is one film: beyond its end the speed goes on as at its start."""
    beats = np.cumsum(gaps)
    length = float(beats[-1] + 0.35)
    once = Camera(3, fps=50, seconds=length, loop=True, beats=tuple(beats), beat_strength=strength, direction=direction)
    T = len(once)
    beats = beats[beats < once.duration_s]
    twice = (*beats, *(beats + once.duration_s))
    both = replace(once, levels=6, seconds=2 * once.duration_s, beats=twice)
    ahead, there = unwrapped(both), unwrapped(once)
    assert np.allclose(np.diff(ahead[:T]), np.diff(there), atol=1e-9)
    assert np.allclose(np.diff(ahead[T:]), np.diff(there), atol=1e-9)


@given(cameras())
def test_holds_stand_where_the_motion_starts_and_ends(camera):
    s, angles, shifts = camera.positions(), camera.angles(), camera.shifts()
    start, n, end = camera.counts
    assert start == round(camera.hold_start_s * camera.fps)
    assert end == round(camera.hold_end_s * camera.fps)
    for told in (s, angles, shifts):
        assert (told[:start] == told[start]).all()
        assert (told[start + n :] == told[start + n - 1]).all()


@given(cameras())
def test_turn_and_pan_follow_the_way(camera):
    """Level 0 is unturned and at pan_from, the finest one turned by turn_deg and at pan_to, whatever the direction."""
    ways = camera.ways()
    assert np.allclose(np.degrees(camera.angles()), camera.turn_deg * ways, atol=1e-9)
    for axis in (0, 1):
        ends = camera.pan_from[axis], camera.pan_to[axis]
        assert np.allclose(camera.shifts()[:, axis], ends[0] * (1 - ways) + ends[1] * ways, atol=1e-12)


@given(cameras())
def test_a_frame_is_found_by_its_position(camera):
    s = camera.positions()
    for f in (0, len(s) // 3, len(s) - 1):
        assert s[camera.frame_at(s[f])] == pytest.approx(s[f], abs=1e-12)


def test_round_a_loop_the_nearest_frame_is_found_across_its_end():
    camera = Camera(3, fps=10, seconds_per_level=1, loop=True, hold_end_s=1)
    assert camera.frame_at(0.0) in (0, 29)
    assert camera.frame_at(2.99) in (0, 29)
    assert camera.frame_at(0.1) == 1


def test_of_two_frames_at_a_position_the_first_is_found():
    camera = Camera(5, fps=10, direction="in-out")
    assert camera.frame_at(2.0) < len(camera) // 2


@given(st.integers(2, 12), st.sampled_from([24, 30, 60]), st.floats(0.05, 1), st.sampled_from(["in", "out"]))
def test_on_the_beat_the_speed_peaks_and_the_film_is_on_time(levels, fps, strength, direction):
    """Beats in the middle of frames, one second apart: there the film is where the even one is, and quickest."""
    camera = Camera(levels, fps=fps, seconds=8 + 1 / fps, direction=direction, hold_start_s=1.0)
    beats = np.arange(2, 8) + 0.5 / fps
    on = replace(camera, beats=tuple(beats), beat_strength=strength)
    frames = np.floor(beats * fps).astype(int)
    assert len(on) == len(camera)
    assert np.allclose(on.ways()[frames], camera.ways()[frames], atol=1e-9)
    speed = abs(np.diff(on.ways()))
    even = abs(np.diff(camera.ways())[fps + 2])
    for f in frames[1:-1]:
        near = speed[f - fps // 2 : f + fps // 2]
        assert speed[f] == pytest.approx(near.max(), rel=1e-6)
        assert near.max() == pytest.approx(even * (1 + strength), rel=0.01)
        assert near.min() == pytest.approx(even * (1 - strength), abs=0.02 * even)


@given(cameras(directions=("in", "out")))
def test_beats_change_neither_length_nor_way(camera):
    even = replace(camera, beats=())
    assert len(camera) == len(even)
    assert camera.counts == even.counts
    moving_s = camera.counts[1] / camera.fps
    fastest = np.diff(curve(camera.easing)(np.linspace(0, 1, 2001))).max() * 2000 / moving_s
    beats = np.array(camera.beats) - camera.counts[0] / camera.fps
    longest_s = np.diff([0, *(beat for beat in beats if 0 <= beat <= moving_s), moving_s]).max()
    # b(t) - t is at most strength d / pi after d seconds without a beat; round a loop, where a beat may be d + d away
    # and b(0) is taken off, at most three times that
    assert (
        abs(camera.ways() - even.ways()).max() <= 3 * 1.01 * fastest * longest_s * camera.beat_strength / math.pi + 1e-9
    )


def test_steps_take_time_by_the_logarithm_of_their_factors():
    s = Camera(4, fps=100, seconds_per_level=1, factors=(2.0, 4.0, 8.0)).positions()
    assert np.histogram(s, [0, 1, 2, 3])[0].tolist() == [50, 100, 150]


@given(cameras(loops=(False,)), st.floats(1.05, 6))
def test_equal_factors_are_no_factors(camera, p):
    known = replace(camera, factors=(p,) * camera.steps)
    assert np.allclose(known.positions(), replace(camera, factors=None).positions(), atol=1e-9)


def test_forty_levels_lose_no_precision():
    camera = Camera(40, fps=60, seconds_per_level=10, factors=(2.0,) * 39)
    logs = np.diff(camera.log_zooms())
    assert np.ptp(logs) / logs.mean() < 1e-9
    assert camera.log_zooms()[-1] == pytest.approx(39 * math.log(2) * (1 - 1 / len(camera)), rel=1e-12)
