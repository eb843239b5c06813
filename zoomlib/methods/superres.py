"""Progressive super-resolution: each level is the window of the wider one, enlarged and drawn on by the same model."""

from collections.abc import Iterator, Sequence

import torch

from zoomlib.denoiser import Denoiser
from zoomlib.enlarging.chain import BAND, Chain, walk_down
from zoomlib.enlarging.settings import Config
from zoomlib.geometry import boxes
from zoomlib.held import bonds
from zoomlib.magnifier import Magnifier
from zoomlib.scene import Grid, Scene, keyword_forms, model_focus
from zoomlib.walk import State, check_run, picture_shape

__all__ = ["EXTENDS", "GRID", "IMAGES", "NESTS", "PHOTO", "Config", "State", "run", "sample", "sample_stack"]

PHOTO = "widest"
IMAGES = True
EXTENDS = ("deeper",)
GRID: Grid = "model"
NESTS = True


def run(
    denoiser: Denoiser,
    prompts: Sequence[str],
    config: Config,
    scene: Scene,
    *,
    generator: torch.Generator,
    state: State | None = None,
) -> Iterator[State]:
    """Sample the widest level, then each next one from the window that shows it; yield the state after every step.

    Any p above 1. At every step the estimate is moved to a near level whose means over areas are the window's, as far
    as that binds (`Config.bound`; null-space projection, arXiv 2212.00490); a latent model's levels are moved at their
    end, in pixels. In the end wider levels show what deeper ones became. Given levels stay as they are; of an open one
    only what surrounds the window is sure to stay. Randomness: one draw from the generator; a level's own follows from
    it and the level's number, or from the level's seed alone.
    """
    given = frozenset(scene.images) | (frozenset() if scene.photo is None else {0})
    check_run(denoiser, prompts, config.work(len(prompts), given).steps, generator, state)
    pictures = scene.given(denoiser, len(prompts), photo_at=0)
    _, H, W = picture_shape(denoiser)
    inside = boxes(len(prompts), H, W, scene.p, model_focus(denoiser, len(prompts), scene, GRID))
    glasses = [Magnifier(box, H, W) for box in inside]
    held = bonds(pictures, scene.open, inside, scene.p, BAND)
    chain = Chain(denoiser, prompts, config, scene, inside, glasses, pictures, held)
    denoiser.condition(prompts, scene.negatives)  # refuses what the model cannot take
    return walk_down(chain, generator, state)


sample, sample_stack = keyword_forms(Config, run, GRID)
