"""The index between two starts of the dashboard: a small file that may be lost, damaged or written by two at once."""

import gzip
import json
import os
import uuid
import zlib
from collections.abc import Iterable
from pathlib import Path

from evaluation.dashboard.entries import Entry, restored

VERSION = 1
"""To be raised whenever an entry would be read otherwise from the same files."""
PLACE = Path(".cache") / "dashboard" / "index.json.gz"
UNUSABLE = (
    OSError,
    EOFError,
    zlib.error,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)


def load(root: Path) -> list[Entry]:
    """What was known when it was last kept; nothing where that cannot be used."""
    try:
        facts = json.loads(gzip.decompress((root / PLACE).read_bytes()))
        if facts["version"] != VERSION:
            return []
        strings = facts["strings"]
        told = ((values | {name: [strings[i] for i in values[name]] for name in SHARED}) for values in facts["entries"])
        return [restored(values) for values in told]
    except UNUSABLE:
        return []


def save(root: Path, entries: Iterable[Entry]) -> None:
    """Keep what is known. A root that cannot be written to is left as it is: then the next start reads anew."""
    strings: dict[str, int] = {}
    plain = []
    for entry in entries:
        values = entry.plain()
        shared = {name: [strings.setdefault(text, len(strings)) for text in values[name]] for name in SHARED}
        plain.append(values | shared)
    text = json.dumps({"version": VERSION, "strings": list(strings), "entries": plain}, separators=(",", ":"))
    path = root / PLACE
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{uuid.uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(gzip.compress(text.encode(), compresslevel=1))
        temporary.replace(path)
    except OSError:
        return
    finally:
        temporary.unlink(missing_ok=True)


SHARED = ("prompts", "settings")
"""What many runs have in common, and is kept once."""
