"""Joint sampling: equivalences, ablation switches, resuming, refusals."""

import math
from dataclasses import FrozenInstanceError, asdict

import pytest
import torch

from tests.doubles.gaussian import GaussianDenoiser
from tests.doubles.halving import Halving
from zoomlib.chunks import Chunked
from zoomlib.errors import InvalidInputError
from zoomlib.geometry import windows
from zoomlib.guidance import Guided
from zoomlib.methods import independent, iterative, joint
from zoomlib.noise import draw_seed, own_noise, zoom_noise
from zoomlib.pyramid import down
from zoomlib.stack import ZoomStack, consolidate
from zoomlib.walk import State

SHAPE = (3, 32, 32)
LEVELS = 5
PROMPTS = ["0.1", "-0.2", "0", "0.3", "0.05"]
HALF = torch.full(SHAPE, 0.5)
PAPER = {"coarse_weight": 1.0, "feather": 0.0}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def run(method=joint, prompts=PROMPTS, denoiser=None, seed=0, **settings) -> list[State]:
    settings = {"p": 2, "steps": 8} | settings
    denoiser = denoiser or GaussianDenoiser(SHAPE)
    return list(method.sample(denoiser, prompts, generator=generator(seed), **settings))


def same(a: State, b: State) -> bool:
    tensors = ("z", "clean", "estimate", "generator_state")
    return a.index == b.index and all(torch.equal(getattr(a, name), getattr(b, name)) for name in tensors)


@pytest.mark.parametrize("family", ["vp", "flow"])
@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("blending", ["laplacian", "naive", "none"])
@pytest.mark.parametrize("noise", ["shared", "random"])
@pytest.mark.parametrize("update", ["joint", "iterative"])
def test_one_level_is_plain_sampling(family, eta, blending, noise, update):
    denoiser, settings = GaussianDenoiser(SHAPE, family), {"eta": eta, "prompts": ["0.2"]}
    plain = run(independent, denoiser=denoiser, **settings)
    mine = run(denoiser=denoiser, blending=blending, noise=noise, update=update, **settings)
    assert len(mine) == len(plain) == 8
    for a, b in zip(mine, plain, strict=True):
        assert torch.allclose(a.z, b.z, atol=1e-5)
        assert torch.allclose(a.clean, b.clean, atol=1e-5)


def test_a_step_is_estimate_consolidate_update():
    """Two steps of a VP model by hand, with the noise that the generator gives."""
    denoiser, g = GaussianDenoiser(SHAPE), generator(3)
    ladder, condition = denoiser.ladder(8), denoiser.condition(PROMPTS)
    z = zoom_noise(LEVELS, SHAPE, 2, g)
    states = run(seed=3, eta=0.7, coarse_weight=0.5, feather=0.1)
    for k in range(2):
        now, then = ladder[k], ladder[k + 1]
        estimate = denoiser.predict_clean(z, now, condition)
        clean = consolidate(estimate, 2, coarse_weight=0.5, feather=0.1)
        eps = (z - now.alpha * clean) / now.sigma
        fresh = 0.7 * then.sigma / now.sigma * math.sqrt(1 - (now.alpha / then.alpha) ** 2)
        kept = math.sqrt(then.sigma**2 - fresh**2)
        z = then.alpha * clean + kept * eps + fresh * zoom_noise(LEVELS, SHAPE, 2, g)
        assert torch.allclose(states[k].estimate, estimate, atol=1e-4)
        assert torch.allclose(states[k].clean, clean, atol=1e-4)
        assert torch.allclose(states[k].z, z, atol=1e-4)


@pytest.mark.parametrize("focus", [None, [(0.3, 0.62)] * LEVELS])
@pytest.mark.parametrize(
    "settings", [{}, {"eta": 1.0}, {"blending": "none"}, {"blending": "naive"}, {"noise": "random"}, {"photo": HALF}]
)
def test_windows_agree_after_every_step(settings, focus):
    for state in run(focus=focus, **settings | {"feather": 0.0}):
        for i, window in enumerate(windows(LEVELS, *SHAPE[1:], 2, focus)):
            rows, columns = window.slices
            assert torch.allclose(state.clean[i, :, rows, columns], down(state.clean[i + 1], 2), atol=1e-5)


def test_with_shared_noise_the_noise_left_in_the_levels_agrees_nearly_and_with_random_noise_it_does_not():
    """The window's noise is p times the down-scaled next one, but for the estimate's change since the last step."""
    ladder = GaussianDenoiser(SHAPE).ladder(8)

    def disagreement(**settings) -> float:
        state = run(eta=1.0, **PAPER | settings)[3]
        eps = (state.z - ladder[4].alpha * state.clean) / ladder[4].sigma
        return float((eps[0, :, 8:24, 8:24] - 2 * down(eps[1], 2)).abs().max())

    assert disagreement() < 0.1
    assert disagreement(noise="random") > 0.5


def test_the_last_state_is_clean():
    end = run(eta=1.0)[-1]
    assert end.index == 8
    assert torch.equal(end.z, end.clean)


SWITCHES = [
    (joint, {}),
    (joint, {"eta": 1.0}),
    (joint, {"eta": 0.4, "noise": "random", "blending": "naive"}),
    (joint, {"eta": 1.0, "update": "iterative"}),
    (joint, {"eta": 1.0, "update": "iterative", "blending": "none"}),
    (joint, {"photo": torch.zeros(SHAPE), "eta": 1.0}),
    (joint, {"photo": torch.zeros(SHAPE), "photo_mode": "adam"}),
    (joint, {"focus": [(0.2, 0.9)] * LEVELS, "eta": 1.0}),
    (independent, {"eta": 1.0}),
    (iterative, {"eta": 1.0}),
]


@pytest.mark.parametrize(("method", "settings"), SWITCHES)
def test_resuming_from_any_state_is_the_uninterrupted_run_bit_for_bit(method, settings):
    whole = run(method, **settings)
    for k, state in enumerate(whole):
        before = [tensor.clone() for tensor in (state.z, state.clean, state.estimate)]
        rest = run(method, seed=99, state=state, **settings)
        assert len(rest) == len(whole) - k - 1
        assert all(same(a, b) for a, b in zip(rest, whole[k + 1 :], strict=True))
        assert all(torch.equal(x, y) for x, y in zip(before, (state.z, state.clean, state.estimate), strict=True))


def test_a_state_that_went_through_a_file_resumes_alike(tmp_path):
    whole = run(eta=1.0)
    torch.save(asdict(whole[2]), tmp_path / "state.pt")
    state = State(**torch.load(tmp_path / "state.pt", weights_only=True))
    assert same(run(eta=1.0, seed=7, state=state)[-1], whole[-1])


def test_states_yielded_earlier_are_not_changed_later():
    for update in ("joint", "iterative"):
        states, copies = [], []
        for state in joint.sample(
            GaussianDenoiser(SHAPE), PROMPTS, p=2, steps=5, eta=1.0, update=update, generator=generator()
        ):
            states.append(state)
            copies.append((state.z.clone(), state.clean.clone(), state.estimate.clone()))
        for state, copy in zip(states, copies, strict=True):
            assert all(torch.equal(x, y) for x, y in zip((state.z, state.clean, state.estimate), copy, strict=True))


def test_the_same_seed_repeats_and_the_global_generator_plays_no_part():
    before = torch.get_rng_state()
    first = run(eta=1.0)[-1]
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(5)
    assert same(run(eta=1.0)[-1], first)
    assert not torch.equal(run(eta=1.0, seed=1)[-1].z, first.z)


def test_sampling_leaves_the_caller_s_gradient_mode_alone():
    for state in joint.sample(GaussianDenoiser(SHAPE), PROMPTS, p=2, steps=3, generator=generator()):
        assert torch.is_grad_enabled()
        assert not state.z.requires_grad


@pytest.mark.parametrize("family", ["vp", "flow"])
def test_chunked_and_guided_models_sample_alike(family):
    base = GaussianDenoiser(SHAPE, family)
    plain = run(denoiser=base, eta=1.0)[-1].clean
    assert torch.allclose(run(denoiser=Chunked(base, 2), eta=1.0)[-1].clean, plain, atol=1e-4)
    assert torch.allclose(run(denoiser=Guided(base, 1.0), eta=1.0)[-1].clean, plain, atol=1e-6)
    guided = run(denoiser=Chunked(Guided(base, 3.0), 2), negatives=["0"] * LEVELS)[-1].clean
    assert not torch.allclose(guided, plain, atol=0.1)


def test_iterative_update_runs_the_model_one_level_at_a_time():
    denoiser = GaussianDenoiser(SHAPE)
    run(iterative, denoiser=denoiser)
    assert denoiser.calls == [LEVELS] + [1] * LEVELS * 8


def test_iterative_update_takes_each_level_s_latest_estimate_from_the_deepest_up():
    """The last estimates, nested, are the final levels; the blended variant differs."""
    end = run(iterative)[-1]
    assert torch.allclose(end.clean, consolidate(end.estimate, 2, blending="none"), atol=1e-6)
    assert not torch.allclose(end.clean, run(update="iterative", **PAPER)[-1].clean, atol=1e-2)


@pytest.mark.parametrize(
    "settings",
    [
        {"blending": "naive"},
        {"blending": "none"},
        {"noise": "random"},
        {"update": "iterative"},
        {"coarse_weight": 0.5},
        {"feather": 0.3},
        {"eta": 0.5},
        {"photo": torch.zeros(SHAPE)},
        {"focus": [(0.2, 0.9)] * LEVELS},
    ],
)
def test_every_switch_changes_the_result(settings):
    assert not torch.allclose(run(**PAPER | settings)[-1].clean, run(**PAPER)[-1].clean, atol=1e-2)


def test_random_noise_is_the_levels_own():
    g = generator(4)
    z = own_noise(range(LEVELS), SHAPE, draw_seed(g))
    denoiser = GaussianDenoiser(SHAPE)
    wanted = denoiser.predict_clean(z, denoiser.ladder(8)[0], denoiser.condition(PROMPTS))
    assert torch.allclose(run(seed=4, noise="random")[0].estimate, wanted, atol=1e-5)


@pytest.mark.parametrize("method", [joint, independent, iterative])
@pytest.mark.parametrize("size", [(32, 32), (24, 48)])
def test_the_finished_stack_is_in_range_and_holds_its_windows(method, size):
    focus = [(0.3, 0.64)] * LEVELS
    stack = method.sample_stack(GaussianDenoiser((3, *size)), PROMPTS, p=2, steps=4, focus=focus, generator=generator())
    assert isinstance(stack, ZoomStack)
    assert stack.levels.shape == (LEVELS, 3, *size)
    assert stack.levels.abs().max() <= 1
    snapped = [(box.top, box.left) for box in stack.windows]
    assert snapped == [(w.top, w.left) for w in windows(LEVELS, *size, 2, focus)]


def test_a_latent_model_s_stack_is_in_pixels_with_the_windows_of_its_latents_and_shows_the_photograph():
    focus, size = [(0.3, 0.64)] * LEVELS, (16, 24)
    denoiser = GaussianDenoiser((4, *size))
    denoiser.codec = Halving()
    photo = torch.linspace(-0.9, 0.9, 3 * 32 * 48).view(3, 32, 48)
    stack = joint.sample_stack(denoiser, PROMPTS, p=2, steps=4, focus=focus, photo=photo, generator=generator())
    assert stack.levels.shape == (LEVELS, 3, 32, 48)
    assert torch.allclose(stack.levels[0], photo, atol=1e-5)
    found = [(box.top, box.left, box.height, box.width) for box in stack.windows]
    assert found == [(2 * w.top, 2 * w.left, 16, 24) for w in windows(LEVELS, *size, 2, focus)]
    with pytest.raises(InvalidInputError, match="Resize it"):
        joint.sample(denoiser, PROMPTS, p=2, photo=denoiser.codec.encode(photo[None])[0], generator=generator())


def test_the_finished_stack_is_the_last_state_clamped():
    stack = joint.sample_stack(GaussianDenoiser(SHAPE), PROMPTS, p=2, steps=8, generator=generator())
    assert torch.equal(stack.levels, run()[-1].clean.clamp(-1, 1))


@pytest.mark.parametrize("count", [2, 7])
def test_a_closed_loop_agrees_all_round(count):
    for state in run(prompts=["0"] * count, loop=True, eta=1.0, **PAPER):
        for i in range(count):
            assert torch.allclose(state.clean[i, :, 8:24, 8:24], down(state.clean[(i + 1) % count], 2), atol=1e-5)


def test_the_finished_stack_of_a_loop_is_a_loop():
    stack = joint.sample_stack(GaussianDenoiser(SHAPE), PROMPTS, p=2, steps=2, loop=True, generator=generator())
    assert stack.loop
    assert len(stack.ring) == LEVELS


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"prompts": []}, "1 to 256 levels"),
        ({"prompts": ["a"] * 400}, "1 to 256 levels"),
        ({"prompts": "a story"}, "list of texts"),
        ({"prompts": [1, 2]}, "list of texts"),
        ({"p": 1}, "at least 2"),
        ({"p": 2.5}, "at least 2"),
        ({"p": 3}, "multiples of p"),
        ({"p": 1.0e9}, "multiples of p"),
        ({"steps": 0}, "number of steps"),
        ({"eta": 2}, "between 0"),
        ({"blending": "poisson"}, "laplacian, naive, none"),
        ({"noise": "pink"}, "shared, latents, random"),
        ({"update": "never"}, "joint, iterative"),
        ({"photo_mode": "sgd", "photo": torch.zeros(SHAPE)}, "projection, adam"),
        ({"coarse_weight": -1}, "coarse_weight"),
        ({"feather": 0.7}, "feather"),
        ({"generator": None}, "torch.Generator"),
        ({"generator": 7}, "torch.Generator"),
        ({"focus": [(0.5, 0.5)]}, "one entry per level"),
        ({"photo": torch.zeros(3, 16, 16)}, "Resize it"),
        ({"loop": True, "prompts": ["0"]}, "two levels or more"),
        ({"loop": True, "prompts": ["0"] * 7, "photo": torch.zeros(SHAPE)}, "no widest level"),
    ],
)
def test_what_cannot_be_done_is_refused_at_once(settings, words):
    denoiser = GaussianDenoiser(SHAPE)
    arguments = {"prompts": PROMPTS, "p": 2, "generator": generator()} | settings
    with pytest.raises(InvalidInputError, match=words):
        joint.sample(denoiser, arguments.pop("prompts"), **arguments)
    assert denoiser.calls == []


def test_a_state_of_another_run_is_refused():
    state = run()[3]
    for settings in ({"prompts": PROMPTS[:3]}, {"denoiser": GaussianDenoiser((3, 16, 16))}, {"steps": 2}):
        with pytest.raises(InvalidInputError, match="does not belong"):
            run(state=state, **settings)


def test_settings_are_frozen_checked_and_the_defaults_of_sample():
    with pytest.raises(FrozenInstanceError):
        joint.Config().eta = 1.0  # type: ignore[misc]
    with pytest.raises(InvalidInputError):
        joint.Config(eta=3.0)
    assert same(run(**asdict(joint.Config(steps=8)))[-1], run()[-1])
