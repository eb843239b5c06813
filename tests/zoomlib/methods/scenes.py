"""What the tests of outpainting share: small scenes on a model with an exact answer, and what must hold of all."""

import pytest
import torch

from tests.doubles.gaussian import GaussianDenoiser
from zoomlib.area import show
from zoomlib.scene import Scene

MODES = ["outpaint-direct", "outpaint-sequential"]
SIDE = 24


def gen(seed=0):
    return torch.Generator().manual_seed(seed)


def picture(shape=(3, SIDE, SIDE), seed=0):
    return torch.rand(shape, generator=gen(seed)) * 1.6 - 0.8


def gaussian(height=SIDE, width=SIDE, family="flow"):
    return GaussianDenoiser((3, height, width), family)


def prompts(levels):
    return ["0"] * levels


def scene(**fields):
    return Scene(**({"p": 1.5} | fields))


class Refusing(GaussianDenoiser):
    """Fails a test that lets the model run."""

    def predict_clean(self, *_):
        pytest.fail("sampling began")


def assert_windows_show_the_deeper_levels(stack):
    for level, box in enumerate(stack.windows[:-1] or stack.windows):
        shown = show(list(stack.levels[level:]), stack.windows[level:], stack.p)
        assert torch.equal(stack.levels[level], shown), f"level {level}, window {box}"
