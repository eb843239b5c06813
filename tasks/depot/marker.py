"""The file in a folder of all runs that says which depot it is the mirror of."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

from tasks.depot.depot import Depot, open_depot
from tasks.depot.names import url_of
from tasks.errors import RefusedError
from tasks.store import write_bytes

STORE = ".cache"
MARKER = Path(STORE) / "depot.json"
VERSION = 1


def mark(root: Path, url: str) -> None:
    """Make `root` the mirror of the depot at `url`, unless it is."""
    if _url(_marker(root)) != url:
        facts = {"version": VERSION, "url": url, "mirror": uuid.uuid4().hex}
        write_bytes(root / MARKER, (json.dumps(facts, indent=2) + "\n").encode())


def depot_of(root: Path) -> Depot | None:
    """The depot that a folder of all runs is the mirror of; None for one that is all there is."""
    url = _url(_marker(root))
    return None if url is None else open_depot(url)


def mirror_of(root: Path) -> str:
    """What tells this mirror from those of other machines."""
    marker = _marker(root)
    return "" if marker is None else str(marker.get("mirror", ""))


def shown(root: Path) -> str:
    """How a person calls a folder of all runs: a mirror by the URL that it stands for."""
    return _url(_marker(root)) or str(root)


def _url(marker: dict[str, Any] | None) -> str | None:
    return None if marker is None else url_of(str(marker["url"]))


def _marker(root: Path) -> dict[str, Any] | None:
    path = root / MARKER
    try:
        marker = json.loads(path.read_bytes())
        if marker["version"] != VERSION or not isinstance(marker["url"], str):
            raise ValueError(f"expected version {VERSION} and a URL")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, KeyError, TypeError) as error:  # going on would leave the runs of a depot unsent
        raise RefusedError(
            f"{path} is damaged ({error!r:.200}). Delete it and name the store by its URL again."
        ) from error
    return dict(marker)
