"""The stages of enlarging at work: each level by a net, or all by steps of a diffusion model, resumable at each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from tasks import loading
from tasks.enlarge_spec import Enlargement
from tasks.run import Run
from tasks.store import replacing
from zoomlib.careful import Note
from zoomlib.cascade.agree import Agreement
from zoomlib.cascade.redraw import Config, noise_of, redraw
from zoomlib.cascade.tiles import Tiled
from zoomlib.chunks import Chunked
from zoomlib.denoiser import Condition, Denoiser
from zoomlib.guidance import guided
from zoomlib.noise import stream
from zoomlib.walk import State, last

Moved = Callable[[], None]
"""Called after every level of a net, and every step of a diffusion model."""
_FIRST_STREAM = 1_000_000  # of seeds: far from those of levels


def made(
    run: Run,
    number: int,
    levels: Tensor,
    agreement: Agreement,
    given: Mapping[int, Tensor],
    photo: Tensor | None,
    work: Path,
    moved: Moved,
    on_note: Note,
) -> Tensor:
    """Levels (L, 3, h, w) enlarged by a stage, each by itself or joined at every step: float32 (L, 3, H, W).

    given: pictures of single levels at the new size, which do not pass a diffusion model. Goes on from what an
    interrupted call has left in `work`; `moved` is called for what is found there, too.
    """
    stage = run.cascade[number]
    if not stage.draws:
        return _by_net(run, stage, levels, work / f"net_{number}", moved, on_note)
    denoiser, start = _PLACES[stage.spec.how](run, number, levels, agreement, on_note)
    return _drawn(run, number, denoiser, start, agreement, given, photo, work / f"steps_{number}.safetensors", moved)


def units(stage: Enlargement, levels: int) -> int:
    """How often a stage calls `moved`."""
    return stage.steps if stage.draws else levels


def kept(work: Path, number: int, make: Callable[[], Tensor]) -> Tensor:
    """The levels of a stage, read where an interrupted call has finished it, else made and kept."""
    file = work / f"stage_{number}.safetensors"
    found = _read(file)
    if found is not None:
        return found["levels"]
    levels = make()
    _write(file, {"levels": levels})
    return levels


def is_kept(work: Path, number: int) -> bool:
    """Whether an interrupted call has finished a stage, and what it left can be read."""
    try:
        with safe_open(work / f"stage_{number}.safetensors", "pt"):
            return True
    except (OSError, SafetensorError):
        return False


def _by_net(run: Run, stage: Enlargement, levels: Tensor, work: Path, moved: Moved, on_note: Note) -> Tensor:
    """Every level by a super-resolution net, one at a time: memory does not grow with their number."""
    net = _loaded(run, stage, None, on_note)
    work.mkdir(parents=True, exist_ok=True)
    larger = []
    for i, level in enumerate(torch.split(levels, 1)):
        file = work / f"{i:03d}.safetensors"
        found = _read(file)
        large = net(level).float().cpu() if found is None else found["level"]
        if found is None:
            _write(file, {"level": large})
        larger.append(large)
        moved()
    return torch.cat(larger)


def _loaded(run: Run, stage: Enlargement, size: tuple[int, int] | None, on_note: Note) -> Any:
    """The stage's up-scaler on the first device of the run's model. What is not set is not passed on."""
    spec, device = run.config.model, run.config.model.devices[0]
    options: dict[str, Any] = {"device": device, "dtype": loading.DTYPES[spec.dtype]}
    if stage.draws:
        placement = loading.placement_of(spec, device)
        options |= {"size": size, "text_of": run.model["id"], "placement": placement, "on_note": on_note}
    return run.tools.load_upscaler(stage.model["id"], **options)


def _upscaled(
    run: Run, number: int, levels: Tensor, agreement: Agreement, on_note: Note
) -> tuple[Denoiser, Tensor | None]:
    """A diffusion up-scaler of the levels, which draws from noise."""
    stage, spec = run.cascade[number], run.cascade[number].spec
    upscaler = _loaded(run, stage, (levels.shape[2], levels.shape[3]), on_note)
    generator = _generator(run, number, told=True)

    def noise(shape: tuple[int, int, int]) -> Tensor:
        return noise_of(len(levels), shape, agreement, generator)

    whole = upscaler.denoiser(levels, noise_level=spec.noise_level, generator=generator, draw=noise)
    denoiser: Denoiser = Chunked(whole, run.config.model.rows, on_note)
    if stage.tiles > 1 and stage.tile_px is not None:
        f = denoiser.codec.factor
        denoiser = Tiled(denoiser, tile=(stage.tile_px[0] // f, stage.tile_px[1] // f), overlap=spec.overlap)
    clamp = stage.model.get("clamp", False)
    return guided(denoiser, spec.guidance or 1.0, rescale=stage.model.get("rescale", 0.0), clamp=clamp), None


def _refined(
    run: Run, number: int, levels: Tensor, _agreement: Agreement, on_note: Note
) -> tuple[Denoiser, Tensor | None]:
    """A model that makes pictures, for the smoothly enlarged levels."""
    stage, config = run.cascade[number], run.config
    own = stage.model["id"] == run.model["id"]
    spec = config.model.model_copy(update={"size": stage.spec.tile})
    if not own:
        spec = spec.model_copy(update={"name": stage.model["id"], "loras": (), "embeddings": (), "tiny_vae": None})
    guidance = config.guidance.model_copy(update={"scale": stage.spec.guidance})
    changed = config.model_copy(update={"model": spec, "guidance": guidance if own else _usual(run, number)})
    denoiser = loading.load_guided(replace(run, config=changed, model=stage.model), on_note)
    f = denoiser.codec.factor
    if stage.tiles > 1:
        denoiser = Tiled(denoiser, (stage.size_px[0] // f, stage.size_px[1] // f), overlap=stage.spec.overlap)
    return denoiser, smoothly(levels, stage.factor)


def _usual(run: Run, number: int) -> Any:
    """The guidance that suits another model than the run's, at the stage's scale."""
    stage = run.cascade[number]
    plain = type(run.config.guidance)(scale=stage.spec.guidance)
    return loading.resolved_guidance(plain, stage.model)


_PLACES = {"upscaler": _upscaled, "refine": _refined}


def smoothly(levels: Tensor, factor: int) -> Tensor:
    """Levels (L, 3, h, w) enlarged without new detail (bicubic), in [-1, 1]."""
    if factor == 1:
        return levels
    return F.interpolate(levels, scale_factor=float(factor), mode="bicubic").clamp(-1, 1)


def _drawn(
    run: Run,
    number: int,
    denoiser: Denoiser,
    start: Tensor | None,
    agreement: Agreement,
    given: Mapping[int, Tensor],
    photo: Tensor | None,
    checkpoint: Path,
    moved: Moved,
) -> Tensor:
    """The pictures of a drawing, decoded; its state is kept after every step."""
    spec = run.cascade[number].spec
    strength = spec.strength if spec.how == "refine" else 1.0
    config = Config(spec.steps or 1, strength, spec.eta, spec.joint, spec.space, spec.every)
    left = _left(checkpoint, denoiser.device)
    for _ in range(config.first, config.first if left is None else left.index):
        moved()
    if left is None or left.index < config.steps:
        states = _states(run, number, denoiser, config, start, agreement, given, photo, left)
        left = last(_saved(states, checkpoint, config.steps, moved))
    return denoiser.codec.decode(left.clean).float().cpu()


def _saved(states: Iterator[State], path: Path, steps: int, moved: Moved) -> Iterator[State]:
    """Keep what a walk goes on from after every step; of a finished one the levels that it ended with."""
    for state in states:
        finished = state.index == steps
        z = state.clean if finished else state.z
        _write(path, {"z": z, "generator_state": state.generator_state, "index": torch.tensor(state.index)})
        moved()
        yield state


def _states(
    run: Run,
    number: int,
    denoiser: Denoiser,
    config: Config,
    start: Tensor | None,
    agreement: Agreement,
    given: Mapping[int, Tensor],
    photo: Tensor | None,
    left: State | None,
) -> Iterator[State]:
    return redraw(
        denoiser,
        condition(run, denoiser),
        config,
        agreement,
        start=start,
        photo=photo,
        given=given,
        generator=_generator(run, number),
        state=left,
    )


def condition(run: Run, denoiser: Denoiser) -> Condition:
    """What a stage's model is told of the run's levels."""
    negatives = run.story.negatives()
    return denoiser.condition(run.story.prompts(), negatives if any(negatives) else None)


def _generator(run: Run, number: int, *, told: bool = False) -> torch.Generator:
    """The randomness of a stage, or of what its up-scaler is told, which follows from the run's seed alone."""
    own = stream(run.config.seed, _FIRST_STREAM + 2 * number + told)
    return torch.Generator().manual_seed(own)


def _left(path: Path, device: torch.device) -> State | None:
    """The state that an interrupted drawing has left, or None: a walk goes on from z, and needs no estimates."""
    found = _read(path)
    if found is None:
        return None
    z = found["z"].to(device)
    return State(int(found["index"]), z, z, z, found["generator_state"])


def _write(path: Path, tensors: Mapping[str, Tensor]) -> None:
    with replacing(path) as temporary:
        save_file({name: value.detach().cpu().clone().contiguous() for name, value in tensors.items()}, temporary)


def _read(path: Path) -> dict[str, Tensor] | None:
    try:
        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
    except (OSError, SafetensorError):
        return None
