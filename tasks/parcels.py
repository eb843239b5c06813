"""What an export is: files of a folder of runs, and an index that tells every one of them.

A folder, an archive or a place in a depot can be one. A folder and an archive are renamed when all is in, in a depot
the index is written last, so that an export is there whole or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tasks.errors import RefusedError
from tasks.store import artifact_of
from tasks.versions import software

INDEX = "tenfold-export.json"
VERSION = 1


@dataclass(frozen=True)
class Item:
    """A file of an export: its name relative to the folder of all runs, size in bytes, SHA-256 in hex."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Index:
    """What an export holds. runs: as story/id."""

    runs: tuple[str, ...]
    items: Mapping[str, Item]
    software: str = ""

    def dump(self) -> bytes:
        """As the file that tells it; `parse_index` is the inverse."""
        files = {item.name: [item.size, item.sha256] for item in self.items.values()}
        facts = {"version": VERSION, "software": software(), "runs": list(self.runs), "files": files}
        return (json.dumps(facts, indent=1, ensure_ascii=False) + "\n").encode()


def parse_index(content: bytes, shown: str) -> Index:
    """The index of an export. Raises RefusedError for what is none, and for one of another version."""
    try:
        facts: Any = json.loads(content)
        if facts["version"] != VERSION:
            raise RefusedError(
                f"{shown} is an export of version {facts['version']!r} (by {str(facts.get('software'))!a:.60}), and "
                f"this Tenfold reads version {VERSION}. Update Tenfold, or export it again with this version."
            )
        items = {
            str(name): Item(str(name), _whole(size), artifact_of(sha256, 0, "x").sha256)
            for name, (size, sha256) in facts["files"].items()
        }
        return Index(tuple(str(run) for run in facts["runs"]), items, str(facts.get("software", "")))
    except RefusedError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise RefusedError(f"{shown}: {INDEX} is damaged ({error!r:.200}). Export it again.") from error


def _whole(size: object) -> int:
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise ValueError(f"{size!r} is no size")
    return size
