"""Recipes of trainings with settings on top, by dotted path: `--set generator.texture=[64,64,48]`."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict
from typing import Any, TypeVar

from pydantic import ValidationError

from tasks.errors import RefusedError
from tasks.specs import adapter_of, did_you_mean
from tasks.sweep_spec import leaves

R = TypeVar("R")
_SHARES = frozenset({"ema", "style_mixing", "caption_dropout", "masked_share", "nested_share"})
_DECAYS = frozenset({"beta", "betas"})
"""Numbers from 0 to 1, and below 1, by the last part of their path."""
_MOST = 2**64 - 1
"""Of all others: what random generators take as a seed, and more than any count or weight is."""


def plain(recipe: Any) -> dict[str, Any]:
    """A recipe, a frozen dataclass of numbers, texts and others such, as plain values."""
    found: dict[str, Any] = json.loads(json.dumps(asdict(recipe)))
    return found


def with_recipe_settings(recipe: R, settings: Mapping[str, object]) -> R:
    """A recipe with settings on top, by dotted path or in groups; types are those of what they take the place of.

    Raises RefusedError: an unknown path with all that there are, a value of another type or out of its range, and what
    the recipe itself refuses.
    """
    tree, known, wanted = plain(recipe), dict(leaves(plain(recipe))), dict(leaves(settings))
    for path, value in wanted.items():
        if path not in known:
            raise RefusedError(f"There is no setting {path!r} of a training. {_named(path, known)}")
        *groups, last = path.split(".")
        _inside(tree, groups)[last] = value
    kind: Any = type(recipe)
    try:  # as JSON, where a list is a tuple and nothing else turns into what it is not
        found: R = adapter_of(kind).validate_json(json.dumps(tree), strict=True)
    except ValidationError as error:
        raise RefusedError(_in_words(error, known)) from error
    for path in wanted:
        _check_numbers(path, dict(leaves(plain(found)))[path])
    return found


def settings_beside(recipe: Any, usual: Any, *, without: Collection[str] = ()) -> list[str]:
    """The settings that make a recipe of the usual one, as texts `path=value` that a shell passes on."""
    before, after = dict(leaves(plain(usual))), dict(leaves(plain(recipe)))
    changed = {path: value for path, value in after.items() if path not in without and before.get(path) != value}
    return [shlex.quote(f"{path}={_written(value)}") for path, value in changed.items()]


def _inside(tree: dict[str, Any], groups: list[str]) -> dict[str, Any]:
    for name in groups:
        tree = tree[name]
    return tree


def _named(path: str, known: Collection[str]) -> str:
    """The nearest name, then all that there are."""
    near, every = did_you_mean(path, list(known)), f"There are: {', '.join(known)}."
    return f"{near} {every}" if near.startswith("Did") else every


def _written(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _in_words(error: ValidationError, known: Mapping[str, object]) -> str:
    """The first fault as a sentence."""
    first = error.errors(include_url=False)[0]
    path = ".".join(map(str, first["loc"]))
    if first["type"] == "value_error":  # of values that do not go together
        said = str(first["ctx"]["error"])
        return f"The settings of {path} were refused: {said}" if path else said
    whole = next((name for name in known if path == name or path.startswith(f"{name}.")), path)
    like = f", as {_written(known[whole])}" if whole in known else ""
    expected = first["msg"][0].lower() + first["msg"][1:]
    return f"The setting {path} was refused: {expected}{like}; got {str(first['input'])[:80]!r}."


def _check_numbers(path: str, value: object) -> None:
    """Raise RefusedError for a number that no recipe can have."""
    most, words = _most(path.rpartition(".")[2])
    for number in _numbers(value):
        if not 0 <= number <= most:  # what is no number at all, too
            got = f"{number:g}" if isinstance(number, float) else str(number)[:80]
            raise RefusedError(f"The setting {path} was refused: expected a number from 0 to {words}; got {got}.")


def _most(name: str) -> tuple[float, str]:
    """The largest value that a number of this name can have, and how it is called."""
    if name in _DECAYS:
        return math.nextafter(1, 0), "below 1"
    return (1, "1") if name in _SHARES else (_MOST, "2^64 - 1")


def _numbers(value: object) -> Iterator[float]:
    if isinstance(value, list):
        for one in value:
            yield from _numbers(one)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value
