"""Noise levels and updates, against diffusers' schedulers with the same model and noise."""

import math

import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler, FlowMatchEulerDiscreteScheduler
from hypothesis import given
from hypothesis import strategies as st

from tests.doubles.gaussian import LINEAR_BETA, GaussianDenoiser
from zoomlib.errors import InvalidInputError
from zoomlib.ladder import Ladder, Step, check_eta, check_steps, ddim_ladder, flow_ladder, posterior_std, update
from zoomlib.methods import independent
from zoomlib.noise import draw_seed, own_noise

COSINE = torch.cos(torch.linspace(0.01, math.pi / 2 - 0.001, 1000, dtype=torch.float64)) ** 2


def randn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def model() -> GaussianDenoiser:
    return GaussianDenoiser((2, 16, 16))


def plain_run(ladder: Ladder, eta: float, seed: int = 0) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """What the plain sampler makes of three levels, and the noise it drew: first the initial one, then each step's."""
    denoiser, g = model(), torch.Generator().manual_seed(seed)
    denoiser.ladder = lambda _: ladder  # type: ignore[method-assign]
    drawn = [own_noise(range(3), denoiser.shape, draw_seed(g)) for _ in range(len(ladder) + 1)]
    *_, end = independent.sample(
        denoiser, ["0"] * 3, p=2, steps=len(ladder), eta=eta, generator=torch.Generator().manual_seed(seed)
    )
    return end.z, drawn


def betas_of(alphas_cumprod: torch.Tensor) -> list[float]:
    previous = torch.cat([torch.ones(1, dtype=torch.float64), alphas_cumprod[:-1]])
    return (1 - alphas_cumprod / previous).tolist()


def eps_of(z: torch.Tensor, t: int, alphas_cumprod: torch.Tensor) -> torch.Tensor:
    alpha, sigma = float(alphas_cumprod[t].sqrt()), float((1 - alphas_cumprod[t]).sqrt())
    denoiser = model()
    clean = denoiser.predict_clean(z, Step(0, t, alpha, sigma), denoiser.condition(["0"] * len(z)))
    return (z - alpha * clean) / sigma


@pytest.mark.parametrize("alphas_cumprod", [LINEAR_BETA, COSINE], ids=["linear", "cosine"])
@pytest.mark.parametrize("spacing", ["trailing", "leading"])
@pytest.mark.parametrize("eta", [0.0, 0.3, 1.0])
def test_plain_sampling_equals_diffusers_ddim(alphas_cumprod, spacing, eta):
    scheduler = DDIMScheduler(
        trained_betas=betas_of(alphas_cumprod), timestep_spacing=spacing, clip_sample=False, set_alpha_to_one=True
    )
    scheduler.set_timesteps(25)
    ladder = ddim_ladder(scheduler.alphas_cumprod, 25, spacing)
    ours, (theirs, *noises) = plain_run(ladder, eta)
    assert ladder.time[:-1].tolist() == scheduler.timesteps.tolist()
    for t, noise in zip(scheduler.timesteps, noises, strict=True):
        eps = eps_of(theirs, int(t), scheduler.alphas_cumprod.double())
        theirs = scheduler.step(eps, int(t), theirs, eta=eta, variance_noise=noise if eta else None).prev_sample
    assert (ours - theirs).abs().max() <= 1e-5 * max(1.0, float(theirs.abs().max()))


@pytest.mark.parametrize("spacing", ["trailing", "leading", "linspace"])
@pytest.mark.parametrize("steps", [20, 37])
def test_eta_1_equals_diffusers_ddpm(spacing, steps, monkeypatch):
    scheduler = DDPMScheduler(trained_betas=betas_of(LINEAR_BETA), timestep_spacing=spacing, clip_sample=False)
    scheduler.set_timesteps(steps)
    ladder = ddim_ladder(scheduler.alphas_cumprod, steps, spacing)
    ours, (theirs, *noises) = plain_run(ladder, 1.0)
    assert ladder.time[:-1].tolist() == scheduler.timesteps.tolist()
    for t, noise in zip(scheduler.timesteps, noises, strict=True):
        monkeypatch.setattr("diffusers.schedulers.scheduling_ddpm.randn_tensor", lambda *_, noise=noise, **__: noise)
        eps = eps_of(theirs, int(t), scheduler.alphas_cumprod.double())
        theirs = scheduler.step(eps, int(t), theirs).prev_sample
    assert (ours - theirs).abs().max() <= 1e-5 * max(1.0, float(theirs.abs().max()))


@pytest.mark.parametrize("shift", [1.0, 3.0])
def test_a_flow_at_eta_0_equals_diffusers_euler(shift):
    steps = 30
    scheduler = FlowMatchEulerDiscreteScheduler(shift=shift)
    scheduler.set_timesteps(sigmas=[1 - k / steps for k in range(steps)])
    ladder = flow_ladder(steps, shift)
    assert torch.allclose(ladder.sigma.float(), scheduler.sigmas, atol=1e-6)
    assert torch.allclose(ladder.time[:-1].float(), scheduler.timesteps, atol=1e-3)
    ours, (theirs, *_) = plain_run(ladder, 0.0)
    denoiser = model()
    for t, sigma in zip(scheduler.timesteps, scheduler.sigmas.double().tolist(), strict=False):
        clean = denoiser.predict_clean(theirs, Step(0, float(t), 1 - sigma, sigma), denoiser.condition(["0"] * 3))
        theirs = scheduler.step((theirs - clean) / sigma, t, theirs).prev_sample
    assert (ours - theirs).abs().max() <= 1e-5 * max(1.0, float(theirs.abs().max()))


@pytest.mark.parametrize("alpha", [0.0, 0.6, 0.9])
def test_sampling_starts_at_the_power_that_noisy_pictures_of_unit_variance_have(alpha):
    sigma = math.sqrt(1 - alpha**2)
    ladder = Ladder(torch.tensor([alpha, 1.0]), torch.tensor([sigma, 0.0]), torch.tensor([500.0, 0.0]))
    end, (start, *_) = plain_run(ladder, 0.0)
    wanted = model().predict_clean(start, ladder[0], model().condition(["0"] * 3))
    assert torch.allclose(end, wanted, atol=1e-5)


def steps_of(family: str, k: int, j: int) -> tuple[Step, Step]:
    ladder = ddim_ladder(LINEAR_BETA, 100) if family == "vp" else flow_ladder(100)
    return ladder[k], ladder[j]


@pytest.mark.parametrize("family", ["vp", "flow"])
@given(k=st.integers(0, 98), jump=st.integers(1, 60), eta=st.floats(0, 1), x=st.floats(-2, 2), eps=st.floats(-3, 3))
def test_an_exact_estimate_keeps_signal_and_variance_of_the_next_level(family, k, jump, eta, x, eps):
    """From z = alpha x + sigma eps: mean and noise power of z_s are alpha_s x and sigma_s^2 for every eta."""
    now, then = steps_of(family, k, min(k + jump, 100))
    z = torch.tensor([now.alpha * x + now.sigma * eps], dtype=torch.float64)
    clean = torch.tensor([x], dtype=torch.float64)
    silent = float(update(z, clean, now, then, eta, torch.zeros(1, dtype=torch.float64)))
    loud = float(update(z, clean, now, then, eta, torch.ones(1, dtype=torch.float64)))
    fresh = loud - silent
    kept = math.sqrt(max(then.sigma**2 - fresh**2, 0))
    assert fresh == pytest.approx(eta * posterior_std(now, then), abs=1e-9)
    assert silent == pytest.approx(then.alpha * x + kept * eps, abs=1e-6)


def test_the_last_step_is_the_clean_estimate_exactly():
    ladder = ddim_ladder(LINEAR_BETA, 10)
    clean = randn(2, 3, 4, 4)
    assert torch.equal(update(randn(2, 3, 4, 4, seed=1), clean, ladder[9], ladder[10], 1.0), clean)


def test_a_step_with_eta_needs_noise_and_leaves_its_arguments_alone():
    ladder = ddim_ladder(LINEAR_BETA, 10)
    z, clean, noise = randn(1, 1, 2, 2), randn(1, 1, 2, 2, seed=1), randn(1, 1, 2, 2, seed=2)
    copies = [t.clone() for t in (z, clean, noise)]
    update(z, clean, ladder[0], ladder[1], 1.0, noise)
    assert all(torch.equal(a, b) for a, b in zip((z, clean, noise), copies, strict=True))
    with pytest.raises(InvalidInputError, match="needs noise"):
        update(z, clean, ladder[0], ladder[1], 0.5)


@pytest.mark.parametrize("ladder", [ddim_ladder(LINEAR_BETA, 7), ddim_ladder(COSINE, 1), flow_ladder(9, 3.0)])
def test_a_ladder_runs_from_noise_to_clean(ladder):
    assert len(ladder) == len(ladder.alpha) - 1
    assert ladder.alpha.dtype == torch.float64
    assert ladder[0].sigma > 0.99
    assert (ladder[len(ladder)].alpha, ladder[len(ladder)].sigma) == (1, 0)
    assert [step.index for step in map(ladder.__getitem__, range(len(ladder) + 1))] == list(range(len(ladder) + 1))
    with pytest.raises(IndexError):
        ladder[len(ladder) + 1]


def test_a_variance_preserving_ladder_preserves_variance():
    ladder = ddim_ladder(LINEAR_BETA, 50)
    assert torch.allclose(ladder.alpha**2 + ladder.sigma**2, torch.ones(51, dtype=torch.float64), atol=1e-12)


def test_broken_ladders_are_refused():
    good = ddim_ladder(LINEAR_BETA, 5)
    for alpha, sigma, time in (
        (good.alpha[:-1], good.sigma[:-1], good.time[:-1]),
        (good.alpha, good.sigma[1:], good.time),
        (good.alpha.flip(0), good.sigma.flip(0), good.time),
        (good.alpha[-1:], good.sigma[-1:], good.time[-1:]),
        (good.alpha[[0, 0, 5]], good.sigma[[0, 0, 5]], good.time[[0, 0, 5]]),
    ):
        with pytest.raises(InvalidInputError):
            Ladder(alpha, sigma, time)


@pytest.mark.parametrize("steps", [0, -1, 1001, 2.0, True, "10", None])
def test_impossible_numbers_of_steps_are_refused(steps):
    with pytest.raises(InvalidInputError, match="number of steps"):
        ddim_ladder(LINEAR_BETA, steps)
    assert check_steps(1) == 1


@pytest.mark.parametrize("eta", [-0.1, 1.1, math.nan, True, "1", None])
def test_eta_outside_its_range_is_refused(eta):
    with pytest.raises(InvalidInputError, match="eta must lie"):
        check_eta(eta)


@pytest.mark.parametrize("shift", [0.0, -1.0, math.nan, math.inf])
def test_an_impossible_shift_is_refused(shift):
    with pytest.raises(InvalidInputError, match="above 0"):
        flow_ladder(5, shift)


def test_an_unknown_spacing_is_refused():
    with pytest.raises(InvalidInputError, match="trailing, leading or linspace"):
        ddim_ladder(LINEAR_BETA, 10, "uniform")  # type: ignore[arg-type]
