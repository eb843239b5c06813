"""Frames drawn by several threads and handed out in order, in constant memory."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from zoomlib.film.planes import Frame

AHEAD = 2  # frames that are drawn or wait, for each worker: one more than it works on


def default_workers() -> int:
    """Two threads, or one where there is one core: more would take the encoder's."""
    return min(2, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def in_order(
    draw: Callable[[int, Frame], Frame], numbers: Iterable[int], shape: tuple[int, ...], workers: int, reuse: bool
) -> Iterator[Frame]:
    """draw(number, buffer) of each number, in their order, drawn by so many threads, a few frames ahead.

    With `reuse`, buffers go round a ring: a frame is valid until the next one is asked for. This thread gives them out,
    in order; workers that helped themselves could all wait for one that is slow. What a worker raises is raised here.
    However the iteration ends, no thread is left behind.
    """
    pending: deque[Future[Frame]] = deque()
    ring = deque(np.empty(shape, np.uint8) for _ in range(AHEAD * workers + 1)) if reuse else None
    pool = ThreadPoolExecutor(workers, thread_name_prefix="frames")
    try:
        for number in numbers:
            pending.append(pool.submit(draw, number, np.empty(shape, np.uint8) if ring is None else ring.popleft()))
            if len(pending) > AHEAD * workers:
                frame = pending.popleft().result()
                yield frame
                if ring is not None:
                    ring.append(frame)
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
