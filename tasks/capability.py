"""What this machine can run: its devices and their memory, and how each model that is here fits."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from tasks import environment
from tasks.models import available, describe_model, is_here
from tasks.presets import Preset, preset_for
from tasks.versions import of, software
from zoomlib.errors import InvalidInputError
from zoomlib.memory import free_bytes, total_bytes
from zoomlib.models.files import hub
from zoomlib.models.needs import needs_of
from zoomlib.models.placement import usual_dtype

WAYS = {"none": "fits", "model": "fits with offload=model", "layers": "fits with offload=layers", None: "too large"}
"""How a model fits, in words, by what is off-loaded."""
_DRIVER = Path("/proc/driver/nvidia/version")


@dataclass(frozen=True)
class Device:
    """Something that models run on. total, free: bytes of its memory. dtype: what `auto` means there."""

    name: str
    words: str
    total: int
    free: int
    dtype: str

    def about(self) -> str:
        """It in words."""
        return f"{self.words}, {self.free / 1e9:.1f} of {self.total / 1e9:.1f} GB free, {self.dtype}"


def devices() -> Iterator[Device]:
    """The processors of this machine, the quickest last."""
    yield _device("cpu", f"{torch.get_num_threads()} threads")
    if torch.backends.mps.is_available():
        yield _device("mps", "Apple GPU")
    for index in reversed(range(torch.cuda.device_count())):
        facts = torch.cuda.get_device_properties(index)
        yield _device(f"cuda:{index}", f"{facts.name}, compute capability {facts.major}.{facts.minor}")


def _device(name: str, words: str) -> Device:
    dtype = str(usual_dtype(name)).removeprefix("torch.")
    return Device(name, words, total_bytes(name), free_bytes(name), dtype)


def versions() -> dict[str, str]:
    """What a model's speed and abilities depend on."""
    packages = ("torch", "diffusers", "transformers", "accelerate", "peft", "safetensors", "huggingface-hub")
    found = {"tenfold": software(), "python": platform.python_version(), "system": platform.platform()}
    found |= {package: of(package) for package in packages}
    cuda = torch.version.cuda
    return found | {"cuda": "none" if cuda is None else cuda, "driver": _driver()}


def _driver() -> str:
    try:
        return _DRIVER.read_text(encoding="utf-8").splitlines()[0].strip()
    except (OSError, IndexError):
        return "none"


def best(found: list[Device]) -> Device:
    """The device that `auto` takes."""
    return found[-1]


def preset_here(device: Device) -> Preset:
    """The preset that suits a device."""
    return preset_for(device.name, device.total)


def fitting(device: Device, memory: int) -> Iterator[dict[str, Any]]:
    """Every model that is here, and how it fits on a device: the rows of `tasks.models.available` with `needs` and
    `fits`. memory: free bytes of the CPU, for what is off-loaded."""
    for row in available(environment.read().models):
        if "method" in row:  # weights of a few MB, which paint tile by tile
            yield row | {"needs": None, "fits": row["note"]}
            continue
        try:
            needs = needs_of(describe_model(row["name"]), getattr(torch, device.dtype)) if row["family"] else None
        except InvalidInputError:
            needs = None
        way = None if needs is None else needs.fits(device.free, 0 if device.name == "cpu" else memory)
        fits = WAYS[way] if needs is not None else row["note"]
        yield row | {"needs": None if needs is None else asdict(needs), "fits": fits}


def advice(preset: Preset) -> str:
    """What to type to use a preset here."""
    first = preset.models[0]
    there = next((name for name in preset.models if is_here(name)), None)
    if there == first:
        state = f"{first} is here"
    elif hub.is_offline():
        instead = "nothing else is that could take its place" if there is None else f"{there} draws in its place"
        state = f"{first} is not here, and HF_HUB_OFFLINE forbids to get it; {instead}"
    else:
        state = f"{first} is got when it is first used, or now: tenfold models get {first}"
    return f"tenfold zoom STORY --preset {preset.name}; its model {state}"
