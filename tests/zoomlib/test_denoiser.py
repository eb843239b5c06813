"""Conditions, guidance, chunks."""

import pytest
import torch

from tests.doubles.gaussian import GaussianDenoiser
from zoomlib.chunks import Chunked
from zoomlib.denoiser import Codec, Condition, Denoiser, IdentityCodec
from zoomlib.errors import InvalidInputError
from zoomlib.guidance import Guided
from zoomlib.ladder import Step

STEP = Step(3, 500.0, 0.6, 0.8)
PROMPTS = ["1", "-2", "0.5", "3", "7"]


def z(levels: int = 5) -> torch.Tensor:
    return torch.randn(levels, 3, 16, 16, generator=torch.Generator().manual_seed(1))


def model() -> GaussianDenoiser:
    return GaussianDenoiser((3, 16, 16))


def estimate(denoiser: Denoiser, negatives: list[str] | None = None) -> torch.Tensor:
    return denoiser.predict_clean(z(), STEP, denoiser.condition(PROMPTS, negatives))


def test_the_double_and_the_wrappers_are_denoisers():
    for denoiser in (model(), Guided(model(), 2), Chunked(Guided(model(), 3), 2)):
        assert isinstance(denoiser, Denoiser)
        assert denoiser.shape == (3, 16, 16)
        assert isinstance(denoiser.codec, Codec)
        assert len(denoiser.ladder(12)) == 12


@pytest.mark.parametrize("scale", [0.0, 1.0, 2.5, 7.0])
def test_guidance_leads_from_the_negative_to_the_prompt(scale):
    """The double adds its prompt's number, so the guided shift is n + scale (c - n)."""
    base = model().predict_clean(z(), STEP, model().condition(["0"] * 5))
    negatives = ["0.5", "1", "-1", "0", "2"]
    c, n = (torch.tensor([float(v) for v in texts]) for texts in (PROMPTS, negatives))
    wanted = base + (n + scale * (c - n))[:, None, None, None]
    assert torch.allclose(estimate(Guided(model(), scale), negatives), wanted, atol=1e-5)


def test_without_negatives_guidance_leads_from_the_empty_prompt():
    assert torch.equal(estimate(Guided(model(), 3)), estimate(Guided(model(), 3), [""] * 5))


def test_scale_1_is_the_model_itself_at_its_own_cost():
    inner = model()
    assert torch.equal(estimate(Guided(inner, 1), ["9"] * 5), estimate(model()))
    assert inner.calls == [5]


def test_rescaling_restores_the_contrast_of_the_conditional_estimate():
    class Contrasty(GaussianDenoiser):
        def predict_clean(self, z, step, condition):
            return super().predict_clean(z, step, condition) * (1 + condition.rows["shift"])[:, None, None, None]

    def contrast(rescale: float) -> torch.Tensor:
        return estimate(Guided(Contrasty((3, 16, 16)), 5, rescale)).std((1, 2, 3))

    conditional = estimate(Contrasty((3, 16, 16))).std((1, 2, 3))
    assert torch.allclose(contrast(1.0), conditional, rtol=1e-4)
    assert bool((contrast(0.0) > 1.5 * conditional).any())
    halfway = (contrast(0.0) + conditional) / 2
    assert torch.allclose(contrast(0.5), halfway, rtol=1e-4)


def test_clamped_estimates_stay_in_the_range_of_pixels():
    assert estimate(Guided(model(), 5)).abs().max() > 1
    assert estimate(Guided(model(), 5, clamp=True)).abs().max() <= 1


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 99])
@pytest.mark.parametrize("scale", [1, 4])
def test_chunks_give_the_same_estimates_with_no_more_rows_at_a_time(rows, scale):
    whole = estimate(Guided(model(), scale))
    inner, outer = model(), model()
    assert torch.allclose(estimate(Guided(Chunked(inner, rows), scale)), whole, atol=1e-6)
    assert torch.allclose(estimate(Chunked(Guided(outer, scale), rows)), whole, atol=1e-6)
    assert max(inner.calls) <= rows
    assert max(outer.calls) <= rows * (2 if scale > 1 else 1)


@pytest.mark.parametrize("rows", [0, -1, 1.5, True])
def test_impossible_chunks_are_refused(rows):
    with pytest.raises(InvalidInputError, match="chunk"):
        Chunked(model(), rows)


@pytest.mark.parametrize(("scale", "rescale"), [(-1, 0), (float("nan"), 0), (float("inf"), 0), (2, 1.5), (2, -0.1)])
def test_impossible_guidance_is_refused(scale, rescale):
    with pytest.raises(InvalidInputError, match="scale"):
        Guided(model(), scale, rescale)


@pytest.mark.parametrize("scale", [1, 3])
def test_as_many_negatives_as_prompts_are_needed(scale):
    with pytest.raises(InvalidInputError, match="5 prompts need as many negatives, not 2"):
        Guided(model(), scale).condition(PROMPTS, ["1", "2"])


def test_conditions_are_cut_and_joined_by_level():
    whole = Condition({"a": torch.arange(5.0), "b": torch.arange(10).reshape(5, 2)})
    parts = [whole[:2], whole[2:5]]
    assert [len(part) for part in parts] == [2, 3]
    joined = Condition.cat(parts)
    assert all(torch.equal(joined.rows[name], whole.rows[name]) for name in "ab")


def test_ragged_empty_and_unlike_conditions_are_refused():
    with pytest.raises(InvalidInputError, match="one row per level"):
        Condition({"a": torch.zeros(2), "b": torch.zeros(3)})
    with pytest.raises(InvalidInputError, match="one row per level"):
        Condition({})
    with pytest.raises(InvalidInputError, match="same tensors"):
        Condition.cat([Condition({"a": torch.zeros(2)}), Condition({"b": torch.zeros(2)})])


def test_the_identity_codec_passes_pixels_through():
    images = z()
    assert IdentityCodec().encode(images) is images
    assert IdentityCodec().decode(images) is images
