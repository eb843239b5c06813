"""What deployments may be called with, as types whose JSON schemas let the server refuse the rest before scheduling.

A schema knows every setting, its type and its bounds, and the names of all methods and presets. What only the whole of
a run can tell, as a method's own conditions, is refused by `tasks.plan.prepare` when the run begins.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, GetJsonSchemaHandler, TypeAdapter
from pydantic_core import CoreSchema

from evaluation.presets import PRESETS
from prompts import Story
from prompts.request import PlanRequest
from tasks.presets import presets
from tasks.specs import RunConfig, setting_paths
from tasks.sweep_spec import MAX_SEEDS, SweepSpec
from zoomlib.methods import load_method, method_names

Schema = dict[str, Any]
_SAMPLING = "sampling"
_FOR_PEOPLE = ("title", "description", "default")
_SEEDS = r"^[\s,]*\d+(-\d+)?\s*(,\s*(\d+(-\d+)?\s*)?)*$"


class _Told:
    """Changes the JSON schema of an annotated type."""

    def __init__(self, change: Callable[[Schema], None]) -> None:
        self.change = change

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> Schema:
        schema = handler(core)
        self.change(handler.resolve_ref_schema(schema))
        return schema


def _close_config(schema: Schema) -> None:
    """Name all methods and presets, and what methods can be told."""
    properties = schema["properties"]
    properties["method"]["enum"] = list(method_names())
    properties["preset"]["enum"] = [None, *(preset.name for preset in presets())]
    properties[_SAMPLING] |= method_settings()


def _close_settings(schema: Schema) -> None:
    schema |= deepcopy(known_settings())


def _close_sweep(schema: Schema) -> None:
    """Give a sweep's settings their schemas, and every form its entries can be written in."""
    properties, settings = schema["properties"], deepcopy(known_settings())
    lists = {path: {"type": "array", "items": value, "minItems": 1} for path, value in settings["properties"].items()}
    several = {"type": "object", "properties": lists, "additionalProperties": False}
    properties["preset"]["enum"] = [None, *PRESETS]
    properties["seeds"] = seeds_schema()
    properties["grid"] |= several
    properties["zip"] |= several
    names = {"type": "array", "items": {"enum": list(method_names())}}
    properties["arms"] = {"anyOf": [names, {"type": "object", "additionalProperties": nested_settings()}]}
    properties["base"] |= nested_settings()


def _tell_apart(schema: Schema) -> None:
    """Judge a mapping with a list of levels as a story, others as a wish: the reason is then of what was meant."""
    story, wish, text = schema.pop("anyOf")
    is_story = {"required": ["levels"], "properties": {"levels": {"type": "array"}}}
    schema |= {"if": {"type": "object"}, "then": {"if": is_story, "then": story, "else": wish}}
    schema["else"] = text | {"minLength": 1}


Config = Annotated[RunConfig, _Told(_close_config)]
Settings = Annotated[dict[str, Any], _Told(_close_settings)]
Told = Annotated[Story | PlanRequest | str, _Told(_tell_apart)]
Root = str | Path
Stories = Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)]
Some = Annotated[int, Field(ge=1, le=64)]
Method = Annotated[str, _Told(lambda schema: schema.update(enum=list(method_names())))]
Seeds = Annotated[
    int | str | list[Annotated[int, Field(ge=0, lt=2**63)]], _Told(lambda schema: schema.update(seeds_schema()))
]
Sweep = Annotated[SweepSpec, _Told(_close_sweep)] | str
Seconds = Annotated[float, Field(gt=0, le=30 * 86400)]


def seeds_schema() -> Schema:
    """Seeds as `tasks.sweep_spec.parse_seeds` reads them: a count, a text, or a list."""
    seed = {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}
    count, text = {"type": "integer", "minimum": 1, "maximum": MAX_SEEDS}, {"type": "string", "pattern": _SEEDS}
    return {"anyOf": [{"type": "array", "items": seed}, count, text]}


@lru_cache(maxsize=1)
def known_settings() -> Schema:
    """The schema of settings by dotted path, as `film.fps` or `sampling.steps`."""
    usual = TypeAdapter(Config).json_schema()
    paths = {path: _at(usual, path.split(".")) for path in setting_paths()}
    inner = {f"{_SAMPLING}.{name}": schema for name, schema in method_settings()["properties"].items()}
    return {"type": "object", "properties": {**paths, **inner}, "additionalProperties": False}


def nested_settings() -> Schema:
    """The schema of settings by dotted path or in groups, as `film: {fps: 24}`."""
    usual = TypeAdapter(Config).json_schema()
    groups = {path.partition(".")[0] for path in setting_paths() if "." in path}
    plain = {name: _plain(usual["properties"][name], usual["$defs"]) for name in sorted(groups)}
    settings = deepcopy(known_settings())
    return settings | {"properties": {**settings["properties"], **plain}}


@lru_cache(maxsize=1)
def method_settings() -> Schema:
    """The schema of what any of the methods can be told in `sampling`."""
    found: dict[str, list[Schema]] = {}
    for name in method_names():
        schema = TypeAdapter(load_method(name).Config).json_schema()
        for setting, value in schema["properties"].items():
            form = _plain(value, schema.get("$defs", {}))
            if form not in found.setdefault(setting, []):
                found[setting].append(form)
    either = {name: forms[0] if len(forms) == 1 else {"anyOf": forms} for name, forms in sorted(found.items())}
    return {"type": "object", "properties": either, "additionalProperties": False}


def _at(schema: Schema, path: list[str]) -> Schema:
    """The part of an object's schema that a path leads to, standing alone."""
    definitions, found = schema["$defs"], schema
    for name in path:
        found = _resolved(found, definitions)["properties"][name]
    alone: Schema = _plain(found, definitions)
    return alone


def _resolved(schema: Schema, definitions: Schema) -> Schema:
    name = schema.get("$ref", "").rpartition("/")[2]
    return definitions[name] if name else schema


def _plain(value: Any, definitions: Schema) -> Any:
    """A schema without words for people, and with what it refers to written where it is meant; there are no circles."""
    if isinstance(value, list):
        return [_plain(item, definitions) for item in value]
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("$ref"), str):
        return _plain(_resolved(value, definitions), definitions)
    kept = {key: _plain(item, definitions) for key, item in value.items() if key not in (*_FOR_PEOPLE, "properties")}
    inner = {name: _plain(item, definitions) for name, item in value.get("properties", {}).items()}
    return kept | ({"properties": inner} if "properties" in value else {})
