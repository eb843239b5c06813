"""Presets: partial configurations for kinds of machines, one YAML file each, in this folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from tasks.errors import RefusedError


@dataclass(frozen=True)
class Preset:
    """A partial configuration. about, needs: for people. devices: kinds of devices that it is for, memory_gb: the least
    memory of one. settings: values by dotted path."""

    name: str
    about: str
    needs: str
    devices: tuple[str, ...]
    memory_gb: float
    settings: Mapping[str, Any]

    @property
    def models(self) -> tuple[str, ...]:
        """The model that it names, then those that take its place."""
        return (self.settings["model.name"], *self.settings["model.fallbacks"])


@lru_cache(maxsize=1)
def presets() -> tuple[Preset, ...]:
    """All presets, by the memory that they need."""
    found = [_read(file) for file in Path(__file__).parent.glob("*.yaml")]
    return tuple(sorted(found, key=lambda preset: preset.memory_gb))


def _read(file: Path) -> Preset:
    told = yaml.safe_load(file.read_text(encoding="utf-8"))
    settings = dict(_leaves(told.pop("settings")))
    return Preset(file.stem, devices=tuple(told.pop("devices")), settings=settings, **told)


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def preset_of(name: object) -> Preset:
    """The preset of a name. Raises RefusedError, which lists them, for another."""
    for preset in presets():
        if preset.name == name:
            return preset
    known = ", ".join(preset.name for preset in presets())
    raise RefusedError(f"There is no preset {name!r:.60}. Known are: {known}. `tenfold models presets` lists them.")


def preset_for(device: str, total_bytes: int) -> Preset:
    """The preset that suits a device with so much memory: the last whose needs it meets, else the first, for a CPU."""
    kind = device.partition(":")[0]
    fitting = [p for p in presets() if kind in p.devices and p.memory_gb * 1e9 <= total_bytes]
    return fitting[-1] if fitting else presets()[0]
