"""A sweep as a flow is given it: by name, by file, or as itself; with other stories or seeds where they are named."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pydantic import TypeAdapter

from evaluation.presets import PRESETS
from prompts import Story
from tasks.errors import RefusedError
from tasks.sweep_spec import Seeds, SweepSpec, find_stories, read_spec, spec_of


def given_sweep(
    sweep: SweepSpec | str, stories: Iterable[str | Story] = (), seeds: object = ()
) -> tuple[SweepSpec, tuple[Story, ...]]:
    """The sweep, and the stories that it is about. Raises RefusedError or StoryError for what is not there."""
    spec, folder = read_spec(sweep) if isinstance(sweep, str) else (completed(sweep), Path())
    told = [*stories]
    if seeds:
        spec = spec.model_copy(update={"seeds": TypeAdapter(Seeds).validate_python(seeds)})
    named = find_stories((one for one in told if isinstance(one, str)), Path() if told else folder)
    if not told:
        return spec, find_stories(spec.stories, folder)
    return spec, (*named, *(one for one in told if isinstance(one, Story)))


def completed(sweep: SweepSpec) -> SweepSpec:
    """A sweep with what its preset says where it says nothing itself. Raises RefusedError for an unknown preset."""
    if sweep.preset is None:
        return sweep
    if sweep.preset not in PRESETS:
        raise RefusedError(f"There is no preset {sweep.preset!r:.60} of sweeps. Known are: {', '.join(PRESETS)}.")
    own = sweep.model_dump(exclude_unset=True)
    usual = spec_of(PRESETS[sweep.preset]).model_dump()
    if {"arms", "grid", "zip"} & own.keys():  # other arms than the preset's have another baseline
        usual.pop("baseline")
    return SweepSpec.model_validate({**usual, **own})
