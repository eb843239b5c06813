"""For all tests: set before any of them imports torch."""

import atexit
import gc
import os
import tempfile

import pytest
from hypothesis import settings

from tasks import environment

environment.yield_idle_threads()
if "PYTEST_XDIST_WORKER" in os.environ:  # the other processes have the other cores
    os.environ.setdefault("OMP_NUM_THREADS", "1")
if "TENFOLD_CACHE" not in os.environ:  # nothing of the user's; one folder for all processes of the tests
    cache = tempfile.TemporaryDirectory(prefix="tenfold-tests-cache-")
    atexit.register(cache.cleanup)
    os.environ["TENFOLD_CACHE"] = cache.name
settings.register_profile("shared", deadline=None)  # a machine that others use too makes any example slow
settings.load_profile("shared")
os.fsync = lambda _file: None  # what other processes read is there without it; no test cuts the power


@pytest.fixture(scope="module")
def little_to_collect():
    """Where memory is given back again and again, what other tests have left is not looked through each time."""
    gc.freeze()
    yield
    gc.unfreeze()
