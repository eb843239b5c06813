"""From the configuration of enlarging to stages that can be made, or a refusal. Nothing is loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tasks import loading
from tasks.enlarge_spec import Enlargement, EnlargeSpec, StageSpec
from tasks.errors import RefusedError
from tasks.run import Tools
from tasks.specs import RunConfig
from zoomlib.cascade.tiles import tiles
from zoomlib.errors import InvalidInputError

MAX_SIDE_PX = 8192
USUAL_STEPS = 30
Size = tuple[int, int]


def cascade_of(config: RunConfig, model: Mapping[str, Any], tools: Tools) -> tuple[Enlargement, ...]:
    """The stages that the sampled levels pass, in their order. Raises RefusedError, or InvalidInputError of the core,
    for a model that is not there or of another kind, and for sizes that cannot be made."""
    made, size = list[Enlargement](), tuple(model["size_px"])
    for number, spec in enumerate(_wanted(config, model), start=1):
        try:
            stage = _PLANNERS[spec.how](spec, config, model, size, tools)
        except InvalidInputError as error:
            raise RefusedError(f"Stage {number} of enlarging ({spec.how}) cannot be made: {error}") from error
        if max(stage.size_px) > MAX_SIDE_PX:
            raise RefusedError(
                f"Stage {number} of enlarging would make levels of {_shape(stage.size_px)} pixels; at most "
                f"{MAX_SIDE_PX} a side can be. Leave it out, or begin with smaller levels."
            )
        made.append(stage)
        size = stage.size_px
    return tuple(made)


def with_numbers(spec: EnlargeSpec, stages: tuple[Enlargement, ...]) -> EnlargeSpec:
    """The configuration of enlarging with everything that its stages left open filled in."""
    return spec.model_copy(update={"stages": tuple(stage.spec for stage in stages)}) if spec.stages else spec


def _wanted(config: RunConfig, model: Mapping[str, Any]) -> Iterator[StageSpec]:
    """The configured stages, or the model's own net where the film is larger than its levels."""
    yield from config.enlarge.stages
    wanted = config.enlarge.model
    if config.enlarge.stages or wanted == "none":
        return
    if wanted != "auto":
        yield StageSpec(how="net", model=wanted)
    elif config.film.size_px > max(model["size_px"]) and model["upscaler"] is not None:
        yield StageSpec(how="net")


def _net(spec: StageSpec, config: RunConfig, model: Mapping[str, Any], size: Size, tools: Tools) -> Enlargement:
    told = model if spec.model is None else tools.describe(spec.model)
    if told.get("kind") == "upscaler":
        raise RefusedError(f"{spec.model} is a diffusion up-scaler. Name it in a stage of kind upscaler.")
    net = told["upscaler"]
    if net is None:
        raise RefusedError(
            f"{spec.model or config.model.name} has no super-resolution net. Use enlarge.model=auto or none, or "
            "another stage."
        )
    net = {"id": spec.model or config.model.name, **net}
    return Enlargement(spec, net, int(net["factor"]), _times(size, int(net["factor"])))


def _upscaler(spec: StageSpec, config: RunConfig, model: Mapping[str, Any], size: Size, tools: Tools) -> Enlargement:
    told = _described(str(spec.model), None, config, tools)
    if told.get("kind") != "upscaler":
        raise RefusedError(f"{spec.model} makes pictures and is no up-scaler. Use a stage of kind refine.")
    if told.get("words_of") not in (None, model.get("family")):
        raise RefusedError(
            f"{spec.model} has no text encoder of its own and shares that of {told['words_of']}, but levels are "
            f"sampled by {config.model.name}. Sample with {told['words_of']}, or fetch {spec.model} with its own."
        )
    unit = int(told["multiple_px"])
    factor = int(told["factor"])
    larger = _times(size, factor)
    most = told["most_noise"]
    if spec.noise_level is not None and spec.noise_level > most:
        raise RefusedError(f"{spec.model} knows noise levels from 0 to {most}, not {spec.noise_level}.")
    if any(side % unit for side in larger):
        raise RefusedError(
            f"{spec.model} enlarges to multiples of {unit} pixels, but levels of {_shape(size)} would become "
            f"{_shape(larger)}. Sample levels of another size (--shape)."
        )
    tile = spec.tile_px or (larger if spec.tile == "none" else _least(tuple(told["size_px"]), larger))
    _check_tile(tile, larger, unit)
    return _drawn(spec, told, factor, larger, tile, _scale(spec, told))


def _refine(spec: StageSpec, config: RunConfig, model: Mapping[str, Any], size: Size, tools: Tools) -> Enlargement:
    factor = 2 if spec.factor is None else spec.factor
    larger = _times(size, factor)
    name = config.model.name if spec.model is None else spec.model
    own = tuple(model["size_px"]) if spec.model is None else None
    tile = spec.tile_px or (larger if spec.tile == "none" else own)
    told = _described(name, tile, config, tools)
    if told.get("kind") == "upscaler":
        raise RefusedError(f"{name} only enlarges pictures. Name it in a stage of kind upscaler.")
    tile = tuple(told["size_px"])
    if any(t > side for t, side in zip(tile, larger, strict=True)):
        told = _described(name, _least(tile, larger), config, tools)
        tile = tuple(told["size_px"])
    _check_tile(tile, larger, int(told["factor"]))
    scale = config.guidance.scale if spec.guidance is None and spec.model is None else None
    return _drawn(spec.model_copy(update={"factor": factor}), told, factor, larger, tile, _scale(spec, told, scale))


_PLANNERS = {"net": _net, "upscaler": _upscaler, "refine": _refine}


def _drawn(
    spec: StageSpec, told: Mapping[str, Any], factor: int, larger: Size, tile: Size, scale: float
) -> Enlargement:
    steps = spec.steps or told.get("steps") or USUAL_STEPS
    filled = spec.model_copy(update={"steps": steps, "guidance": scale, "tile": _shape(tile)})
    passes = 1 if scale == 1 or told.get("distilled") else 2
    return Enlargement(filled, told, factor, larger, tile, len(tiles(larger, tile, spec.overlap)), passes)


def _scale(spec: StageSpec, told: Mapping[str, Any], own: float | None = None) -> float:
    if spec.guidance is not None:
        return spec.guidance
    return float(told.get("guidance", loading.USUAL_GUIDANCE) if own is None else own)


def _described(name: str, size: Size | None, config: RunConfig, tools: Tools) -> Mapping[str, Any]:
    """What a stage's model says of itself; the run's own with all that is set of it, another one as it is."""
    shape = None if size is None else _shape(size)
    if name == config.model.name:
        return loading.describe(config.model.model_copy(update={"size": shape}), tools)
    plain = type(config.model)(
        name=name, size=shape, download=config.model.download, device=config.model.device, dtype=config.model.dtype
    )
    return loading.describe(plain, tools)


def _check_tile(tile: Size, larger: Size, unit: int) -> None:
    if any(side % unit for side in (*tile, *larger)):
        raise RefusedError(
            f"Levels of {_shape(larger)} and tiles of {_shape(tile)} must be multiples of {unit} pixels for this "
            "model. Choose another tile, factor, or size of levels (--shape)."
        )
    if any(t > side for t, side in zip(tile, larger, strict=True)):
        raise RefusedError(
            f"Tiles of {_shape(tile)} are larger than the levels of {_shape(larger)}. Use smaller ones, or tile=auto."
        )


def _times(size: Size, factor: int) -> Size:
    return size[0] * factor, size[1] * factor


def _least(tile: Size, larger: Size) -> Size:
    return min(tile[0], larger[0]), min(tile[1], larger[1])


def _shape(size: Size) -> str:
    return f"{size[1]}x{size[0]}"
