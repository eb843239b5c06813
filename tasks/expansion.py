"""What a sweep asks for, as plain configurations: a pure function, the same for every way of making them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prompts import Story
from tasks.errors import RefusedError
from tasks.specs import RunConfig, with_values
from tasks.sweep_spec import SweepSpec
from tasks.variants import shown_value, variant_of

MAX_RUNS = 20_000


@dataclass(frozen=True)
class SweepPoint:
    """A run that a sweep asks for."""

    arm: str
    story: Story
    seed: int
    config: RunConfig

    def __str__(self) -> str:
        return f"{self.arm}, {self.story.title}, seed {self.seed}"


def expand(spec: SweepSpec, stories: Sequence[Story], values: Mapping[str, object] | None = None) -> list[SweepPoint]:
    """The runs that a sweep asks for: seeds outermost, then stories, then arms in their order.

    So a sweep that is stopped half way has compared all arms on what it has. values: settings by dotted path for every
    run, such as those of a command line; they may not contradict an arm's own. Pure. Raises RefusedError for a setting
    that is unknown or set twice, and for more than MAX_RUNS runs.
    """
    arms = list(_arms(spec))
    if len(arms) * len(stories) * len(spec.seeds) > MAX_RUNS:
        raise RefusedError(
            f"{len(arms)} arms on {len(stories)} stories and {len(spec.seeds)} seeds are more than {MAX_RUNS:,} runs. "
            "Make several sweeps of it."
        )
    common = {**spec.base, **(values or {})}
    for name, settings in arms:
        twice = sorted(settings.keys() & (values or {}).keys())
        if twice:
            raise RefusedError(
                f"{twice[0]} is what arms of this sweep differ in ({name} has "
                f"{_word(settings[twice[0]])}), so that it cannot be set for all."
            )
    configs = [_config({**common, **settings}, name) for name, settings in arms]
    named = [name or variant_of(config) for (name, _), config in zip(arms, configs, strict=True)]
    _refuse_namesakes(named, configs)
    return [
        SweepPoint(name, story, seed, config.model_copy(update={"seed": seed}))
        for seed, story in itertools.product(spec.seeds, stories)
        for name, config in zip(named, configs, strict=True)
    ]


def _arms(spec: SweepSpec) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and own settings of every arm; the name is empty for one that differs in nothing."""
    zipped = [dict(zip(spec.zip, values, strict=True)) for values in zip(*spec.zip.values(), strict=True)] or [{}]
    crossed = [dict(zip(spec.grid, values, strict=True)) for values in itertools.product(*spec.grid.values())]
    for (name, settings), cell, row in itertools.product((spec.arms or {"": {}}).items(), crossed, zipped):
        _refuse_twice(name, settings, cell, row)
        varied = {**cell, **row}
        words = [f"{path.removeprefix('sampling.')}={_word(value)}" for path, value in varied.items()]
        yield " ".join(filter(None, [name, *words])), {**settings, **varied}


def _word(value: object) -> str:
    text = shown_value(value)
    return repr(value) if isinstance(value, float) and float(text) != value else text


def _refuse_namesakes(names: Sequence[str], configs: Sequence[RunConfig]) -> None:
    seen: dict[str, RunConfig] = {}
    for name, config in zip(names, configs, strict=True):
        if seen.setdefault(name, config) != config:
            raise RefusedError(f"Two different arms would both be called {name!r}. Name them under `arms:`.")


def _refuse_twice(arm: str, *settings: Mapping[str, object]) -> None:
    seen: set[str] = set()
    for one in settings:
        if twice := sorted(seen & one.keys()):
            where = f"arm {arm!r}, grid and zip" if arm else "grid and zip"
            raise RefusedError(f"{twice[0]} is set twice among {where}. Leave it in one of them.")
        seen |= one.keys()


def _config(values: Mapping[str, object], arm: str) -> RunConfig:
    if "seed" in values:
        raise RefusedError("seed is not a setting of a sweep's arms: name seeds, as `seeds: [0, 1, 2]` or --seeds 3.")
    try:
        return with_values(RunConfig(), values)
    except RefusedError as error:
        raise RefusedError(f"Arm {arm!r}: {error}" if arm else str(error)) from error
