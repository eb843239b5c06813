"""What a batch asks for: stories or wishes, by methods and seeds, under one configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from prompts.errors import StoryError
from prompts.json_reader import read_json
from prompts.yaml_reader import read_yaml
from tasks.errors import RefusedError
from tasks.specs import RunConfig, Spec, with_values
from tasks.sweep_spec import MAX_BYTES, Seeds, in_words, leaves

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
    path = Path(name)
    try:
        content = path.read_bytes()[: MAX_BYTES + 1]
        text = content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise RefusedError(f"{name!r} cannot be read as a batch: {error}. Give a YAML or JSON file.") from error
    if len(content) > MAX_BYTES:
        raise RefusedError(f"{name} is larger than {MAX_BYTES // 1024} KB, which no batch needs.")
    root, problems = (read_json if path.suffix == ".json" else read_yaml)(text, name)
    if problems:
        raise StoryError(problems, name)
    return parse_batch(root.plain(), name, path.stem), path.parent


def parse_batch(value: object, source: str, title: str = "Batch") -> BatchSpec:
    """A batch from plain values. Raises RefusedError: the entry, what was expected, what came."""
    if not isinstance(value, dict):
        raise RefusedError(f"{source}: a batch is a mapping with title, stories, methods, seeds, config and settings.")
    try:
        return BatchSpec.model_validate({"title": title, **value})
    except ValidationError as error:
        raise RefusedError(f"{source}: {in_words(error, 'batch', BatchSpec.model_fields)}") from error


def is_batch_file(value: object) -> bool:
    """Whether plain values of a file are a batch's and not a story's, which has levels."""
    return isinstance(value, dict) and "stories" in value and "levels" not in value
