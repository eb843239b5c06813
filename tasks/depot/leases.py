"""Leases: who works on what, told in the depot, so that several machines do not do the same work at once.

The lease on a piece of work is a file `.cache/leases/<work>/<n>.json`, created only where there is none of that name.
Its holder writes it anew every few seconds. Whoever waits reads it, and takes it for left behind once its content has
not changed for long enough by the waiting machine's own clock, which only ever runs forward: no two clocks are
compared. The next generation, n + 1, then goes to the one who creates it. No result rests on leases (contents are named
by their hashes, manifests come last): they spare work.
"""

from __future__ import annotations

import contextlib
import json
import platform
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tasks import stopping
from tasks.depot.depot import Depot
from tasks.depot.failures import AwayError, DepotError

FOLDER = ".cache/leases"


@dataclass(frozen=True)
class Timing:
    """Seconds. beat_s: between two signs of life of a holder. stale_s: without one, after which a lease counts as left
    behind. poll_s: between two looks of whoever waits. copy_s: between two copies of a checkpoint to the depot."""

    beat_s: float = 5.0
    stale_s: float = 30.0
    poll_s: float = 1.0
    copy_s: float = 60.0


TIMING = Timing()


@dataclass
class Lease:
    """A lease that is held: `lost` once another has taken it over, or it can no longer be told that we live."""

    depot: Depot
    work: str
    generation: int
    mirror: str
    timing: Timing
    token: str = field(default_factory=lambda: uuid.uuid4().hex)
    lost: bool = False
    _beats: int = 0
    _ended: threading.Event = field(default_factory=threading.Event)

    @property
    def name(self) -> str:
        """Its file."""
        return f"{FOLDER}/{self.work}/{self.generation}.json"

    def content(self) -> bytes:
        """What its file holds now: another text at every beat."""
        facts = {"token": self.token, "mirror": self.mirror, "host": platform.node(), "beat": self._beats}
        return json.dumps(facts).encode()

    def beat(self) -> None:
        """Tell that we live, unless somebody has taken us for dead."""
        if _facts(self.depot.read(self.name)).get("token") != self.token:
            self.lost = True
            return
        self._beats += 1
        self.depot.write(self.name, self.content())

    def beating(self) -> None:
        """Beat until the end of the lease; what runs in a thread of its own."""
        while not self.lost and not self._ended.wait(self.timing.beat_s):
            with contextlib.suppress(DepotError):  # the store is away: whoever waits judges by what it sees
                self.beat()

    def release(self) -> None:
        """Give it back. What cannot be deleted becomes stale by itself."""
        self._ended.set()
        if not self.lost:
            with contextlib.suppress(DepotError):
                older = range(1, self.generation + 1)
                self.depot.delete(f"{FOLDER}/{self.work}/{n}.json" for n in older)


@contextmanager
def leased(
    depot: Depot,
    work: str,
    mirror: str = "",
    *,
    timing: Timing | None = None,
    on_wait: Callable[[], None] = lambda: None,
) -> Iterator[Lease]:
    """Hold the lease on `work`, waiting while another machine does; `on_wait` is called before waiting.

    mirror: the local folder in which the caller holds the kernel's lock on the same work: a lease that was taken from
    there is left by a process that is gone. Raises DepotError where the store cannot be used.
    """
    lease = _taken(depot, work, mirror, timing or TIMING, on_wait)
    thread = threading.Thread(target=lease.beating, name=f"lease-{work[:8]}", daemon=True)
    thread.start()
    try:
        yield lease
    finally:
        lease._ended.set()
        thread.join(timeout=lease.timing.beat_s)  # a beat on its way would write what is being deleted
        lease.release()


def _taken(depot: Depot, work: str, mirror: str, timing: Timing, on_wait: Callable[[], None]) -> Lease:
    watch, told = _Watch(depot, work, timing), False
    while True:
        if watch.look() and (watch.is_free or watch.is_stale or _is_ours(watch.content, mirror)):
            lease = Lease(depot, work, watch.generation + 1, mirror, timing)
            if _created(lease):
                return lease
            continue
        if not told:
            told = True
            on_wait()
        stopping.pause(timing.poll_s)


@dataclass
class _Watch:
    """What one who waits has seen of a lease. generation: the newest one, 0 for none. since_s: when that was first seen
    as it is; away_s: since when the store has not answered. Both by this machine's own clock."""

    depot: Depot
    work: str
    timing: Timing
    generation: int = 0
    content: bytes | None = None
    since_s: float = 0.0
    away_s: float | None = None

    def look(self) -> bool:
        """Look again; False where the store did not answer.

        Raises AwayError where it has not for long, or where nobody is known to hold the lease.
        """
        try:
            seen = self._seen()
        except AwayError:
            self.away_s = self.away_s or time.monotonic()
            if self.generation == 0 or time.monotonic() - self.away_s >= self.timing.stale_s:
                raise
            return False
        if seen != (self.generation, self.content) or self.away_s is not None:  # the holder was cut off as well
            self.since_s, self.away_s = time.monotonic(), None
        self.generation, self.content = seen
        return True

    def _seen(self) -> tuple[int, bytes | None]:
        while (generation := _newest(self.depot, self.work)) > 0:
            content = self.depot.read(f"{FOLDER}/{self.work}/{generation}.json")
            if content is not None:  # else it has just been given back
                return generation, content
        return 0, None

    @property
    def is_free(self) -> bool:
        return self.generation == 0

    @property
    def is_stale(self) -> bool:
        return time.monotonic() - self.since_s >= self.timing.stale_s


def _newest(depot: Depot, work: str) -> int:
    stems = (entry.name.rpartition("/")[2].removesuffix(".json") for entry in depot.entries(f"{FOLDER}/{work}"))
    return max((int(stem) for stem in stems if stem.isdecimal()), default=0)


def _created(lease: Lease) -> bool:
    """Whether the lease is the one of its generation now."""
    depot = lease.depot
    if depot.create(lease.name, lease.content()) and depot.conditional:
        return True
    if not depot.conditional:  # others may be writing theirs: the last one stays
        time.sleep(lease.timing.poll_s)
    # An answer may have been lost, and the file that was there when it was asked for again is our own.
    return _facts(depot.read(lease.name)).get("token") == lease.token


def _is_ours(content: bytes | None, mirror: str) -> bool:
    facts = _facts(content)
    return bool(mirror) and facts.get("mirror") == mirror and facts.get("host") == platform.node()


def _facts(content: bytes | None) -> dict[str, object]:
    try:
        facts = json.loads(content or b"{}")
    except ValueError:  # being written, or damaged: nobody's, and stale after a while
        return {}
    return facts if isinstance(facts, dict) else {}
