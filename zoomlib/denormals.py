"""Numbers below the smallest normal one: a CPU is many times slower with them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def denormals_flushed() -> Iterator[None]:
    """In the body, numbers below the smallest normal one count as 0: weights so small slow a CPU down many times.

    That is a state of the processor, which all that this thread computes would have: afterwards it is as it was.
    """
    before = sys.float_info.min / 2 == 0
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)
