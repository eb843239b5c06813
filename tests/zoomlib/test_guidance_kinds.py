"""How a model is led by words: in the way that it takes it, whatever is wrapped around it."""

import pytest
import torch
from torch.nn import functional as F

from zoomlib.chunks import Chunked
from zoomlib.denoiser import Condition, IdentityCodec
from zoomlib.guidance import Distilled, Evened, Guided, guided
from zoomlib.ladder import flow_ladder


class Scripted:
    """A flow: half of z, and a pattern for each number of letters, times what guidance it is told of."""

    shape, device, dtype = (2, 4, 6), torch.device("cpu"), torch.float32
    codec, inpaints = IdentityCodec(), False
    distilled, evened = False, 0

    def ladder(self, steps):
        return flow_ladder(steps)

    def condition(self, prompts, negatives=None, *, image=None, mask=None):
        L = len(prompts)
        patterns = [torch.randn(2, 4, 6, generator=torch.Generator().manual_seed(len(p))) for p in prompts]
        return Condition({"pattern": torch.stack(patterns), "guidance": torch.ones(L)})

    def predict_clean(self, z, step, condition):
        return 0.5 * z + condition.rows["pattern"] * condition.rows["guidance"].view(-1, 1, 1, 1)


def made(**attributes):
    model = Scripted()
    for name, value in attributes.items():
        setattr(model, name, value)
    return model


PROMPTS, Z = ["a", "abc"], torch.randn(2, 2, 4, 6, generator=torch.Generator().manual_seed(9))


def estimate(model):
    return model.predict_clean(Z, model.ladder(4)[1], model.condition(PROMPTS))


@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: Chunked(x, 1), lambda x: Chunked(Chunked(x, 2), 1)])
def test_what_is_around_a_model_does_not_hide_how_it_is_led(wrap):
    assert type(guided(wrap(made()), 3.0)) is Guided
    assert type(guided(wrap(made(evened=2)), 3.0)) is Evened
    led = guided(wrap(made(distilled=True)), 3.0)
    assert type(led) is Distilled
    assert torch.equal(estimate(led), 0.5 * Z + 3 * made().condition(PROMPTS).rows["pattern"])


def test_evened_directions_are_turned_and_as_long_as_with_the_words_alone():
    """In every patch of 2 x 2 places, over all channels: lengths to 1e-5, and plain guidance's direction."""
    alone, led, plain = (Z - estimate(model) for model in (made(), guided(made(evened=2), 5.0), guided(made(), 5.0)))
    patches = [F.pixel_unshuffle(x, 2) for x in (alone, led, plain)]
    lengths = [patch.norm(dim=1) for patch in patches]
    assert torch.allclose(lengths[1], lengths[0], rtol=1e-5)
    assert not torch.allclose(lengths[2], lengths[0], rtol=0.1)
    assert torch.allclose(F.cosine_similarity(patches[1], patches[2], dim=1), torch.ones(2, 2, 3), atol=1e-5)


def test_evened_guidance_of_one_is_the_model_itself():
    assert torch.equal(estimate(guided(made(evened=2), 1.0)), estimate(made()))
