"""What a batch asks for: stories or wishes, by methods and seeds, under one configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from prompts.errors import StoryError
from tasks.errors import RefusedError
from tasks.spec_files import fault_of, read_values
from tasks.specs import RunConfig, Spec, with_values
from tasks.sweep_spec import Seeds, leaves

FILES = (".yaml", ".yml", ".json")


class BatchSpec(Spec):
    """Every story by every method with every seed.

    stories: ready names, files, folders of files, patterns such as `more/*.yaml`, or wishes in words. methods, seeds:
    where none is named, those of the configuration. settings: by dotted path, on top of `config`.
    """

    title: str = Field(default="Batch", min_length=1, max_length=200)
    stories: tuple[str, ...] = Field(min_length=1)
    methods: tuple[str, ...] = ()
    seeds: Seeds = ()
    config: RunConfig = RunConfig()
    settings: dict[str, Any] = Field(default_factory=dict)

    def configured(self) -> RunConfig:
        """The configuration of all its runs, before methods and seeds. Raises RefusedError for settings it lacks, and
        for those that methods and seeds say already."""
        settings = dict(leaves(self.settings))
        for name, several in (("method", self.methods), ("seed", self.seeds)):
            if several and name in settings:
                raise RefusedError(f"{name} is set, and so is {name}s. Leave one of them out.")
        return with_values(self.config, settings)


def read_batch(name: str) -> tuple[BatchSpec, Path]:
    """A batch's file by its path, and the folder that its stories are looked up from.

    Raises RefusedError with every fault that the file's text has, StoryError for a text that is neither YAML nor JSON.
    """
    try:
        values = read_values(name, "batch")
    except FileNotFoundError as error:
        raise RefusedError(f"There is no batch's file {name!r}. Give a YAML or JSON file.") from error
    return parse_batch(values, name, Path(name).stem), Path(name).parent


def parse_batch(value: object, source: str, title: str = "Batch") -> BatchSpec:
    """A batch from plain values. Raises RefusedError: the entry, what was expected, what came."""
    if not isinstance(value, dict):
        raise RefusedError(f"{source}: a batch is a mapping with title, stories, methods, seeds, config and settings.")
    try:
        return BatchSpec.model_validate({"title": title, **value})
    except ValidationError as error:
        raise RefusedError(f"{source}: {fault_of(error, 'batch', BatchSpec.model_fields)}") from error


def is_batch_file(name: str) -> bool:
    """Whether the name is that of a batch's file and not of a story's, which has levels; one that cannot be read is
    left to those who read stories."""
    path = Path(name)
    if path.suffix.lower() not in FILES or not path.is_file():
        return False
    try:
        value = read_values(name, "batch")
    except (OSError, RefusedError, StoryError):
        return False
    return isinstance(value, dict) and "stories" in value and "levels" not in value
