"""Filters, mixed noise, stage 2 of AlignNoise and Fourier-shaped noise."""

import dataclasses

import pytest
import torch

from tests.doubles.gaussian import GaussianDenoiser, draw_field, power_spectrum
from zoomlib.errors import InvalidInputError
from zoomlib.inpainting import Config, inpaint, prepare
from zoomlib.inpainting.frequency import (
    LowPass,
    amplitude,
    fourier_noise,
    mix_frequencies,
    noise_for,
    refine_frequencies,
)

FILTERS = ("butterworth", "gaussian", "ideal", "box")


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=seeded(seed))


def filling(family="vp", **settings):
    """Two pictures of 32 x 32 whose middle is kept."""
    denoiser = GaussianDenoiser((3, 32, 32), family)
    image = draw_field(2, (3, 32, 32), seeded(5)) / 5
    mask = torch.ones(2, 1, 32, 32)
    mask[..., 8:24, 8:24] = 0
    return prepare(denoiser, ["0", "0"], image, mask, Config(**{"steps": 6, "eta": 0.0, **settings}))


@pytest.mark.parametrize("size", [(32, 32), (24, 41)])
@pytest.mark.parametrize("name", FILTERS)
def test_a_gain_falls_from_1_and_treats_both_signs_alike(name, size):
    gain = LowPass(name).gain(*size)
    assert gain.shape == size
    assert gain[0, 0] == 1
    assert 0 <= gain.min() < 0.02
    assert gain.max() == 1
    assert torch.allclose(gain[1:], gain[1:].flip(0), atol=1e-6)
    assert torch.allclose(gain[:, 1:], gain[:, 1:].flip(1), atol=1e-6)
    assert (gain[0, : size[1] // 2].diff() <= 0).all()


@pytest.mark.parametrize("stop", [0.25, 0.5])
def test_gains_are_those_of_their_names(stop):
    """At the stop frequency half; an ideal filter is a disc, a box a square, each to its edge."""
    at, beyond, corner = (0, int(32 * stop)), (0, int(32 * stop) + 1), (int(32 * stop),) * 2
    gains = {name: LowPass(name, stop).gain(64, 64) for name in FILTERS}
    assert gains["butterworth"][at] == gains["gaussian"][at] == 0.5
    assert [float(gains["ideal"][place]) for place in (at, beyond, corner)] == [1, 0, 0]
    assert [float(gains["box"][place]) for place in (at, beyond, corner)] == [1, 0, 1]
    sharp = LowPass("butterworth", stop, 32).gain(64, 64)
    assert (sharp[0, : at[1] - 1] > 0.95).all()
    assert sharp[0, at[1] + 2] < 0.05


@pytest.mark.parametrize("name", FILTERS)
def test_low_and_high_add_up_to_the_whole(name):
    """Of one picture exactly (1e-5), odd widths too; by Parseval each carries the power that it should."""
    x, low_pass = noise(2, 3, 24, 31), LowPass(name)
    nothing = torch.zeros_like(x)
    assert torch.allclose(mix_frequencies(x, x, low_pass, white=False), x, atol=1e-5)
    low, high = (mix_frequencies(*pair, low_pass, white=False) for pair in ((x, nothing), (nothing, x)))
    assert torch.allclose(low + high, x, atol=1e-5)
    gain, power = low_pass.gain(24, 31), torch.fft.fft2(x).abs() ** 2 / (24 * 31)
    assert torch.allclose(low.square().sum((2, 3)), (power * gain**2).sum((2, 3)), rtol=1e-4)
    assert torch.allclose(high.square().sum((2, 3)), (power * (1 - gain) ** 2).sum((2, 3)), rtol=1e-4)


@pytest.mark.parametrize("name", FILTERS)
def test_white_noise_mixed_with_white_noise_is_white(name):
    """Each frequency's power is 1 within 6 standard errors over 3,000 maps; without `white` the soft filters lose it
    where they overlap."""
    a, b = noise(3000, 1, 16, 16), noise(3000, 1, 16, 16, seed=1)
    powers = {}
    for white in (True, False):
        mixed = mix_frequencies(a, b, LowPass(name), white=white)
        powers[white] = (torch.fft.fft2(mixed).abs() ** 2).mean((0, 1)) / 256
    assert (powers[True] - 1).abs().max() < 6 * (2 / 3000) ** 0.5
    overlap = 1 - 2 * LowPass(name).gain(16, 16) * (1 - LowPass(name).gain(16, 16))
    assert (powers[False] - overlap).abs().max() < 6 * (2 / 3000) ** 0.5
    assert (overlap.min() < 0.9) == (name in ("butterworth", "gaussian"))


@pytest.mark.parametrize("family", ["vp", "flow"])
@pytest.mark.parametrize("strength", [1.0, 0.5])
def test_noise_for_inverts_begin(family, strength):
    problem, z = filling(family, strength=strength), noise(2, 3, 32, 32)
    assert torch.allclose(problem.begin(noise_for(problem, z)), z, atol=1e-5)
    assert torch.allclose(noise_for(problem, problem.begin(z)), z, atol=1e-5)


@pytest.mark.parametrize("family", ["vp", "flow"])
def test_stage_2_keeps_low_frequencies_and_the_kept_places(family):
    """Whatever is drawn anew, z in the kept places is that of the picture diffused by the noise itself (1e-4), and so
    is, in the places to be made, all that passes the filter; 0 there and 1 elsewhere, so that nothing overlaps."""
    problem, start = filling(family), noise(2, 3, 32, 32)
    low_pass = LowPass("ideal", 0.25)
    refined, records = refine_frequencies(problem, start, seeded(3), low_pass)
    first = problem.denoiser.ladder(6)[0]
    *_, filled = problem.states(start, seeded(3))
    diffused = first.alpha * filled.clean + first.sigma * start
    z, nothing = problem.begin(refined), torch.zeros_like(start)
    kept = (problem.unknown == 0).expand_as(z)
    assert torch.allclose(z[kept], diffused[kept], atol=1e-4)
    generator = seeded(3)
    list(problem.states(start, generator))
    fresh = problem.draw(generator) * first.sigma
    low, high = (mix_frequencies(x, y, low_pass) for x, y in ((diffused, nothing), (nothing, fresh)))
    assert torch.allclose(z[~kept], (low + high)[~kept], atol=1e-4)
    assert [(record["stage"], record["row"]) for record in records] == [("frequency", 0), ("frequency", 1)]
    assert records[1]["mean"] == pytest.approx(float(refined[1].mean()))
    assert records[1]["variance"] == pytest.approx(float(refined[1].var(correction=0)))


def test_stage_2_costs_one_filling_and_follows_from_the_generator():
    problem, start = filling(eta=1.0), noise(2, 3, 32, 32)
    before = len(problem.denoiser.calls)
    first, _ = refine_frequencies(problem, start, seeded(3), LowPass())
    assert len(problem.denoiser.calls) - before == 6
    again, _ = refine_frequencies(problem, start, seeded(3), LowPass())
    other, _ = refine_frequencies(problem, start, seeded(4), LowPass())
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_fourier_noise_has_unit_variance_where_something_is_made_and_stays_elsewhere():
    problem, start = filling(), noise(2, 3, 32, 32)
    shaped = fourier_noise(problem, start)
    made = (problem.unknown == 1).expand_as(start)
    assert torch.equal(shaped[~made], start[~made])
    parts = shaped[made].view(2, 3, -1)
    assert parts.mean(-1).abs().max() < 1e-5
    assert (parts.var(-1, correction=0) - 1).abs().max() < 1e-4
    assert not torch.allclose(shaped[made], start[made], atol=0.1)


def test_fourier_noise_follows_the_spectrum_of_what_is_kept():
    """Of 64 fields of power f^-2, kept in the middle: the amplitudes fall as 1 / f, within a tenth in the exponent
    over the octaves that the middle can tell; noise of that spectrum does, white noise does not."""
    shape = (64, 64, 64)
    x, kept = draw_field(1, shape, seeded(2)), torch.zeros(1, 1, 64, 64)
    kept[..., 16:48, 16:48] = 1
    f = torch.hypot(torch.fft.fftfreq(64)[:, None], torch.fft.fftfreq(64)[None])
    bands = [(f >= low) & (f < 1.25 * low) for low in (0.06, 0.12, 0.24, 0.4)]

    def slope(spectrum):
        levels = torch.stack([spectrum[..., band].square().mean().sqrt().log() for band in bands])
        centres = torch.stack([f[band].mean().log() for band in bands])
        centred = centres - centres.mean()
        return float((levels * centred).sum() / centred.square().sum())

    white = noise(*shape, seed=1)[None]
    found = amplitude(x, kept)
    assert slope(power_spectrum(64, 64).sqrt()) == pytest.approx(-1, abs=0.02)
    assert slope(found) == pytest.approx(-1, abs=0.1)
    assert found.square().mean((2, 3)).sub(1).abs().max() < 1e-4
    denoiser = GaussianDenoiser(shape)
    problem = dataclasses.replace(filling(), denoiser=denoiser, known=x, unknown=1 - kept)
    shaped = torch.fft.fft2(fourier_noise(problem, white) * (1 - kept)).abs()
    assert slope(torch.fft.fft2(white).abs()) == pytest.approx(0, abs=0.1)
    assert slope(shaped) == pytest.approx(-1, abs=0.25)


def test_share_0_leaves_noise_white_and_nothing_kept_leaves_it_as_it_is():
    problem, start = filling(), noise(2, 3, 32, 32)
    made = (problem.unknown == 1).expand_as(start)
    assert (fourier_noise(problem, start, 0.0) - start)[made].abs().max() < 0.3
    everything = dataclasses.replace(problem, unknown=torch.ones_like(problem.unknown))
    assert torch.equal(fourier_noise(everything, start), start)


def test_a_strip_too_narrow_to_fade_still_has_a_spectrum():
    problem, start = filling(), noise(2, 3, 32, 32)
    unknown = torch.ones_like(problem.unknown)
    unknown[..., 15] = 0
    shaped = fourier_noise(dataclasses.replace(problem, unknown=unknown), start)
    assert torch.isfinite(shaped).all()
    assert not torch.equal(shaped, start)


def test_both_are_plug_ins_of_plain_inpainting():
    problem = filling()
    plug_ins = (
        lambda f, z, g: (fourier_noise(f, z), ()),
        lambda f, z, g: refine_frequencies(f, z, g, LowPass("gaussian")),
    )
    for plug_in in plug_ins:
        made = inpaint(
            problem.denoiser,
            ["0", "0"],
            problem.image,
            problem.mask,
            Config(4),
            refine_noise=plug_in,
            generator=seeded(),
        )
        kept = (problem.mask == 0).expand_as(made)
        assert torch.equal(made[kept], problem.image[kept])
        assert torch.isfinite(made).all()


@pytest.mark.parametrize(
    "wrong",
    [{"filter": "brick"}, {"stop_frequency": 0.0}, {"stop_frequency": 1.5}, {"filter_order": 0}, {"filter_order": 2.5}],
)
def test_settings_that_are_no_filter_are_refused(wrong):
    with pytest.raises(InvalidInputError, match=next(iter(wrong))):
        LowPass(**wrong)
