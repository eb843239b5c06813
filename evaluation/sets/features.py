"""What an extractor sees in a set of pictures: read, prepared and embedded as a stream, so that memory does not grow
with their number but by their features."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import torch
from torch import Tensor

from evaluation.sets.extractors import Extractor
from zoomlib.errors import InvalidInputError

Source = TypeVar("Source")
BATCH = 16
"""Inception on a processor needs 0.4 GB less than with 32, and is as quick."""
MOST_THREADS = 8
"""Each holds a whole picture at its full size."""


@dataclass(frozen=True)
class Features:
    """Of N pictures: `values` float32 (N, D), and the classifier's `logits` (N, K), None where it has none."""

    values: Tensor
    logits: Tensor | None = None

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, rows: slice | Tensor) -> "Features":
        return Features(self.values[rows], None if self.logits is None else self.logits[rows])

    @staticmethod
    def cat(parts: "list[Features]") -> "Features":
        """All parts in one, in order."""
        logits = [part.logits for part in parts if part.logits is not None]
        return Features(torch.cat([part.values for part in parts]), torch.cat(logits) if logits else None)


def extract(
    sources: Iterable[Source],
    read: Callable[[Source], Tensor],
    extractor: Extractor,
    *,
    batch: int = BATCH,
    on_image: Callable[[int], None] | None = None,
) -> Features:
    """The features of the pictures (3, H, W) in [-1, 1] that `read` makes of `sources`, in order.

    `sources` may be a generator: at most two batches are taken ahead of the one in work. `read` and the resizing run in
    threads, in any order. `on_image` is told the number done. Raises InvalidInputError where there are none, and
    whatever `read` does.
    """
    parts, done = [], 0
    for pictures in _batches(_prepared(sources, read, extractor, 2 * batch), batch):
        parts.append(Features(*extractor.embed(torch.stack(pictures))))
        done += len(pictures)
        if on_image is not None:
            on_image(done)
    if not parts:
        raise InvalidInputError("A set without pictures has no features. Name a folder, or runs, that hold some.")
    return Features.cat(parts)


def _prepared(
    sources: Iterable[Source], read: Callable[[Source], Tensor], extractor: Extractor, ahead: int
) -> Iterator[Tensor]:
    """What the network reads, in the order of the sources, made in threads."""
    waiting: deque[Future[Tensor]] = deque()
    with ThreadPoolExecutor(min(MOST_THREADS, os.cpu_count() or 1)) as pool:
        try:
            for source in sources:
                waiting.append(pool.submit(lambda one: extractor.prepare(read(one)), source))
                if len(waiting) >= ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _batches(items: Iterator[Tensor], size: int) -> Iterator[list[Tensor]]:
    while part := list(islice(items, size)):
        yield part
