"""The process of an embedded Prefect server: `python -m flows.serve PARENT PORT`. It ends with its parent."""

from __future__ import annotations

import os
import sys
import threading
import time

LOOK_EVERY_S = 0.5


def main(parent: int, port: int) -> None:
    """Serve Prefect's API on this machine's own address until the parent process is gone."""
    import uvicorn

    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    application = "prefect.server.api.server:create_app"
    uvicorn.run(application, factory=True, host="127.0.0.1", port=port, log_level="critical", lifespan="on")


def _end_with(parent: int) -> None:
    while os.getppid() == parent:  # an orphan is given another parent
        time.sleep(LOOK_EVERY_S)
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
