"""Given levels in joint, iterative and independent sampling: what is kept, what shows it, what the model is spared."""

import pytest
import torch

from tests.doubles.gaussian import GaussianDenoiser, band_errors_db, draw_field
from tests.doubles.halving import Halving
from zoomlib.errors import InvalidInputError
from zoomlib.methods import independent, iterative, joint
from zoomlib.pyramid import down
from zoomlib.walk import State

SHAPE = (3, 32, 32)
WINDOW = (..., slice(8, 24), slice(8, 24))
SOFT, HARD = {}, {"feather": 0.0}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def sample(levels: int, method=joint, denoiser=None, seed: int = 0, **settings) -> State:
    prompts = [f"{0.05 * level:.2f}" for level in range(levels)]
    settings = {"p": 2, "steps": 6} | settings
    *_, end = method.sample(denoiser or GaussianDenoiser(SHAPE), prompts, generator=generator(seed), **settings)
    return end


def ring(level: torch.Tensor) -> torch.Tensor:
    """The level without its window."""
    inside = torch.zeros(level.shape[-2:], dtype=torch.bool)
    inside[WINDOW] = True
    return level[..., ~inside]


def worst_window(levels: torch.Tensor, trim: int = 0) -> float:
    """The largest difference between windows and the levels that they show, `trim` pixels inside the border.

    By default windows are soft over 2.6 pixels, and cells of a level that binds measure 2.
    """
    off = (levels[:-1][WINDOW] - down(levels[1:], 2)).abs()
    return float(off[..., trim : 16 - trim, trim : 16 - trim].max())


@pytest.mark.parametrize("method", [joint, iterative])
@pytest.mark.parametrize(("soft", "trim"), [(HARD, 0), (SOFT, 4)])
def test_a_run_continued_deeper_keeps_its_levels_and_the_new_ones_show_the_last(method, soft, trim):
    base, denoiser = sample(3, method, **soft).clean, GaussianDenoiser(SHAPE)
    end = sample(5, method, denoiser, seed=1, images=dict(enumerate(base)), **soft).clean
    assert torch.equal(end[:3], base)
    assert worst_window(end[2:], trim) < 1e-5
    assert set(denoiser.calls) <= {1, 2}, "only the new levels pass the model"
    assert sum(denoiser.calls) == method.Config(steps=6).work(5, frozenset({0, 1, 2})).evaluations
    assert (end[3:] - sample(5, method, **soft).clean[3:]).abs().max() > 0.1


@pytest.mark.parametrize("method", [joint, iterative])
@pytest.mark.parametrize(("soft", "trim"), [(HARD, 0), (SOFT, 4)])
def test_a_run_continued_wider_keeps_its_levels_and_the_new_ones_show_them(method, soft, trim):
    base = sample(3, method, **soft).clean
    end = sample(5, method, seed=1, images={2: base[0], 3: base[1], 4: base[2]}, **soft).clean
    assert torch.equal(end[2:], base)
    assert worst_window(end[:3], trim) < 1e-5


@pytest.mark.parametrize("method", [joint, iterative])
@pytest.mark.parametrize(("soft", "trim"), [(HARD, 0), (SOFT, 4)])
def test_a_level_made_again_joins_its_neighbours(method, soft, trim):
    base = sample(5, method, **soft).clean
    images = {level: base[level] for level in (0, 1, 3, 4)}
    end = sample(5, method, seed=1, images=images, open=frozenset({1}), **soft).clean
    assert torch.equal(end[3:], base[3:])
    assert torch.equal(ring(end[:2]), ring(base[:2])), "wider levels change in their windows alone"
    assert (ring(end[2]) - ring(base[2])).abs().max() > 0.1
    assert worst_window(end[1:], trim) < 1e-5
    carried = down(end[1] - base[1], 2)
    assert torch.allclose((end[0] - base[0])[WINDOW], carried, atol=1e-5)


def test_what_was_there_draws_a_level_made_again_to_its_border_only():
    """Inside it has nothing left of what it was: an independent run is as near to it."""
    field = draw_field(5, SHAPE, generator(5))
    images = {level: field[level] for level in (0, 1, 3)}
    ends = [sample(4, seed=s, images=images, open=frozenset({1}), **HARD).clean[2] for s in range(6)]
    spread = torch.stack(ends).std(0)
    assert ring(spread).mean() > 0.25


def test_a_level_that_is_not_open_is_shown_by_the_next_as_a_whole():
    xi = draw_field(1, SHAPE, generator(5))[0] * 0.3
    end = sample(4, images={1: xi}).clean
    assert torch.equal(end[1], xi)
    assert torch.allclose(down(end[2], 2), xi[WINDOW], atol=1e-5)
    assert worst_window(end[:2], 3) < 1e-5


@pytest.mark.parametrize("soft", [HARD, SOFT])
def test_pictures_that_contradict_each_other_are_joined(soft):
    """The deeper one rules where it shows; the wider one keeps what surrounds it."""
    field = draw_field(2, SHAPE, generator(5)) * 0.3
    end = sample(4, images={0: field[0], 3: field[1]}, **soft).clean
    assert torch.equal(end[3], field[1])
    assert torch.equal(ring(end[0]), ring(field[0]))
    assert worst_window(end, 4 if soft is SOFT else 0) < 1e-5
    shown = down(down(down(end[3], 2), 2), 2)
    assert torch.allclose(end[0][:, 14:18, 14:18], shown, atol=1e-5) or soft is SOFT


def test_neighbours_that_contradict_each_other_are_joined():
    field = draw_field(2, SHAPE, generator(5)) * 0.3
    end = sample(2, images=dict(enumerate(field)), **HARD).clean
    assert torch.equal(end[1], field[1])
    assert torch.equal(ring(end[0]), ring(field[0]))
    assert worst_window(end) < 1e-6


def test_given_levels_rounded_to_8_bits_stay_as_they_are():
    base = ((sample(4, **SOFT).clean * 0.2).clamp(-1, 1) * 127.5).round() / 127.5
    end = sample(5, images=dict(enumerate(base)), **SOFT).clean
    assert torch.equal(end[:4], base)


def test_a_photograph_beside_other_pictures_is_one_of_them():
    field = draw_field(2, SHAPE, generator(5)) * 0.3
    given = sample(4, images={0: field[0], 2: field[1]}).clean
    assert torch.equal(sample(4, photo=field[0], images={2: field[1]}).clean, given)


@pytest.mark.parametrize("images", [{}, {0: 0, 1: 1}, {1: 1, 3: 3}])
@pytest.mark.parametrize("method", [joint, iterative, independent])
def test_a_run_with_given_levels_and_seeds_resumes_bit_for_bit(method, images):
    field = draw_field(4, SHAPE, generator(5)) * 0.3
    settings = {"p": 2, "steps": 5, "images": {i: field[k] for i, k in images.items()}, "seeds": {2: 77}}
    prompts = ["0"] * 4
    whole = list(method.sample(GaussianDenoiser(SHAPE), prompts, generator=generator(), **settings))
    for state in whole[:-1]:
        rest = list(method.sample(GaussianDenoiser(SHAPE), prompts, generator=generator(9), state=state, **settings))
        assert len(rest) == 5 - state.index
        assert torch.equal(rest[-1].clean, whole[-1].clean)
        assert torch.equal(rest[-1].z, whole[-1].z)


def test_a_level_with_a_seed_follows_from_that_seed_alone():
    first = sample(3, independent, seeds={1: 5}).clean
    second = sample(3, independent, seed=1, seeds={1: 5}).clean
    assert torch.equal(first[1], second[1])
    assert not torch.allclose(first[0], second[0], atol=0.1)
    assert not torch.allclose(sample(3, independent, seeds={1: 6}).clean[1], first[1], atol=0.1)
    assert not torch.allclose(sample(3, independent).clean[1], first[1], atol=0.1)


@pytest.mark.parametrize("noise", ["shared", "random"])
def test_seeds_change_joint_sampling_too(noise):
    plain, seeded = (sample(3, noise=noise, seeds=seeds).clean for seeds in ({}, {1: 5}))
    assert not torch.allclose(plain, seeded, atol=0.1)
    assert torch.equal(seeded, sample(3, noise=noise, seeds={1: 5}).clean)


def test_independent_sampling_keeps_what_is_given():
    field, denoiser = draw_field(2, SHAPE, generator(5)), GaussianDenoiser(SHAPE)
    end = sample(4, independent, denoiser, p=1.5, photo=field[0], images={2: field[1]}).clean
    assert torch.equal(end[0], field[0])
    assert torch.equal(end[2], field[1])
    assert denoiser.calls == [2] * 6
    assert torch.equal(end[[1, 3]], sample(4, independent, p=1.5).clean[[1, 3]]), "the others are what they would be"


def test_all_levels_given_cost_nothing():
    field, denoiser = draw_field(3, SHAPE, generator(5)) * 0.3, GaussianDenoiser(SHAPE)
    for method in (joint, independent):
        end = sample(3, method, denoiser, images=dict(enumerate(field)))
        assert torch.equal(ring(end.clean), ring(field))
    assert denoiser.calls == []


@pytest.mark.parametrize("method", [joint, iterative, independent])
def test_a_latent_model_s_given_levels_come_out_bit_for_bit(method):
    denoiser = GaussianDenoiser((4, 16, 16))
    denoiser.codec = Halving()
    base = draw_field(2, SHAPE, generator(5)) * 0.3
    states = method.sample(
        denoiser, ["0"] * 4, p=2, steps=3, images={0: base[0], 3: base[1]}, open=frozenset({0}), generator=generator()
    )
    assert denoiser.codec.calls == 0, "nothing is encoded before the first state is asked for"
    *_, end = states
    assert end.pictures
    assert end.clean.shape == end.estimate.shape == (4, 3, 32, 32)
    assert torch.equal(end.clean[3], base[1])
    assert torch.equal(ring(end.clean[0]), ring(base[0]))
    if method is not independent:
        assert worst_window(end.clean, 3) < 1e-5
    assert list(method.sample(denoiser, ["0"] * 4, p=2, steps=3, state=end, generator=generator())) == []


@pytest.mark.parametrize("old", [slice(0, 3), slice(3, 6)])
def test_a_continued_run_keeps_the_spectrum(old):
    """The closed-form field: levels added to a run, deeper or wider, have its power in every octave to 1 dB."""
    added = []
    for seed in range(6):
        field = GaussianDenoiser((3, 64, 64))
        settings = {"denoiser": field, "steps": 60, "eta": 0.0, "coarse_weight": 1.0, **HARD}
        base = zero_mean(3, seed, **settings)
        end = zero_mean(6, seed + 50, images=dict(zip(range(6)[old], base, strict=True)), **settings)
        added.append(end[3:] if old.start == 0 else end[:3])
    assert band_errors_db(torch.cat(added)).abs().max() < 1.0


def zero_mean(levels: int, seed: int, denoiser: GaussianDenoiser, **settings) -> torch.Tensor:
    *_, end = joint.sample(denoiser, ["0"] * levels, p=2, generator=generator(seed), **settings)
    return end.clean


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"images": {4: torch.zeros(SHAPE)}}, "levels 0 to 2"),
        ({"images": {-1: torch.zeros(SHAPE)}}, "levels 0 to 2"),
        ({"images": {1: torch.zeros(3, 8, 8)}}, "Resize it"),
        ({"images": {1: torch.full(SHAPE, torch.inf)}}, "finite"),
        ({"images": {1: torch.zeros(SHAPE, dtype=torch.uint8)}}, "finite numbers in"),
        ({"images": {1: torch.full(SHAPE, 255.0)}}, "reaches from 255 to 255"),
        ({"images": {1: "level.png"}}, "not str"),
        ({"images": {0: torch.zeros(SHAPE)}, "photo": torch.zeros(SHAPE)}, "Leave out one"),
        ({"open": frozenset({1})}, "have no picture"),
        ({"seeds": {7: 1}}, "levels 0 to 2"),
        ({"seeds": {1: -1}}, "seed of level 1"),
        ({"seeds": {1: 2**63}}, "seed of level 1"),
    ],
)
@pytest.mark.parametrize("method", [joint, iterative, independent])
def test_impossible_scenes_are_refused_at_once(method, settings, words):
    denoiser = GaussianDenoiser(SHAPE)
    with pytest.raises(InvalidInputError, match=words):
        method.sample(denoiser, ["0"] * 3, p=2, generator=generator(), **settings)
    assert denoiser.calls == []


def test_a_loop_takes_no_given_levels():
    with pytest.raises(InvalidInputError, match="no widest level"):
        joint.sample(
            GaussianDenoiser(SHAPE), ["0"] * 7, p=2, loop=True, images={2: torch.zeros(SHAPE)}, generator=generator()
        )
