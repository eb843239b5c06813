"""Files in which people write what they ask for, a batch or a sweep: their plain values, and what is wrong there."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pydantic import ValidationError

from prompts.errors import StoryError
from prompts.json_reader import read_json
from prompts.yaml_reader import read_yaml
from tasks.errors import RefusedError
from tasks.specs import did_you_mean

MAX_BYTES = 256 * 1024


def read_values(name: str, what: str) -> object:
    """The plain values of the YAML or JSON file of a `what`. Raises FileNotFoundError where there is none, RefusedError
    for one that cannot be read or is too large, StoryError with every fault of its text."""
    path = Path(name)
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        text = content.decode("utf-8-sig")
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise RefusedError(f"{name!r} cannot be read as a {what}: {error}. Give a YAML or JSON file.") from error
    if len(content) > MAX_BYTES:
        raise RefusedError(f"{name} is larger than {MAX_BYTES // 1024} KB, which no {what} needs.")
    root, problems = (read_json if path.suffix == ".json" else read_yaml)(text, name)
    if problems:
        raise StoryError(problems, name)
    return root.plain()


def fault_of(error: ValidationError, what: str, fields: Iterable[str]) -> str:
    """The first fault of the entries of a `what`, as a sentence."""
    first = error.errors(include_url=False)[0]
    path = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        return f"there is no entry {path!r} in a {what}. {did_you_mean(path, [*fields])}"
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, RefusedError):  # which says it all
        return f"{path}: {cause}"
    message = first["msg"].removeprefix("Value error, ")
    return f"{path} was refused: {message[0].lower() + message[1:]}; got {first['input']!r:.80}."
