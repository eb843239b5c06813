"""How many cores there are for processes that paint."""

from __future__ import annotations

import os


def cores() -> int:
    """How many cores this process may use, unless the user has set fewer for OpenMP."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    told = os.environ.get("OMP_NUM_THREADS", "")
    return min(there, int(told)) if told.isdecimal() and int(told) else there
