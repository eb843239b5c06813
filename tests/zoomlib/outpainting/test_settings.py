"""What can be set, and what a run is said to take."""

import pytest

from zoomlib.errors import InvalidInputError
from zoomlib.methods import outpaint_direct, outpaint_sequential
from zoomlib.outpainting.settings import Config


@pytest.mark.parametrize(
    "setting",
    [
        {"margin": 0},
        {"margin": -8},
        {"margin": float("nan")},
        {"margin": "8"},
        {"padding": "wrap"},
        {"noise": "pink"},
        {"band": 0},
        {"band": float("inf")},
        {"band": "wide"},
        {"steps": 0},
        {"eta": 2},
        {"strength": 0},
        {"resampling": 0},
        {"conditioning": "wishful"},
    ],
)
def test_settings_that_cannot_be_are_refused(setting):
    for config in (Config, outpaint_direct.Config, outpaint_sequential.Config):
        with pytest.raises(InvalidInputError, match=next(iter(setting))):
            config(**setting)


def test_a_level_takes_one_fill_or_one_for_each_side_and_the_deepest_is_sampled_plainly():
    direct, sequential = outpaint_direct.Config(steps=10).work(5), outpaint_sequential.Config(steps=10).work(5)
    assert (direct.steps, direct.evaluations) == (50, 50)
    assert (sequential.steps, sequential.evaluations) == (170, 170)
    again = outpaint_direct.Config(steps=10, resampling=3).work(5)
    assert (again.steps, again.evaluations) == (50, 10 + 40 * 3)
    weak = outpaint_direct.Config(steps=10, strength=0.5).work(5)
    assert (weak.steps, weak.evaluations) == (30, 30)


def test_given_levels_cost_no_model_calls_but_where_one_joins_a_level_that_is_made():
    config = outpaint_sequential.Config(steps=10)
    assert config.work(4, frozenset(range(4))).evaluations == 0
    wider = config.work(6, frozenset({2, 3, 4, 5}))
    assert (wider.steps, wider.evaluations) == (2 * 40 + 4, 80)
    again = config.work(4, frozenset({0, 1, 3}))  # level 2 is made, level 1 joins it by a band
    assert (again.steps, again.evaluations) == (1 + 40 + 10 + 1, 50)
    deepest = config.work(4, frozenset({3}))
    assert (deepest.steps, deepest.evaluations) == (121, 120)
