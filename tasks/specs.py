"""The configuration of a run: frozen values, composed once, unknown keys refused.

What belongs to the story (prompts, p, focus, style) is not here; what belongs to a sampling method (steps, eta,
blending) is declared by the method itself in `zoomlib.methods` and travels in `RunConfig.sampling`.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from tasks.compose_spec import ComposeSpec
from tasks.enlarge_spec import EnlargeSpec
from tasks.errors import RefusedError
from tasks.film_spec import FilmSpec
from tasks.model_spec import ModelSpec
from tasks.plan_spec import PlanSpec
from tasks.presets import preset_of
from tasks.seeds import Seed


class Spec(BaseModel):
    """Base of the configuration's parts."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, coerce_numbers_to_str=True)


class GuidanceSpec(Spec):
    """Classifier-free guidance; scale 1 is none. What is null follows from the model."""

    scale: Annotated[float, Field(ge=1, le=50)] | None = Field(default=None, description="the model's own when null")
    rescale: Annotated[float, Field(ge=0, le=1)] | None = Field(
        default=None,
        description="share of the conditional estimate's contrast to go back to; the model's own when null",
    )
    clamp: bool | Literal["dynamic"] | None = Field(
        default=None, description="keep estimates in [-1, 1], dynamic by arXiv 2205.11487; null: as the model needs"
    )


class ScoreSpec(Spec):
    """Which scorer reads the levels against their prompts, and what else is measured."""

    scorer: str = Field(default="bundled", min_length=1, description="bundled, none, a folder, or an open_clip name")
    measures: tuple[str, ...] = Field(default=(), description="further measures, as clip_iqa or lpips:FILE")
    video: bool = Field(default=True, description="measure the film's speed, flicker and level changes")

    @field_validator("measures", mode="before", json_schema_input_type=tuple[str, ...] | str)
    @classmethod
    def _one_is_a_list(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value


class VisionSpec(Spec):
    """A vision model that writes prompts by looking, for methods that can use one; its key is in the environment."""

    model: str | None = Field(default=None, description="its name at the service; TENFOLD_VISION_MODEL when null")
    base_url: str | None = Field(default=None, description="the service's address; the client's own default when null")
    timeout_s: float = Field(default=60, ge=1, le=600)
    retries: int = Field(default=3, ge=0, le=10)

    @field_validator("base_url")
    @classmethod
    def _without_password(cls, value: str | None) -> str | None:
        if value is not None and "@" in value:  # the configuration is written to the run's folder
            raise ValueError("an address without name and password; the key is read from OPENAI_API_KEY")
        return value


class BaseSpec(Spec):
    """A finished run whose levels this one keeps; written by `tasks.continuation`."""

    run: str = Field(min_length=1, description="its id")
    levels: tuple[Annotated[int, Field(ge=0)] | None, ...] = Field(
        description="for each level of this run the base's that is kept, or null where one is to be made"
    )
    open: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        default=(), description="kept levels of this run whose windows may come to show something else"
    )
    sampled: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = Field(
        default=None, description="SHA-256 of the base's sampled levels in the store; null where no level is named"
    )
    stack: tuple[str, ...] = Field(default=(), description="SHA-256 of the base's finished pictures")


class RunConfig(Spec):
    """Everything of a run that is not the story. Every field has a default that works."""

    preset: str | None = Field(default=None, description="a kind of machine; fills in what nobody has said")
    method: str = Field(default="joint", min_length=1)
    sampling: dict[str, Any] = Field(default_factory=dict, description="the method's own settings, e.g. steps, eta")
    seed: Seed = 0
    p: float | None = Field(default=None, description="zoom factor from level to level; the story's own when null")
    style: str | None = Field(
        default=None,
        max_length=1000,
        description="a style's name, or words, in the place of the story's; none for no style",
    )
    photo: Path | None = Field(
        default=None, description="picture to start from, the widest level or the deepest as the method needs"
    )
    base: BaseSpec | None = Field(default=None, description="the finished run that this one continues")
    compose: ComposeSpec | None = Field(
        default=None, description="the pictures that this run is made of; written by `tenfold compose`"
    )
    model: ModelSpec = ModelSpec()
    guidance: GuidanceSpec = GuidanceSpec()
    enlarge: EnlargeSpec = EnlargeSpec()
    film: FilmSpec = FilmSpec()
    scores: ScoreSpec = ScoreSpec()
    vision: VisionSpec = VisionSpec()
    plan: PlanSpec = PlanSpec()

    @field_validator("p", mode="before")
    @classmethod
    def _plain_number(cls, value: object) -> object:
        if isinstance(value, bool):
            raise ValueError("expected a number")
        return value


@lru_cache(maxsize=64)
def adapter_of(kind: type) -> TypeAdapter[Any]:
    """What validates values of a type, such as a method's settings; making it takes longer than many validations."""
    return TypeAdapter(kind)


def parse_config(value: object) -> RunConfig:
    """A configuration from plain values. Raises RefusedError: the setting, what came, what was expected."""
    try:
        return RunConfig.model_validate(value)
    except ValidationError as error:
        raise RefusedError(in_words(error)) from error


def with_settings(config: RunConfig, settings: Iterable[str]) -> RunConfig:
    """The configuration with `path.to.key=value` settings on top, later ones winning.

    A value is read as JSON (24, 0.5, true, null, [1, 2]) or else as text. Raises RefusedError for an unknown path
    (with the nearest known one), a missing `=`, or a value that the field refuses.
    """
    return with_values(config, read_settings(settings))


def read_settings(settings: Iterable[str]) -> dict[str, object]:
    """Values by dotted path, from the texts that `with_settings` takes."""
    values = {}
    for setting in settings:
        path, separator, text = setting.partition("=")
        if not separator or not path.strip():
            raise RefusedError(f"Expected a setting of the form path.to.key=value, got {setting!r}.")
        values[path.strip()] = _value(text)
    return values


def with_values(config: RunConfig, values: Mapping[str, object]) -> RunConfig:
    """The configuration with values by dotted path on top; raises RefusedError as `with_settings`.

    A value of `preset` brings that preset's settings, below everything that differs from the defaults already.
    """
    tree = config.model_dump(mode="python")
    if values.get("preset") is not None:
        _fill(tree, preset_of(values["preset"]).settings)
    for path, value in values.items():
        _put(tree, path.split("."), value)
    return parse_config(tree)


def setting_paths() -> list[str]:
    """Every dotted path that `with_settings` knows (a method's own settings are added below `sampling.`)."""
    return _paths(RunConfig, "")


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """The remedy for an unknown name: the nearest known one, or all of them when they are few."""
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    tail = [path for path in known if path.rpartition(".")[2] == name.rpartition(".")[2]]
    if nearest or tail:
        return f"Did you mean {(tail or nearest)[0]}?"
    return f"Known are: {', '.join(known)}." if known else "There are none."


def _paths(spec: type[BaseModel], prefix: str) -> list[str]:
    found: list[str] = []
    for name, field in spec.model_fields.items():
        inner = field.annotation
        is_part = isinstance(inner, type) and issubclass(inner, BaseModel)
        found += _paths(inner, f"{prefix}{name}.") if is_part else [prefix + name]  # type: ignore[arg-type]
    return found


def _fill(tree: dict[str, Any], settings: Mapping[str, object]) -> None:
    """Put settings where the tree has what it has by default."""
    usual = RunConfig().model_dump(mode="python")
    for path, value in settings.items():
        steps = path.split(".")
        if _at(tree, steps) == _at(usual, steps):
            _put(tree, steps, value)


def _at(tree: Any, path: list[str]) -> object:
    for name in path:
        tree = tree.get(name) if isinstance(tree, Mapping) else None
    return tree


def _put(tree: dict[str, Any], path: list[str], value: object) -> None:
    dotted = ".".join(path)
    is_method_setting = path[0] == "sampling" and len(path) > 1
    if not is_method_setting and dotted not in setting_paths():
        raise RefusedError(f"There is no setting {dotted!r}. {did_you_mean(dotted, setting_paths())}")
    for name in path[:-1]:
        tree = tree.setdefault(name, {})
        if not isinstance(tree, dict):
            raise RefusedError(f"There is no setting {dotted!r}: {name} is a value and holds no others.")
    tree[path[-1]] = value


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text


def in_words(error: ValidationError, prefix: str = "") -> str:
    """The first fault of a configuration as a sentence; `prefix` goes before the setting's path."""
    first = error.errors(include_url=False)[0]
    if not first["loc"] and first["type"] == "value_error":  # a method's own check, which names setting and remedy
        return str(first["ctx"]["error"])
    path = prefix + ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        return f"There is no setting {path!r}. {did_you_mean(path, setting_paths())}"
    if first["type"] == "value_error" and isinstance(first["input"], Mapping):  # of settings that do not go together
        return f"The settings of {path} were refused: {first['ctx']['error']}."
    got = repr(first["input"])
    message = first["msg"].removeprefix("Value error, ")
    expected = message[0].lower() + message[1:]
    return f"The setting {path or 'configuration'} was refused: {expected}; got {got[:80]}."
