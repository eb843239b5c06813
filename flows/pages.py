"""Pages that a command serves on this machine until it is stopped."""

from __future__ import annotations

import sys
import threading

from evaluation.guard import Application
from evaluation.serving import Address, serve
from flows.browser import shown


def serve_page(app: Application, name: str, *, host: str, port: int, opens: bool, sees: str) -> None:
    """Serve until Ctrl-C; `name` and the address are printed on standard output, all else on standard error.

    sees: what whoever has the link of a page that is open to the network can do. opens: show it in the browser.
    """

    def ready(address: Address) -> None:
        if address.moved:
            print(f"Port {port} is taken, so the page is at another one.", file=sys.stderr)
        print(f"{name}: {address.link()}", flush=True)
        if address.token is not None:
            print(f"Open to the network: whoever has this link {sees}. The token is part of it.", file=sys.stderr)
        print("Ctrl-C ends it.", file=sys.stderr)
        if opens:
            threading.Thread(target=shown, args=(address.link(),), daemon=True).start()

    serve(app, host=host, port=port, on_ready=ready)
