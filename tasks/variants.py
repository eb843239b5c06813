"""What a run is called where runs are compared: its method, and how it differs from that method's defaults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from functools import lru_cache
from typing import Any

from tasks.specs import RunConfig
from zoomlib.methods import load_method, method_names

_NOT_THE_METHOD = ("method", "seed", "p", "photo", "base", "compose", "model", "film", "scores", "vision", "plan")
"""What a run is made of or shown by, and what has a column of its own in the scores."""


def variant_of(config: RunConfig) -> str:
    """The method's name and, in order, its settings that are not defaults: `joint blending=naive noise=random`.

    Guidance and super-resolution count as settings, as `guidance.scale=7.5`. Two runs of one variant differ in story,
    seed, model and film only.
    """
    changed = [f"{name}={value}" for name, value in sorted(changes(config).items())]
    return " ".join([config.method, *changed])


def changes(config: RunConfig) -> dict[str, str]:
    """The settings of a run's method that are not defaults, by dotted path (those of `sampling` without it)."""
    plain, defaults = config.model_dump(mode="json", exclude=set(_NOT_THE_METHOD)), _defaults(config.method)
    found = {path: value for path, value in _leaves(plain) if defaults.get(path) != value}
    return {path.removeprefix("sampling."): value for path, value in found.items()}


@lru_cache(maxsize=64)
def _defaults(method: str) -> Mapping[str, str]:
    """What the settings of a method's run are where nobody says anything, by dotted path."""
    usual = RunConfig().model_dump(mode="json", exclude=set(_NOT_THE_METHOD))
    usual["sampling"] = asdict(load_method(method).Config()) if method in method_names() else {}
    return dict(_leaves(usual))


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name, shown_value(value)


def shown_value(value: object) -> str:
    """The value of a setting as names of arms show it."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, (list, tuple)):
        return ",".join(map(shown_value, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
