"""The slot of the scarce device as a concurrency limit of Prefect's server, held while a model draws."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from prefect.concurrency.sync import concurrency
from prefect.exceptions import PrefectHTTPStatusError

from tasks import slots, stopping
from tasks.errors import RunError

LEASE_S = 60
"""How soon the slot of a process that was killed is free again; the least that Prefect takes."""
WAITS_S = (2.0, 5.0, 15.0, 30.0, 60.0)
"""Before the slot is asked for again where the server does not answer."""


def slot_of(limit: str | None) -> slots.Slot:
    """The slot of a limit's name; without one the slot that is held already."""
    return slots.current() if not limit else lambda: _held(limit)


@contextmanager
def _held(limit: str) -> Iterator[None]:
    """Hold one slot of the limit. Raises RunError where there is no such limit, or no server for minutes."""
    lease = _taken(limit)
    try:
        yield
    finally:
        with suppress(Exception):  # what was drawn is worth more than a server that is away: the lease ends by itself
            lease.__exit__(None, None, None)


def _taken(limit: str):  # type: ignore[no-untyped-def]  # a context manager that is open
    for wait_s in (*WAITS_S, None):
        # A lease that cannot be renewed, as while the server is started again, ends no work of hours.
        lease = concurrency(limit, occupy=1, strict=True, lease_duration=LEASE_S, raise_on_lease_renewal_failure=False)
        try:
            lease.__enter__()
            return lease
        except Exception as error:
            if "must be created" in str(error) or isinstance(error.__cause__, PrefectHTTPStatusError):
                raise RunError(
                    f"Prefect's server gives no slot of the limit {limit!r}: {error}. `tenfold setup-prefect` makes it."
                ) from error
            if wait_s is None:
                raise RunError(f"Prefect's server does not answer about the slot {limit!r}: {error}.") from error
            stopping.pause(wait_s)
    raise AssertionError("the last try returns or raises")
