"""For all tests: set before any of them imports torch."""

from tasks import environment

environment.yield_idle_threads()
