"""The key of a service, kept out of everything that people or files see."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

HIDDEN = "[key]"
PART = 6  # characters of a long key in a row that are hidden in messages
# Services repeat a wrong key so: its ends, and stars between.
_MASKED = re.compile(r"(?<![^\s'\"`])[^\s'\"`]*\*{3,}[^\s'\"`]*")
_TALKERS = ("openai", "httpx2", "httpcore2")
_LATE = tuple(f"httpcore2.{part}" for part in ("connection", "http11", "http2", "proxy", "socks"))


class Secret:
    """A text that shows itself to nobody who does not ask with `reveal`. others: what must be hidden with it."""

    def __init__(self, text: str, *others: str) -> None:
        self._text = text
        self._all = (text, *others)
        long = [each for each in self._all if len(each) > 2 * PART]
        self._parts = {each[at : at + PART] for each in long for at in range(len(each) - PART + 1)}

    def __repr__(self) -> str:
        return HIDDEN

    def __reduce__(self) -> str:
        raise TypeError("A key is not stored.")

    def reveal(self) -> str:
        """The key itself."""
        return self._text

    def removed(self, text: str) -> str:
        """A reply without the key, should it stand there whole."""
        return self._replaced(text, PART + 1)

    def hidden(self, text: str) -> str:
        """A message without the key, without parts of it, and without what a service writes in its place."""
        text = _MASKED.sub(HIDDEN, self._replaced(text, PART - 2))
        return re.sub(rf"({re.escape(HIDDEN)})+", lambda _: HIDDEN, self._without_parts(text))

    def _replaced(self, text: str, shortest: int) -> str:
        for each in self._all:
            if len(each) >= shortest:
                text = text.replace(each, HIDDEN)
        return text

    def _without_parts(self, text: str) -> str:
        kept, at = [], 0
        while at < len(text):
            if text[at : at + PART] not in self._parts:
                kept.append(text[at])
                at += 1
                continue
            end = at + PART
            while end < len(text) and text[end - PART + 1 : end + 1] in self._parts:
                end += 1
            kept.append(HIDDEN)
            at = end
        return "".join(kept)

    @contextmanager
    def unlogged(self) -> Iterator[None]:
        """Within, what the client's libraries log has no key in it: a service may send it back in its headers."""
        veil = _Veil(self)
        loggers = [logging.getLogger(name) for name in _names()]
        for logger in loggers:
            logger.addFilter(veil)
        try:
            yield
        finally:
            for logger in loggers:
                logger.removeFilter(veil)


class _Veil(logging.Filter):
    def __init__(self, secret: Secret) -> None:
        super().__init__()
        self._secret = secret

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            message = record.getMessage()
        except (TypeError, ValueError):
            message = ""
        record.msg, record.args = self._secret.hidden(message), ()
        record.exc_info = record.exc_text = None
        return True


def _names() -> list[str]:
    """All loggers of those libraries: a filter does not reach the loggers below its own."""
    found = [name for name in list(logging.Logger.manager.loggerDict) if name.partition(".")[0] in _TALKERS]
    return [*{*found, *_LATE}]  # the latter come to be with the first request
