"""The data files of the ladder to things: read, filled in, checked against each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from prompts import checks
from prompts.errors import brief, shown
from prompts.scales.thing import Thing

ROOT = "observable-universe"
SOURCES = "sources.yaml"
DOMAINS = (
    "cosmos", "earth", "city", "plants", "animals", "body", "machines", "micro", "materials", "matter",
)  # fmt: skip
USUAL_RANGE = 3.0  # a thing without a range is met from a third of its size to three times it
SHOWN = 12  # faults that the message lists
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast where PyYAML was built with libyaml


class LadderError(ValueError):
    """The ladder's data is faulty. `faults` are sentences: file, line, entry, what is wrong, what to do."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__(self.faults)  # as args, so that the error survives pickling between processes

    def __str__(self) -> str:
        more = [f"and {len(self.faults) - SHOWN} more."] if len(self.faults) > SHOWN else []
        return "\n".join(["The ladder's data is faulty:", *(f"- {line}" for line in (*self.faults[:SHOWN], *more))])


class Source(BaseModel):
    """A work in which a size can be looked up."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    author: str
    title: str
    year: int

    def __str__(self) -> str:
        return f"{self.author}: {self.title} ({self.year})"


@dataclass(frozen=True)
class Entry:
    """A thing as read, and where it stands, for messages."""

    place: str
    thing: Thing


def read_folder(folder: Path) -> tuple[tuple[Thing, ...], dict[str, Source]]:
    """The things of all files of a folder, largest first, and the works in which their sizes can be looked up.

    Raises LadderError with everything that is wrong with single entries, or, where those are sound, between them.
    """
    faults: list[str] = []
    sources = _sources(folder / SOURCES, faults)
    entries = [e for path in sorted(folder.glob("*.yaml")) if path.name != SOURCES for e in _entries(path, faults)]
    faults += _between(entries, sources) if not faults else ()
    if faults:
        raise LadderError(faults)
    return tuple(sorted((e.thing for e in entries), key=lambda t: (-t.size_m, t.id))), sources


def _sources(path: Path, faults: list[str]) -> dict[str, Source]:
    root = _tree(path, faults)
    try:
        return TypeAdapter(dict[str, Source]).validate_python(_value(root) if root else {})
    except ValidationError as error:
        faults += [f"{path.name}: {said}" for said in _said(error)]
        return {}


def _entries(path: Path, faults: list[str]) -> Iterator[Entry]:
    root = _tree(path, faults)
    if root is not None and not isinstance(root, yaml.SequenceNode):
        faults.append(f"{path.name}: A list of things was expected. Begin every thing with '- id: '.")
    for node in root.value if isinstance(root, yaml.SequenceNode) else ():
        values = _value(node)
        name = shown(values.get("id", "without an id")) if isinstance(values, dict) else shown(values)
        place = f"{path.name}, line {node.start_mark.line + 1}, {name}"
        try:
            yield Entry(place, Thing.model_validate(_filled(values)))
        except ValidationError as error:
            faults += [f"{place}: {said}" for said in _said(error)]


def _tree(path: Path, faults: list[str]) -> yaml.Node | None:
    loader: Any = LOADER(path.read_text(encoding="utf-8"))
    try:
        node: yaml.Node | None = loader.get_single_node()
        return node
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = brief(str(getattr(error, "problem", error)), 120)
        faults.append(f"{path.name}{line}: This is no valid YAML: {problem}. Check indentation, colons and quotes.")
        return None
    finally:
        loader.dispose()


def _value(node: yaml.Node) -> Any:
    """Lists, mappings and texts; what is a number, the model of a thing knows."""
    if isinstance(node, yaml.SequenceNode):
        return [_value(child) for child in node.value]
    if isinstance(node, yaml.MappingNode):
        return {str(key.value): _value(child) for key, child in node.value}
    return node.value


def _filled(values: Any) -> Any:
    if not isinstance(values, dict) or "range_m" in values:
        return values
    try:
        size = float(values.get("size_m"))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        size = 1.0  # the model refuses the size itself
    low, high = max(size / USUAL_RANGE, checks.MIN_WIDTH_M), min(size * USUAL_RANGE, checks.MAX_WIDTH_M)
    return {**values, "range_m": [low, high]}


def _said(error: ValidationError) -> Iterator[str]:
    for fault in error.errors(include_url=False):
        where = ".".join(map(str, fault["loc"])) or "the entry"
        if fault["type"] == "missing":
            yield f"{where} is missing. Add it."
        elif fault["type"] == "extra_forbidden":
            yield f"{where} is no key of it. The keys of a thing are {', '.join(Thing.model_fields)}."
        else:
            yield f"{where} is {shown(fault['input'])}: {fault['msg']}. Correct it."


def _between(entries: list[Entry], sources: Mapping[str, Source]) -> Iterator[str]:
    known: dict[str, Entry] = {}
    for entry in entries:
        if twin := known.get(entry.thing.id):
            yield f"{entry.place}: The id stands also in {twin.place}. Remove one, or give it another id."
        known.setdefault(entry.thing.id, entry)
    yield from _repeated_names(entries)
    for entry in entries:
        yield from (f"{entry.place}: {fault}" for fault in _of_one(entry.thing, known, sources))
    if ROOT not in known:
        yield f"There is no thing {ROOT!r}, in which all others lie. Add it."


def _repeated_names(entries: list[Entry]) -> Iterator[str]:
    places: dict[str, str] = {}
    for entry in entries:
        for name in entry.thing.names:
            key = name.casefold().replace("-", " ")
            if key in places:
                yield f"{entry.place}: The name {name!r} stands also in {places[key]}. Leave it with one of them."
            places.setdefault(key, entry.place)


def _of_one(thing: Thing, known: Mapping[str, Entry], sources: Mapping[str, Source]) -> Iterator[str]:
    low, high = thing.range_m
    if not low <= thing.size_m <= high:
        yield f"The size of {thing.size_m:g} m is outside its range of {low:g} to {high:g} m. Correct one of them."
    if thing.domain not in DOMAINS:
        yield f"{thing.domain!r} is no domain. The domains are {', '.join(DOMAINS)}."
    if thing.source not in sources:
        yield f"{thing.source!r} is no work of {SOURCES}. Add the work there, or name another."
    if not thing.surroundings and thing.id != ROOT:
        yield "It has no surroundings. Name at least one larger thing in which it is met."
    for outer in thing.surroundings:
        if outer not in known:
            yield f"It is met in {outer!r}, and there is no such thing. Correct the id, or add that thing."
        elif known[outer].thing.size_m <= thing.size_m:
            reason = f"It has {thing.size_m:g} m, and {outer!r}, in which it is met, {known[outer].thing.size_m:g} m."
            yield f"{reason} Correct a size, or take that one out of its surroundings."
