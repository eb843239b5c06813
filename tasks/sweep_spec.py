"""What a sweep asks for: stories, seeds, and the arms that are to be compared; read from a file or a preset."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError, field_validator

import prompts
from evaluation.presets import PRESETS, Preset
from prompts import Story
from tasks.errors import RefusedError
from tasks.seeds import EXPECTED, MAX_SEED, Seed
from tasks.spec_files import fault_of, read_values
from tasks.specs import Spec, did_you_mean

MAX_SEEDS = 10_000
STORY_FILES = (".yaml", ".yml", ".json")
PRESET_STORIES = ("cosmic-leaf", "whole-ladder", "star-island", "autumn-crystal")
"""In the words of the bundled model: those of a preset where none are named."""
PRESET_SEEDS = (0, 1, 2)

Settings = dict[str, Any]


def _counted(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("expected a count or a list of seeds")
    if isinstance(value, int):
        return range(_fewer(value))
    return parse_seeds(value) if isinstance(value, str) else value


Seeds = Annotated[tuple[Seed, ...], BeforeValidator(_counted, json_schema_input_type=int | str | list[Seed])]
"""Seeds as people give them: a count, a text that `parse_seeds` takes, or a list."""


class SweepSpec(Spec):
    """A sweep. Every combination of an arm, a point of the grid and one of `zip` is compared on all stories and seeds.

    base, arms: settings by dotted path. grid: by dotted path the values to combine with all others. zip: by dotted path
    lists of one length, whose values belong together. baseline: the name of the arm that others are compared with.
    scores: those that decide, in order. What is not given is a preset's where one is named.
    """

    title: str = Field(min_length=1, max_length=200)
    preset: str | None = None
    stories: tuple[str, ...] = ()
    seeds: Seeds = (0,)
    base: Settings = Field(default_factory=dict)
    arms: dict[str, Settings] = Field(default_factory=dict)
    grid: dict[str, list[Any]] = Field(default_factory=dict)
    zip: dict[str, list[Any]] = Field(default_factory=dict)
    baseline: str | None = None
    scores: tuple[str, ...] = ()

    @field_validator("arms", mode="before")
    @classmethod
    def _named(cls, value: object) -> object:
        """A list of methods will do."""
        if isinstance(value, list) and all(isinstance(name, str) for name in value):
            return {name: {"method": name} for name in value}
        return value

    @field_validator("base", "arms", mode="after")
    @classmethod
    def _flat(cls, value: Settings, info: Any) -> Settings:
        """Nested settings as dotted paths."""
        if info.field_name == "base":
            return dict(leaves(value))
        return {name: dict(leaves(settings)) for name, settings in value.items()}

    @field_validator("arms", mode="after")
    @classmethod
    def _readable(cls, value: Settings) -> Settings:
        for name in value:
            if not name.strip() or not name.isprintable() or len(name) > 120:
                raise ValueError(f"expected names of up to 120 printable characters for arms, and {name[:40]!r} came")
        return value

    @field_validator("grid", "zip", mode="after")
    @classmethod
    def _filled(cls, value: dict[str, list[Any]]) -> dict[str, list[Any]]:
        if empty := [path for path, values in value.items() if not values]:
            raise ValueError(f"expected at least one value of {empty[0]}")
        return value

    @field_validator("zip", mode="after")
    @classmethod
    def _even(cls, value: dict[str, list[Any]]) -> dict[str, list[Any]]:
        if len({len(values) for values in value.values()}) > 1:
            lengths = ", ".join(f"{path} {len(values)}" for path, values in value.items())
            raise ValueError(f"expected lists of one length, and they have: {lengths}")
        return value


def parse_seeds(text: str) -> tuple[int, ...]:
    """Seeds from text: "3" are the first three (0, 1, 2), "0,7" those two, "5," that one, "3-5" three in a row.

    Raises RefusedError for others.
    """
    if re.fullmatch(r"\s*\d{1,9}\s*", text):
        return tuple(range(_fewer(int(text))))
    found: list[int] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        if not (bounds := re.fullmatch(r"(\d{1,20})(?:-(\d{1,20}))?", part)):
            raise RefusedError(f"Expected seeds as a count (3), a list (0,7) or a range (3-5), got {text[:40]!r}.")
        first, last = int(bounds[1]), int(bounds[2] or bounds[1])
        if last > MAX_SEED:
            raise RefusedError(f"The seeds {part} were refused: {EXPECTED}.")
        found += range(first, first + _fewer(last - first + 1))
    if not found:
        raise RefusedError("Expected at least one seed, as --seeds 3 for the first three.")
    return tuple(dict.fromkeys(found))


def _fewer(count: int) -> int:
    if not 1 <= count <= MAX_SEEDS:
        raise RefusedError(f"Expected 1 to {MAX_SEEDS} seeds, got {count}.")
    return count


def leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested settings as dotted paths and their values."""
    for name, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def read_spec(name: str) -> tuple[SweepSpec, Path]:
    """A preset by its name, or a sweep's file by its path; and the folder that its stories are looked up from.

    Raises RefusedError with every fault that the file's text has, StoryError for a text that is neither YAML nor JSON.
    """
    if name in PRESETS:
        return spec_of(PRESETS[name]), Path()
    try:
        values = read_values(name, "sweep")
    except FileNotFoundError as error:
        known = did_you_mean(name, [*PRESETS])
        raise RefusedError(f"There is no sweep file {name!r}, and no preset of this name. {known}") from error
    return parse_spec(values, name, Path(name).stem), Path(name).parent


def spec_of(preset: Preset) -> SweepSpec:
    """A preset as a sweep."""
    return SweepSpec(
        title=preset.title,
        preset=preset.name,
        stories=PRESET_STORIES,
        seeds=PRESET_SEEDS,
        arms={arm.name: arm.values for arm in preset.arms},
        baseline=preset.baseline,
        scores=preset.scores,
    )


def parse_spec(value: object, source: str, title: str) -> SweepSpec:
    """A sweep from plain values. Raises RefusedError: the entry, what was expected, what came."""
    if not isinstance(value, dict):
        raise RefusedError(f"{source}: a sweep is a mapping with title, stories, seeds, base, arms, grid and zip.")
    preset = value.get("preset")
    if preset is not None and preset not in PRESETS:
        raise RefusedError(f"{source}: there is no preset {preset!r:.60}. {did_you_mean(str(preset), [*PRESETS])}")
    defaults = {"title": title} if preset is None else spec_of(PRESETS[preset]).model_dump()
    if {"arms", "grid", "zip"} & value.keys():  # other arms than the preset's have another baseline
        defaults.pop("baseline", None)
    try:
        return SweepSpec.model_validate({**defaults, **value})
    except ValidationError as error:
        raise RefusedError(f"{source}: {fault_of(error, 'sweep', SweepSpec.model_fields)}") from error


def find_stories(names: Iterable[str], folder: Path = Path()) -> tuple[Story, ...]:
    """The stories of ready names, files, folders of files, and patterns such as `more/*.yaml`, each story once.

    Paths are looked up from `folder`. Raises StoryError for a file that is no story, RefusedError for a name that leads
    nowhere and for two different stories of one title, which tables would mix.
    """
    found: dict[str, tuple[Story, str]] = {}
    for name in names:
        for place in places_of(name, folder):
            story = prompts.load_story(place)
            before = found.setdefault(story.title, (story, place))
            if before[0] != story:
                raise RefusedError(
                    f"{before[1]} and {place} are different stories of one title, {story.title!r}: a comparison could "
                    "not tell them apart. Give one of them another title."
                )
    return tuple(story for story, _ in found.values())


def places_of(name: str, folder: Path) -> list[str]:
    """What `prompts.load_story` takes, for one name. Raises RefusedError for one that leads nowhere."""
    if name in prompts.names():
        return [name]
    if "\0" in name or not name.strip():
        raise RefusedError(f"Expected the name of a story, a file, a folder or a pattern, got {name!r:.60}.")
    path = folder / name
    if path.is_dir():
        inside = sorted(file for file in path.iterdir() if file.suffix in STORY_FILES and file.is_file())
        return _some(inside, f"The folder {path} holds no story files ({', '.join(STORY_FILES)}).")
    if path.is_file() or not any(letter in name for letter in "*?["):
        return [str(path)]
    start = Path(path.anchor)
    try:
        matching = sorted(file for file in start.glob(str(path.relative_to(start))) if file.is_file())
    except (ValueError, NotImplementedError) as error:
        raise RefusedError(f"The pattern {name!r} of stories cannot be used: {error}.") from error
    return _some(matching, f"No file matches the pattern {str(path)!r}.")


def _some(files: list[Path], otherwise: str) -> list[str]:
    if not files:
        raise RefusedError(f"{otherwise} Name ready stories or story files.")
    return [f"./{file}" if not file.is_absolute() else str(file) for file in files]
