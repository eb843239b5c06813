"""What every method is given beside model and settings, and the forms in which every method can be called."""

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Literal, Protocol

import torch
from torch import Tensor

from zoomlib.denoiser import Denoiser
from zoomlib.errors import InvalidInputError
from zoomlib.geometry import Focus, snapped_focus
from zoomlib.stack import ZoomStack, bounded
from zoomlib.walk import State, last, picture_shape

_NO_COLOUR = 10.0  # values beyond are another range's, such as that of 8 bits; what a model overshoots is far below

Grid = Literal["pixels", "model"]
"""Where windows lie at whole factors: on whole pixels, or on whole places of the model's space, where noise and latents
agree; for models of pixels the same."""

Describe = Callable[[Tensor, Tensor, int], str]
"""From the picture of the widest level or of the one before, the view to be enlarged, both (3, H, W) in [-1, 1], and
the number of the level to be made, to its prompt."""


@dataclass(frozen=True, eq=False)
class Scene:
    """How levels lie in each other, and what is there already.

    p: zoom factor, any number above 1 that the method can do. focus: as in `zoomlib.geometry`. negatives: one per
    level, or None. photo: a picture to start from, where the method's PHOTO says. images: pictures of single levels,
    by level, which are kept; those in `open` may come to show something else in their window. Pictures are float
    (3, H, W) in [-1, 1] of a level's size in pixels. seeds: of single levels, whose noise then follows from them alone.
    describe: writes prompts by looking.
    """

    p: float
    focus: Focus = None
    negatives: Sequence[str] | None = None
    photo: Tensor | None = None
    images: Mapping[int, Tensor] = field(default_factory=dict)
    open: frozenset[int] = frozenset()
    seeds: Mapping[int, int] = field(default_factory=dict)
    describe: Describe | None = None

    def refuse(self, method: str, *names: str) -> None:
        """Raise InvalidInputError where one of the named fields is given, which the method cannot use."""
        for name in names:
            given = getattr(self, name)
            if given is not None and (name in ("photo", "describe") or len(given)):
                raise InvalidInputError(f"Method {method} has no use for {name}. Leave it out, or use another method.")

    def given(self, denoiser: Denoiser, levels: int, photo_at: int | None = None) -> dict[int, Tensor]:
        """The pictures of single levels, by level: float32 copies (3, H, W) on the CPU.

        With `photo_at`, the photograph is the picture of that level. Raises InvalidInputError for pictures of another
        shape or with values that are not finite or far outside [-1, 1], for levels that there are not, for an open
        level without a picture, and for seeds outside 0 .. 2^63 - 1.
        """
        found = dict(self.images)
        if photo_at is not None and self.photo is not None:
            if photo_at in found:
                raise InvalidInputError(f"Level {photo_at} has a picture, and a photograph is given. Leave out one.")
            found[photo_at] = self.photo
        _check_indices(levels, images=found, open=self.open, seeds=self.seeds)
        if not self.open <= found.keys():
            raise InvalidInputError(f"Levels {sorted(self.open - found.keys())} are open but have no picture.")
        for level, seed in self.seeds.items():
            if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63:
                raise InvalidInputError(f"The seed of level {level} must be a whole number from 0, but is {seed!r}.")
        shape = picture_shape(denoiser)
        return {level: checked_picture(picture, shape, f"level {level}") for level, picture in sorted(found.items())}


def checked_picture(picture: Tensor, shape: tuple[int, int, int], name: str) -> Tensor:
    """A float32 copy on the CPU. Raises InvalidInputError for another shape and for values far from [-1, 1]."""
    if not isinstance(picture, Tensor) or tuple(picture.shape) != shape:
        came = tuple(picture.shape) if isinstance(picture, Tensor) else type(picture).__name__
        raise InvalidInputError(f"The picture of {name} must have the shape {shape} of a level, not {came}. Resize it.")
    if not picture.is_floating_point() or not bool(picture.isfinite().all()):
        raise InvalidInputError(f"The picture of {name} must hold finite numbers in [-1, 1]; convert or mend it.")
    low, high = (float(x) for x in picture.aminmax())
    if max(-low, high) > _NO_COLOUR:
        raise InvalidInputError(
            f"The picture of {name} must lie in [-1, 1], but reaches from {low:.3g} to {high:.3g}. Scale it (8 bits: "
            "value / 127.5 - 1), or clamp it."
        )
    return picture.detach().to("cpu", torch.float32, copy=True)


def _check_indices(levels: int, **named: Collection[int]) -> None:
    for name, indices in named.items():
        if wrong := sorted(i for i in indices if not 0 <= i < levels):
            raise InvalidInputError(
                f"{name} names level {wrong[0]}, but there are levels 0 to {levels - 1}: one for each prompt."
            )


@dataclass(frozen=True)
class Work:
    """What a run takes: the steps that its sampler yields, and how many levels pass the model, guidance not counted."""

    steps: int
    evaluations: int


class Run(Protocol):
    """A method: yields the state after every step. Raises InvalidInputError at once for what cannot be done."""

    def __call__(
        self,
        denoiser: Denoiser,
        prompts: Sequence[str],
        config: Any,
        scene: Scene,
        *,
        generator: torch.Generator,
        state: State | None = None,
    ) -> Iterator[State]:
        """Sample a scene."""


def keyword_forms(
    config: type, run: Run, grid: Grid = "pixels"
) -> tuple[Callable[..., Iterator[State]], Callable[..., ZoomStack]]:
    """`sample` and `sample_stack` of a method: its run with settings and scene as keyword arguments. `grid`: its GRID.

    Raises TypeError for a keyword that is neither.
    """
    settings = {f.name for f in fields(config)}
    signature = _signature(config)

    def parts(arguments: Mapping[str, Any]) -> tuple[Any, Scene]:
        ours = {name: value for name, value in arguments.items() if name in settings}
        return config(**ours), Scene(**{f.name: arguments[f.name] for f in fields(Scene) if f.name in arguments})

    def sample(*args: Any, **keywords: Any) -> Iterator[State]:
        """Sample all levels, one prompt each from the widest to the deepest; yield the state after every step.

        The settings are those of the method's `Config`, the others those of a `Scene`. All randomness comes from the
        generator. With `state`, a state of a run with the same arguments, the rest of that run follows, bit for bit
        where the model and torch's sums are deterministic (on a CPU they are); nothing follows its last state. Raises
        InvalidInputError at once, before any sampling, for what cannot be done.
        """
        given = signature.bind(*args, **keywords).arguments
        own, scene = parts(given)
        generator, state = given["generator"], given.get("state")
        return run(given["denoiser"], given["prompts"], own, scene, generator=generator, state=state)

    def sample_stack(*args: Any, **keywords: Any) -> ZoomStack:
        """As `sample`, but return the finished stack: the last levels, in pixels, clamped to [-1, 1]."""
        given = signature.bind(*args, **keywords).arguments
        own, scene = parts(given)
        state, loop = last(sample(*args, **keywords)), getattr(own, "loop", False)
        exact = getattr(own, "feather", None) == 0 and scene.photo is None and not scene.images
        return finished(given["denoiser"], state, scene, grid, loop=loop, exact=exact)

    for form in (sample, sample_stack):
        vars(form)["__signature__"] = signature  # what `help` shows
    return sample, sample_stack


def _signature(config: type) -> inspect.Signature:
    """(denoiser, prompts, *, settings and scene with their defaults, generator, state=None)."""
    named = [("denoiser", Denoiser), ("prompts", Sequence[str])]
    first = [inspect.Parameter(n, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=kind) for n, kind in named]
    keywords = [
        inspect.Parameter(f.name, inspect.Parameter.KEYWORD_ONLY, default=_default(f), annotation=f.type)
        for f in (*fields(Scene), *fields(config))
    ]
    last_two = [("generator", inspect.Parameter.empty), ("state", None)]
    keywords += [inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY, default=default) for n, default in last_two]
    return inspect.Signature([*first, *keywords])


def _default(one: Any) -> Any:
    if one.default is not MISSING:
        return one.default
    return inspect.Parameter.empty if one.default_factory is MISSING else one.default_factory()


def pictures(denoiser: Denoiser, state: State) -> tuple[Tensor, Tensor]:
    """The levels of a state and the model's own estimates of them: float32 (L, 3, H, W) on the CPU."""
    decode = (lambda x: x) if state.pictures else denoiser.codec.decode
    levels, estimate = (decode(x).float().cpu() for x in (state.clean, state.estimate))
    return levels, estimate


def placed_focus(
    levels: int, size: tuple[int, int], factor: int, p: float, focus: Focus, grid: Grid = "pixels"
) -> Focus:
    """The focus of a model's levels, whose z is of `size` (H, W) and its pictures `factor` times larger.

    Windows lie on whole places of z, where the method's grid is the model's and p divides the sides of z; else on whole
    pixels, where p divides those; else anywhere.
    """
    pixels = (size[0] * factor, size[1] * factor)
    for H, W in (size, pixels) if grid == "model" else (pixels,):
        if p >= 2 and H % p == W % p == 0:
            return snapped_focus(levels, H, W, int(p), focus)
    return focus


def model_focus(denoiser: Denoiser, levels: int, scene: Scene, grid: Grid = "pixels") -> Focus:
    """`placed_focus` of a scene's levels made by that model."""
    return placed_focus(levels, denoiser.shape[1:], denoiser.codec.factor, scene.p, scene.focus, grid)


def finished(
    denoiser: Denoiser, state: State, scene: Scene, grid: Grid = "pixels", *, loop: bool = False, exact: bool = False
) -> ZoomStack:
    """The stack of a run's last state, in pixels, by a method of that grid. exact: all windows agree in the state, and
    are to agree in the stack."""
    levels = pictures(denoiser, state)[0]
    focus = model_focus(denoiser, len(levels), scene, grid)
    levels = bounded(levels, scene.p, focus, loop=loop) if exact else levels.clamp(-1, 1)
    return ZoomStack(levels, scene.p, focus, loop)
