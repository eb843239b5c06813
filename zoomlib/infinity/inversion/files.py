"""An inversion, and a state of one, in a folder: safetensors beside a JSON that names it with its SHA-256."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from zoomlib.errors import InvalidInputError
from zoomlib.infinity.config import GeneratorConfig
from zoomlib.infinity.inversion.area import Area, area_of
from zoomlib.infinity.inversion.inverting import Inversion, InversionJob, InversionState
from zoomlib.infinity.inversion.settings import InversionSettings
from zoomlib.infinity.inversion.step import noise_names

if TYPE_CHECKING:
    from zoomlib.infinity.generator import Generator

FORMAT = 1
INVERSION, STATE = "inversion", "state"


def write_inversion(inversion: Inversion, folder: str | os.PathLike[str]) -> None:
    """Write an inversion into a folder, made where it is missing. An earlier one there stays until all is written."""
    facts = {**_asked(inversion), "steps": inversion.steps, "error": inversion.error}
    _write(Path(folder), INVERSION, {"picture": inversion.picture, **inversion.values}, facts)


def read_inversion(folder: str | os.PathLike[str], generator: Generator) -> Inversion:
    """The inverse of `write_inversion`, bitwise.

    Raises InvalidInputError for a folder without an inversion, a damaged one, and one that was made with other weights.
    """
    facts, tensors = _read(Path(folder), INVERSION, generator)
    picture, values = tensors["picture"], {name: tensors[name] for name in _shapes(_area(facts, generator.config))}
    job, steps, error = _job(facts, picture), int(facts["steps"]), float(facts["error"])
    area = _area(facts, generator.config)
    return Inversion(area, picture, values, job.period, job.revision, job.settings, steps, error)


def is_inversion(folder: str | os.PathLike[str]) -> bool:
    """Whether a folder holds an inversion, sound or not."""
    return (Path(folder) / f"{INVERSION}.json").is_file()


def write_state(state: InversionState, folder: str | os.PathLike[str]) -> None:
    """Write a state, in place of an earlier one."""
    job = state.job
    tensors = {"picture": job.picture, "random": state.random}
    for part, values in (("value", state.values), ("first", state.first), ("second", state.second)):
        tensors |= {f"{part}.{name}": value.cpu() for name, value in values.items()}
    _write(Path(folder), STATE, tensors, {**_asked(job), "step": state.step, "losses": dict(state.losses)})


def read_state(folder: str | os.PathLike[str], generator: Generator) -> InversionState:
    """The inverse of `write_state`, bitwise, on the generator's device. Raises as `read_inversion`."""
    facts, tensors = _read(Path(folder), STATE, generator)
    names = list(_shapes(_area(facts, generator.config)))
    values, first, second = (
        {name: tensors[f"{part}.{name}"].to(generator.device) for name in names}
        for part in ("value", "first", "second")
    )
    job = _job(facts, tensors["picture"])
    return InversionState(job, int(facts["step"]), values, first, second, tensors["random"], facts["losses"])


def _asked(of: Inversion | InversionJob) -> dict[str, Any]:
    height, width = of.picture.shape[-2:]
    return {
        "at": list(of.at),
        "size": [height, width],
        "period": of.period,
        "generator": of.revision,
        "settings": asdict(of.settings),
    }


def _job(facts: Mapping[str, Any], picture: Tensor) -> InversionJob:
    settings = InversionSettings.from_json(facts["settings"])
    return InversionJob(picture, tuple(facts["at"]), settings, facts["period"], facts["generator"])


def _area(facts: Mapping[str, Any], config: GeneratorConfig) -> Area:
    y, x = facts["at"]
    height, width = facts["size"]
    return area_of(config, (y, x), height, width)


def _shapes(area: Area) -> dict[str, tuple[int, ...]]:
    """Every tensor of latents with its shape."""
    config = area.config
    noise = {name: (1, *area.noise(layer)[2:]) for layer, name in enumerate(noise_names(config))}
    styles = {"style": (config.style,), "w_plus": (config.layers + 1, config.style)}
    return {**styles, "local": (config.local, *area.local[2:]), **noise}


def _write(folder: Path, stem: str, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """First the tensors, by a name of their own, then the JSON that names them: a reader finds the old or the new."""
    folder.mkdir(parents=True, exist_ok=True)
    data = save({name: value.detach().cpu().contiguous() for name, value in tensors.items()})
    digest = hashlib.sha256(data).hexdigest()
    file = folder / f"{stem}-{digest[:16]}.safetensors"
    _replace(file, data)
    record = {"format": FORMAT, **facts, "tensors": file.name, "sha256": digest}
    _replace(folder / f"{stem}.json", json.dumps(record, indent=1).encode())
    for old in folder.glob(f"{stem}-*.safetensors"):
        if old != file:
            old.unlink(missing_ok=True)


def _replace(file: Path, data: bytes) -> None:
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        temporary.write_bytes(data)
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


def _read(folder: Path, stem: str, generator: Generator) -> tuple[dict[str, Any], dict[str, Tensor]]:
    facts = _facts(folder / f"{stem}.json")
    try:
        if facts["generator"] != generator.revision:
            raise InvalidInputError(
                f"{folder} was made with other weights ({facts['generator'][:12]}) than those of this generator "
                f"({generator.revision[:12]}). Use those, or invert the picture again."
            )
        data = (folder / facts["tensors"]).read_bytes()
        if hashlib.sha256(data).hexdigest() != facts["sha256"]:
            raise InvalidInputError(
                f"{folder / facts['tensors']} is damaged: its SHA-256 is another. Remove the folder, and make it again."
            )
        tensors = load(data)
        _check(tensors, facts, generator.config, stem)
    except (OSError, SafetensorError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInputError(
            f"{folder} holds no whole {stem} ({error!r}). Remove the folder, and make it again."
        ) from error
    return facts, tensors


def _facts(file: Path) -> dict[str, Any]:
    try:
        facts = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInputError(
            f"{file} cannot be read ({error}). Give the folder that `tenfold infinity invert` wrote."
        ) from error
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise InvalidInputError(f"{file} is no {file.stem} of the format {FORMAT}. Make it again with this version.")
    return facts


def _check(tensors: Mapping[str, Tensor], facts: Mapping[str, Any], config: GeneratorConfig, stem: str) -> None:
    """All tensors of their shapes and finite."""
    prefixes = ("value.", "first.", "second.") if stem == STATE else ("",)
    shapes = {f"{p}{name}": shape for name, shape in _shapes(_area(facts, config)).items() for p in prefixes}
    shapes["picture"] = (3, *facts["size"])
    for name, shape in shapes.items():
        if tuple(tensors[name].shape) != shape or not bool(torch.isfinite(tensors[name]).all()):
            raise InvalidInputError(
                f"{name} of the {stem} has the shape {tuple(tensors[name].shape)} for {shape}, or values that are not "
                "finite. Remove the folder, and make it again."
            )
