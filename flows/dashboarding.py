"""What `tenfold dashboard` does: serve the page of all runs until it is stopped."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from pathlib import Path

from evaluation.dashboard.app import dashboard
from evaluation.dashboard.site import Readers
from evaluation.serving import Address, serve
from flows.browser import shown
from flows.opening import root_of
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

    def ready(address: Address) -> None:
        if address.moved:
            print(f"Port {port} is taken, so the page is at another one.", file=sys.stderr)
        print(f"Dashboard: {address.link()}", flush=True)
        if address.token is not None:
            print("Open to the network: whoever has this link sees all runs. The token is part of it.", file=sys.stderr)
        print("Ctrl-C ends it.", file=sys.stderr)
        if opens:
            threading.Thread(target=shown, args=(address.link(),), daemon=True).start()

    if depot_of(root) is not None:
        threading.Thread(target=_followed, args=(root,), daemon=True).start()
    serve(app, host=host, port=port, on_ready=ready)


def _followed(root: Path) -> None:
    """Fetch what other machines finish while the page is open."""
    while True:
        time.sleep(FOLLOW_EVERY_S)
        with contextlib.suppress(DepotError, OSError):  # away for now: it is asked again
            pull_runs(root)
