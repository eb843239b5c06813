"""What `tenfold dashboard` does: serve the page of all runs until it is stopped."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from pathlib import Path

from evaluation.dashboard.app import dashboard
from evaluation.dashboard.site import Readers
from flows.opening import root_of
from flows.pages import serve_page
from tasks.cards import read_card
from tasks.depot.failures import DepotError
from tasks.depot.roots import depot_of, pull_runs
from tasks.errors import RefusedError
from tasks.selection import select

FOLLOW_EVERY_S = 60.0


def dashboard_command(out: Path | None, host: str, port: int, *, opens: bool) -> None:
    """Serve until Ctrl-C; the address is printed on standard output."""
    root = root_of(out).absolute()
    if root.exists() and not root.is_dir():
        raise RefusedError(f"{root} is a file. Name the folder of all runs with --out.")
    pull_runs(root)
    if not root.is_dir():
        print(f"There is no folder {root} yet. The page is empty until the first run is made there.", file=sys.stderr)
    app = dashboard(root, Readers(read_card, select))
    if depot_of(root) is not None:
        threading.Thread(target=_followed, args=(root,), daemon=True).start()
    serve_page(app, "Dashboard", host=host, port=port, opens=opens, sees="sees all runs")


def _followed(root: Path) -> None:
    """Fetch what other machines finish while the page is open."""
    while True:
        time.sleep(FOLLOW_EVERY_S)
        with contextlib.suppress(DepotError, OSError):  # away for now: it is asked again
            pull_runs(root)
