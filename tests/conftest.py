"""For all tests: set before any of them imports torch."""

import gc
import os

import pytest

from tasks import environment

environment.yield_idle_threads()
if "PYTEST_XDIST_WORKER" in os.environ:  # the other processes have the other cores
    os.environ.setdefault("OMP_NUM_THREADS", "1")
os.fsync = lambda _file: None  # what other processes read is there without it; no test cuts the power


@pytest.fixture(scope="module")
def little_to_collect():
    """Where memory is given back again and again, what other tests have left is not looked through each time."""
    gc.freeze()
    yield
    gc.unfreeze()
