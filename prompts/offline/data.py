"""The data files of this folder: phrases, viewpoints and styles, the words of the bundled model."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import yaml

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast where PyYAML was built with libyaml


@functools.cache
def read(name: str) -> dict[str, Any]:
    """What a data file holds, read once."""
    text = Path(__file__).with_name(name).read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.load(text, LOADER)  # noqa: S506
    return loaded
