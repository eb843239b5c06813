"""Zooming out by outpainting, for use from Python: what the outpainting methods have in common, in one call.

A method is its `Config`, built on the one here, and a `run` that hands it to the engine's.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from zoomlib.denoiser import Denoiser
from zoomlib.errors import InvalidInputError
from zoomlib.geometry import margin_factor
from zoomlib.inpainting import RefineNoise
from zoomlib.outpainting import engine
from zoomlib.outpainting.engine import run
from zoomlib.outpainting.settings import Config, Mode
from zoomlib.scene import Scene, keyword_forms
from zoomlib.stack import ZoomStack
from zoomlib.walk import State, picture_shape

__all__ = ["Config", "Mode", "run", "sample_stack"]


@dataclass(frozen=True)
class _Settings(Config):
    """Everything that can be set at a call. refine_noise: the plug-in that betters the noise of every border."""

    mode: Mode = "direct"
    refine_noise: RefineNoise | None = None


def _run(
    denoiser: Denoiser,
    prompts: Sequence[str],
    config: _Settings,
    scene: Scene,
    *,
    generator: torch.Generator,
    state: State | None = None,
) -> Iterator[State]:
    return engine.run(
        denoiser, prompts, config, scene, generator=generator, state=state, refine_noise=config.refine_noise
    )


_, _sample_stack = keyword_forms(_Settings, _run)


def sample_stack(
    denoiser: Denoiser,
    prompts: Sequence[str],
    *,
    margin: float | None = None,
    p: float | None = None,
    start: Tensor | None = None,
    **settings: Any,
) -> ZoomStack:
    """The stack of a zoom, outpainted from the deepest level to the widest, one prompt each from the widest.

    Say by `margin` how many pixels a level reaches out to the left and right of the next deeper one, or by `p` how many
    times wider it is: p = (W + 2 margin) / W. `start` is the picture of the deepest level, float (3, H, W) in [-1, 1];
    without it, that is sampled. `settings` are `mode` (`direct` or `sequential`), `refine_noise`, the other fields of
    `Config`, those of `zoomlib.scene.Scene`, and `generator`, from which all randomness comes.
    Raises InvalidInputError before any sampling for what cannot be done, TypeError for an unknown setting.

    stack = sample_stack(load_denoiser("bundled"), prompts, margin=16, generator=torch.Generator().manual_seed(0))
    """
    if p is None:
        if margin is None:
            raise InvalidInputError("Say how far to zoom out: either a margin in pixels or a zoom factor p.")
        p = margin_factor(margin, picture_shape(denoiser)[2])
    return _sample_stack(denoiser, prompts, p=p, margin=margin, photo=start, **settings)
