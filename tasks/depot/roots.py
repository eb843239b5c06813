"""The folder of all runs, wherever it lies: a local folder as it is, of a URL a mirror that says whose it is."""

from __future__ import annotations

import json
from pathlib import Path

from tasks import environment
from tasks.depot.depot import Depot, open_depot
from tasks.depot.names import is_url, slug_of, url_of
from tasks.errors import RefusedError
from tasks.store import write_bytes

MARKER = Path(".cache") / "depot.json"
VERSION = 1


def open_root(name: str | Path) -> Path:
    """The local folder of all runs that `name`, a folder or a URL, stands for.

    Of a URL that is its mirror in TENFOLD_CACHE, which is made where it is missing; the store itself is not asked.
    Raises RefusedError for a URL with a password in it, or of a store that nothing installed here can reach.
    """
    if not is_url(name):
        return Path(name)
    url = url_of(name)
    open_depot(url)
    root = environment.read().cache.expanduser().absolute() / "roots" / slug_of(url)
    if _marked(root) != url:
        text = json.dumps({"version": VERSION, "url": url}, indent=2) + "\n"
        write_bytes(root / MARKER, text.encode())
    return root


def depot_of(root: Path) -> Depot | None:
    """The depot that a folder of all runs is the mirror of; None for one that is all there is."""
    url = _marked(root)
    return None if url is None else open_depot(url)


def shown(root: Path) -> str:
    """How a person calls a folder of all runs: a mirror by the URL that it stands for."""
    return _marked(root) or str(root)


def _marked(root: Path) -> str | None:
    path = root / MARKER
    try:
        marker = json.loads(path.read_bytes())
        if marker["version"] != VERSION:
            raise ValueError(f"version {marker['version']!r}")
        return url_of(str(marker["url"]))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, KeyError, TypeError) as error:  # going on would leave the runs of a depot unsent
        raise RefusedError(
            f"{path} is damaged ({error!r:.200}). Delete it and name the store by its URL again."
        ) from error
