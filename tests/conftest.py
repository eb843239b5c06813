"""For all tests: set before any of them imports torch."""

import os

from tasks import environment

environment.yield_idle_threads()
if "PYTEST_XDIST_WORKER" in os.environ:  # the other processes have the other cores
    os.environ.setdefault("OMP_NUM_THREADS", "1")
