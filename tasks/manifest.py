"""What a cached stage is called and what it has made: keys, manifests, and the one text that a value has."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tasks.store import Artifact

Json = Any
"""Values that JSON can hold: None, bool, int, finite float, str, list, dict with str keys."""

MANIFEST_VERSION = 1


def canonical_json(value: Json) -> str:
    """One text per value: sorted keys, no spaces, no NaN. Raises TypeError for what JSON cannot hold exactly."""
    _refuse_foreign(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _refuse_foreign(value: Json) -> None:
    if isinstance(value, dict):
        for name, item in value.items():
            if not isinstance(name, str):  # json would turn 1 and "1" into the same key
                raise TypeError(f"expected text as key of a JSON object, got {name!r}")
            _refuse_foreign(item)
    elif isinstance(value, list):
        for item in value:
            _refuse_foreign(item)
    elif type(value) not in (type(None), bool, int, float, str):  # tuples, tensors, sets: equal values, other texts
        raise TypeError(f"expected plain JSON values, got {type(value).__name__}")


def _digest(value: Json) -> str:
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


@dataclass(frozen=True)
class StageKey:
    """What a stage makes: its name, the version of its algorithm, and everything that its result depends on."""

    stage: str
    version: str
    inputs: Json

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the three, in hex: the name of the manifest."""
        return _digest({"stage": self.stage, "version": self.version, "inputs": self.inputs})


@dataclass(frozen=True)
class Made:
    """What a stage's body hands back: files by name (in its work folder), and plain facts.

    waited_s: seconds in which it has only waited for its turn.
    """

    files: Mapping[str, Path]
    facts: dict[str, Json] = field(default_factory=dict)
    waited_s: float = 0.0


@dataclass(frozen=True)
class Manifest:
    """The artefacts of a stage by name, its facts, and the seconds that making them took."""

    key: StageKey
    artifacts: dict[str, Artifact]
    facts: dict[str, Json]
    seconds: float

    def as_json(self) -> dict[str, Json]:
        """Plain values, and their own SHA-256; `from_json` is the inverse."""
        told = {
            "manifest_version": MANIFEST_VERSION,
            "stage": self.key.stage,
            "version": self.key.version,
            "inputs": self.key.inputs,
            "artifacts": {name: artifact.as_json() for name, artifact in self.artifacts.items()},
            "facts": self.facts,
            "seconds": self.seconds,
        }
        return {**told, "sha256": _digest(told)}

    @classmethod
    def from_json(cls, value: dict[str, Json]) -> Manifest:
        """The manifest of a file. Raises KeyError, TypeError, AttributeError or ValueError for others."""
        told = {name: entry for name, entry in value.items() if name != "sha256"}
        if value.get("sha256") not in (None, _digest(told)):  # None: of an earlier release
            raise ValueError("a manifest that was changed after it was written")
        if value["manifest_version"] != MANIFEST_VERSION:
            raise ValueError(f"expected manifest version {MANIFEST_VERSION}, got {value['manifest_version']!r}")
        artifacts = {name: Artifact.from_json(artifact) for name, artifact in value["artifacts"].items()}
        key = StageKey(value["stage"], value["version"], value["inputs"])
        return cls(key, artifacts, value["facts"], float(value["seconds"]))


def parsed(content: bytes | str | None) -> Manifest | None:
    """The manifest in a file's content; None for one that is damaged, or not there."""
    try:
        return None if content is None else Manifest.from_json(json.loads(content))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
