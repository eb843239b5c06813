"""Replies kept in a folder: found again by the content of the question, and there for audit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count, takewhile
from pathlib import Path
from typing import Any
from uuid import uuid4

from prompts.service.question import Question, Reply, Usage

FORMAT = 1


@dataclass(frozen=True)
class Replies:
    """A folder of files `<digest of the question>.json`, each with question and reply; pictures are named by hash.

    Replies that were of no use stand beside them as `<digest>.<number>.json`, and are not found again.
    """

    folder: Path

    def find(self, question: Question) -> Reply | None:
        """The kept reply to this question. A damaged file is none."""
        try:
            found = json.loads(self._file(question.digest).read_text(encoding="utf-8"))
            if found["format"] != FORMAT or found["question"] != json.loads(json.dumps(question.record)):
                return None
            usage = found["usage"] and Usage(
                int(found["usage"]["prompt_tokens"]), int(found["usage"]["completion_tokens"])
            )
            reply = Reply(found["text"], found["finish"], usage, found["model"], True, question.digest)
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None
        return reply if all(isinstance(text, str) for text in (reply.text, reply.finish, reply.model)) else None

    def keep(self, question: Question, reply: Reply, *, fault: str = "") -> None:
        """Write question and reply; with a fault it is for audit only. A folder that takes no files is no reason to
        lose a reply that was paid for."""
        record = {
            "format": FORMAT,
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "question": question.record,
            "text": reply.text,
            "finish": reply.finish,
            "usage": reply.usage and vars(reply.usage),
            "model": reply.model,
            "fault": fault,
        }
        self._write(record, question.digest, aside=bool(fault))

    def forget(self, digest: str) -> None:
        """Set a reply aside that was of no use, so that the question is asked anew."""
        if self._file(digest).exists():
            with suppress(OSError):
                self._file(digest).replace(self._aside(digest))

    def files(self, digest: str) -> tuple[Path, ...]:
        """All that was replied to a question: what was set aside in the order in which it came, then what is found."""
        aside = takewhile(Path.exists, self._numbered(digest))
        return (*aside, *(path for path in [self._file(digest)] if path.exists()))

    def _file(self, digest: str) -> Path:
        return self.folder / f"{digest}.json"

    def _aside(self, digest: str) -> Path:
        """The first free number's file, empty: another process that looks for one meanwhile takes the next."""
        for path in self._numbered(digest):
            with suppress(FileExistsError):
                path.touch(exist_ok=False)
                break
        return path

    def _numbered(self, digest: str) -> Iterator[Path]:
        return (self.folder / f"{digest}.{number}.json" for number in count(1))

    def _write(self, record: dict[str, Any], digest: str, *, aside: bool) -> None:
        """Whole or not at all."""
        coming = self.folder / f".{digest}.{uuid4().hex}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            coming.write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
            coming.replace(self._aside(digest) if aside else self._file(digest))
        except OSError:
            with suppress(OSError):
                coming.unlink()
