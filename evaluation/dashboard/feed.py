"""What the page is told about the runs: once all of it, then what has changed, in JSON that browsers read quickly."""

import gzip
import json
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from evaluation.catalogue import ENTRIES
from evaluation.dashboard.entries import VIEW, Entry
from evaluation.dashboard.index import Index

LOOK_EVERY_S = 1.5
FORGET_S = 30.0
"""How long the folder is looked at after the last page has asked."""
FIRST_S = 0.6
"""How long the first page waits for the first runs when none is known yet."""
DIGITS = 6


class Feed:
    """News of an index. Texts that many runs share are told once, by number."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self.instance = uuid.uuid4().hex[:12]
        self._lock = threading.Lock()
        self._strings: dict[str, int] = {}
        self._rows: dict[str, tuple[Entry, dict[str, Any]]] = {}
        self._whole: tuple[tuple[int, int], bytes] | None = None

    def news(self, since: str = "") -> bytes:
        """What has changed since the state that an earlier answer has named, as gzipped JSON; all for any other."""
        instance, _, numbers = since.partition(".")
        version, _, known = numbers.partition(".")
        if instance != self.instance or not version.isdecimal() or not known.isdecimal():
            return self._all()
        return _packed(self._told(int(version), int(known)))

    def _all(self) -> bytes:
        state = (self.index.version, self.index.reading)
        if self._whole is None or self._whole[0] != state:
            constant = {"root": str(self.index.root), "scores": [asdict(entry) for entry in ENTRIES]}
            facts = self._told(-1, 0) | {"whole": True, **constant}
            self._whole = (state, _packed(facts))
        return self._whole[1]

    def _told(self, since: int, known: int) -> dict[str, Any]:
        with self._lock:
            changes = self.index.changes(since)
            facts: dict[str, Any] = {"reading": self.index.reading}
            if changes.version != since:
                facts["rows"] = [self._row(entry) for entry in changes.entries]
                facts["gone"] = changes.gone
                facts["sweeps"] = self.index.sweeps()
                facts["damaged"] = self.index.damaged()
            facts["strings"] = list(self._strings)[known:]
            facts["state"] = f"{self.instance}.{changes.version}.{len(self._strings)}"
            return facts

    def _row(self, entry: Entry) -> dict[str, Any]:
        kept = self._rows.get(entry.key)
        if kept is None or kept[0] is not entry:
            kept = self._rows[entry.key] = (entry, self._made(entry))
        return kept[1]

    def _made(self, entry: Entry) -> dict[str, Any]:
        return {
            "key": entry.key,
            "id": entry.id,
            "story": entry.story,
            "method": entry.method,
            "variant": entry.variant,
            "model": entry.model,
            "seed": entry.seed,
            "date": round(entry.made_at),
            "stamp": entry.stamp,
            "film": entry.film,
            "poster": "poster.png" in entry.files,
            "view": VIEW in entry.files,
            "prompts": self._numbers(entry.prompts),
            "settings": self._numbers(entry.settings),
            "means": {name: float(f"{value:.{DIGITS}g}") for name, value in entry.means.items()},
        }

    def _numbers(self, texts: Sequence[str]) -> list[int]:
        return [self._strings.setdefault(text, len(self._strings)) for text in texts]


class Watch:
    """Looks at the folder in a thread as long as pages ask for news. prepare: is called once the first look is done."""

    def __init__(self, index: Index, prepare: Callable[[], object]) -> None:
        self.index, self.prepare = index, prepare
        self._lock = threading.Lock()
        self._asked = 0.0
        self._thread: threading.Thread | None = None
        self._looked = threading.Event()

    def asked(self) -> None:
        """Somebody wants to know: look at the folder from now on for a while."""
        with self._lock:
            self._asked = time.monotonic()
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._look, daemon=True)
                self._thread.start()
        if not self._looked.is_set() and not len(self.index):
            end = time.monotonic() + FIRST_S
            while not len(self.index) and time.monotonic() < end and not self._looked.wait(0.02):
                pass

    def _look(self) -> None:
        while time.monotonic() - self._asked < FORGET_S:
            self.index.refresh()
            if not self._looked.is_set():
                self._looked.set()
                self.prepare()
            time.sleep(LOOK_EVERY_S)


def _packed(facts: Any) -> bytes:
    text = json.dumps(facts, ensure_ascii=False, separators=(",", ":"))
    # Names of folders may be no text; one of them must not end the list.
    return gzip.compress(text.encode(errors="replace"), compresslevel=1)
