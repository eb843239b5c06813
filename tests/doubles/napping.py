"""A flow that does nothing for a while, and writes down when it began and ended."""

import os
import time
from pathlib import Path

from prefect import flow
from prefect.concurrency.sync import concurrency


@flow(name="nap", persist_result=False)
async def nap(ledger: str, seconds: float = 1.0, slot: str = "", crashes: bool = False) -> str:
    _write(ledger, "began")
    if crashes:
        os._exit(7)
    if slot:
        with concurrency(slot, occupy=1, strict=True, lease_duration=60, raise_on_lease_renewal_failure=False):
            time.sleep(seconds)
    else:
        time.sleep(seconds)
    print("slept", flush=True)  # what would end a process whose worker has gone
    _write(ledger, "ended")
    return str(Path.cwd())


def _write(ledger: str, word: str) -> None:
    with Path(ledger).open("a") as file:
        file.write(f"{word} {os.getpid()}\n")
