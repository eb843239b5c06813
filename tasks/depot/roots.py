"""The folder of all runs, wherever it lies: a local folder as it is, of a URL a mirror that says whose it is."""

from __future__ import annotations

from pathlib import Path

from tasks import environment
from tasks.depot.depot import open_depot
from tasks.depot.marker import depot_of, mark, shown
from tasks.depot.names import is_url, slug_of, url_of

__all__ = ["depot_of", "open_root", "shown"]


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
    mark(root, url)
    return root
