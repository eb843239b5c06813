"""Where levels of latent models are made to agree: exact identities, the three spaces, and all that runs can do."""

import math
from dataclasses import replace

import pytest
import torch

from tests.doubles.blocks import BlockGaussian, InBlocks
from tests.doubles.gaussian import GaussianDenoiser
from zoomlib.errors import InvalidInputError
from zoomlib.geometry import ring, windows
from zoomlib.ladder import Step
from zoomlib.methods import iterative, joint
from zoomlib.pyramid import down
from zoomlib.spaces import Consolidation, Spaces
from zoomlib.stack import consolidate

SPACES = [{"space": "pixels"}, {"space": "pixels", "every": 3}, {"space": "latents"}, {"space": "mixed"}]
PROMPTS = ["0"] * 4
HALF = torch.full((3, 32, 32), 0.5)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def run(denoiser=None, method=joint, prompts=PROMPTS, seed=0, **settings):
    denoiser = denoiser or BlockGaussian(4, 10, 32)
    return list(method.sample(denoiser, prompts, generator=generator(seed), **{"p": 2, "steps": 6} | settings))


def agree(levels, focus=None, loop=False) -> float:
    """The largest difference between windows and the levels that they show."""
    inside = windows(len(levels), *levels.shape[2:], 2, focus)
    off = [(levels[i][:, *w.slices] - down(levels[i + 1], 2)).abs().max() for i, w in enumerate(inside)]
    return float(max(off))


@pytest.mark.parametrize("method", [joint, iterative])
@pytest.mark.parametrize("settings", [{"eta": 0.0}, {"eta": 1.0}, {"focus": [(0.3, 0.62)] * 4}, {"photo": HALF}])
def test_in_pixels_a_pixel_model_seen_through_an_orthonormal_codec_makes_the_same_levels(method, settings):
    """Its latents do not commute with down-scaling; noise and agreement in pixels undo that to rounding."""
    model = GaussianDenoiser((3, 32, 32))
    focus = settings.get("focus")
    if focus:  # windows lie on whole places of z: give the pixel model the same
        settings = settings | {
            "focus": [((w.left * 4 + 8) / 32, (w.top * 4 + 8) / 32) for w in ring(4, 8, 8, 2, focus)]
        }
    plain = run(model, method, **settings)[-1]
    latent = run(InBlocks(model, 4), method, space="pixels", **settings)[-1]
    assert latent.pictures
    assert torch.allclose(latent.clean, plain.clean, atol=2e-4)
    other = run(InBlocks(model, 4), method, space="latents", **settings)[-1].clean
    assert not torch.allclose(other, plain.clean, atol=0.1)


@pytest.mark.parametrize("method", [joint, iterative])
@pytest.mark.parametrize("settings", SPACES)
@pytest.mark.parametrize("focus", [None, [(0.3, 0.62)] * 4])
def test_windows_of_the_finished_levels_agree_exactly_in_every_space(method, settings, focus):
    stack = method.sample_stack(
        BlockGaussian(4, 10, 32), PROMPTS, p=2, steps=4, focus=focus, feather=0.0, generator=generator(), **settings
    )
    clean = run(method=method, steps=4, focus=focus, feather=0.0, **settings)[-1].clean
    assert agree(clean, stack.focus) < 1e-6
    assert clean.abs().max() > 1
    assert agree(stack.levels, stack.focus) < 1e-6, "in [-1, 1], too"
    assert torch.equal(stack.levels[-1], clean[-1].clamp(-1, 1))


def test_what_agrees_already_is_a_fixed_point_of_a_lossy_codec():
    """Only the change is encoded: where there is none, nothing of the estimate is lost, and nothing is encoded."""
    codec = BlockGaussian(4, 3, 32).codec
    estimates = torch.randn(3, 9, 8, 8, generator=generator())
    before = codec.passes
    same = Consolidation(codec, lambda step: "pixels", lambda seen: seen.clone(), lambda z: z)
    assert torch.equal(same(estimates, Step(0, 0, 0, 1)), estimates)
    assert codec.passes - before == 3


def test_a_change_in_pixels_arrives_as_the_codec_sees_it_and_only_where_it_is():
    codec = BlockGaussian(4, 16, 32).codec
    estimates = torch.randn(3, 48, 8, 8, generator=generator())
    more = torch.tensor([0.0, 0.5, 0.0])[:, None, None, None]
    lighter = Consolidation(codec, lambda step: "pixels", lambda seen: seen + more, lambda z: z)
    out = lighter(estimates, Step(0, 0, 0, 1))
    assert torch.equal(out[0::2], estimates[0::2])
    assert torch.allclose(codec.decode(out[1:2]), codec.decode(estimates[1:2]) + 0.5, atol=1e-5)


def test_the_photograph_and_given_levels_come_out_as_they_are_in_every_space():
    picture = torch.rand(3, 32, 32, generator=generator(5)) * 2 - 1
    for settings in SPACES:
        shown = run(photo=picture, feather=0.0, **settings)[-1].clean
        assert torch.allclose(shown[0], picture, atol=1e-5)
        kept = run(images={2: picture}, **settings)[-1].clean
        outside = torch.ones(32, 32, dtype=torch.bool)
        outside[8:24, 8:24] = False
        assert torch.equal(kept[2][:, outside], picture[:, outside])


@pytest.mark.parametrize("settings", SPACES)
def test_a_closed_loop_agrees_all_round(settings):
    clean = run(prompts=["0"] * 7, loop=True, feather=0.0, **settings)[-1].clean
    for i in range(7):
        assert torch.allclose(clean[i][:, 8:24, 8:24], down(clean[(i + 1) % 7], 2), atol=1e-5)


@pytest.mark.parametrize("method", [joint, iterative])
@pytest.mark.parametrize("settings", [*SPACES, {"noise": "latents"}, {"noise": "random"}, {"photo": HALF}])
def test_resuming_is_the_uninterrupted_run_bit_for_bit(method, settings):
    if method is iterative and "noise" in settings:
        return
    whole = run(method=method, eta=1.0, steps=5, **settings)
    for k, state in enumerate(whole):
        rest = run(method=method, eta=1.0, steps=5, seed=9, state=state, **settings)
        assert len(rest) == 4 - k
        for a, b in zip(rest, whole[k + 1 :], strict=True):
            assert torch.equal(a.z, b.z)
            assert torch.equal(a.clean, b.clean)
            assert torch.equal(a.estimate, b.estimate)


def test_pixel_models_compute_as_ever_whatever_the_space_bit_for_bit():
    """The arithmetic of a walk that knows no spaces."""
    model = GaussianDenoiser((3, 32, 32))
    plain = run(model)
    for settings in SPACES:
        for a, b in zip(run(model, **settings), plain, strict=True):
            assert torch.equal(a.z, b.z)
            assert torch.equal(a.clean, b.clean)
    ladder, condition = model.ladder(6), model.condition(PROMPTS)
    z = plain[0].z
    estimate = model.predict_clean(z, ladder[1], condition)
    assert torch.equal(plain[1].estimate, estimate)
    assert torch.equal(plain[1].clean, consolidate(estimate, 2, coarse_weight=0.25, feather=0.16))
    assert not plain[-1].pictures


def test_one_level_alone_never_passes_the_codec_before_its_end():
    denoiser = BlockGaussian(4, 10, 32)
    run(denoiser, prompts=["0"])
    assert denoiser.codec.passes == 1


@pytest.mark.parametrize(("method", "each"), [(joint, 4 + 2 * 4), (iterative, 2 * 4 + 2 * 3)])
def test_what_passes_the_codec(method, each):
    """At a step in pixels levels are decoded and, where they change, encoded twice; one level at a time what was known
    of them is decoded as well, and the deepest, which nothing is rendered into, does not change."""
    grain, end = 2 * 3 * 16, 4
    for settings, steps in (
        ({"space": "latents"}, 0),
        ({"space": "pixels"}, 5),
        ({"space": "pixels", "every": 3}, 1),
        ({"space": "mixed", "switch": 0.0}, 0),
        ({"space": "mixed", "switch": 1.0}, 5),
    ):
        denoiser = BlockGaussian(4, 10, 32)
        run(denoiser, method, **settings)
        assert denoiser.codec.passes == steps * each + grain + end


def test_the_place_of_a_step():
    def places(**settings):
        spaces = Spaces(**{"space": "auto", "every": 1, "switch": 0.5} | settings)
        steps = [Step(k, 0, math.cos(a), math.sin(a)) for k, a in enumerate((1.5, 1.0, 0.5, 0.4, 0.3, 0.1))]
        return ["".join(spaces.at(step, 6, drafted)[0] for step in steps) for drafted in (False, True)]

    assert places() == ["llpppn", "pppppn"]
    assert places(space="pixels", every=2) == ["npnpnn"] * 2
    assert places(space="latents") == ["llllln"] * 2
    assert places(space="mixed", every=2) == ["llnpnn"] * 2
    assert places(space="mixed", switch=0.9) == ["lppppn"] * 2


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"space": "voxels"}, "auto, pixels, latents, mixed"),
        ({"every": 0}, "every"),
        ({"every": 1.5}, "every"),
        ({"switch": 1.5}, "switch"),
        ({"switch": float("nan")}, "switch"),
        ({"noise": "pink"}, "shared, latents, random"),
    ],
)
def test_what_makes_no_sense_is_refused_at_once(settings, words):
    with pytest.raises(InvalidInputError, match=words):
        joint.Config(**settings)
    if "noise" not in settings:
        with pytest.raises(InvalidInputError, match=words):
            replace(iterative.Config(), **settings)
