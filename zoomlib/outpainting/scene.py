"""What an outpainting run is given, checked and worked out before anything is sampled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from zoomlib.denoiser import Denoiser
from zoomlib.errors import InvalidInputError
from zoomlib.geometry import Box, Window, boxes, margin_factor
from zoomlib.outpainting.canvas import kept_windows
from zoomlib.outpainting.settings import Config
from zoomlib.scene import Scene, model_focus
from zoomlib.walk import picture_shape


@dataclass(frozen=True, eq=False)
class Setting:
    """A run's geometry and pictures. shape: (3, H, W) of a level in pixels. inside, kept: of every level but the
    deepest, the box of the next level and the pixels in it. images: given pictures by level, float32 on the CPU.
    steps: what each level counts for, from the widest to the deepest."""

    p: float
    shape: tuple[int, int, int]
    inside: tuple[Box, ...]
    kept: tuple[Window, ...]
    images: Mapping[int, Tensor]
    steps: tuple[int, ...]


def check_scene(denoiser: Denoiser, prompts: Sequence[str], config: Config, scene: Scene) -> Setting:
    """The setting of a scene. Raises InvalidInputError for what cannot be done."""
    L, shape = len(prompts), picture_shape(denoiser)
    _, H, W = shape
    scene.refuse("outpainting", "describe")
    if scene.negatives is not None and len(scene.negatives) != L:
        raise InvalidInputError(f"{L} prompts need as many negatives, not {len(scene.negatives)}. Write '' for none.")
    inside = boxes(L, H, W, scene.p, model_focus(denoiser, L, scene))
    _check_margin(config.margin, scene.p, W)
    images = scene.given(denoiser, L, photo_at=L - 1)
    steps = tuple(config.level_steps(level, L, frozenset(images)) for level in range(L))
    return Setting(scene.p, shape, inside, kept_windows(inside, H, W, denoiser.codec.factor), images, steps)


def _check_margin(margin: float | None, p: float, width: int) -> None:
    if margin is not None and abs(margin_factor(margin, width) - p) > 1e-6 * p:
        raise InvalidInputError(
            f"A margin of {margin:g} pixels at a width of {width} is a zoom factor of "
            f"{margin_factor(margin, width):.6g}, but p is {p:.6g}. Give one of the two."
        )
