"""Networks are built one at a time in a process.

While diffusers and transformers build one they change torch for all threads (weights are made on no device, and are not
drawn); a network of another library that was built meanwhile would be left without weights.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from threading import RLock
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
_BUILDING = RLock()  # a model's parts are built by the thread that builds the model


def alone(build: Callable[P, T]) -> Callable[P, T]:
    """The function, which waits while another one of these builds a network in another thread."""

    @wraps(build)
    def built(*args: P.args, **kwargs: P.kwargs) -> T:
        with _BUILDING:
            return build(*args, **kwargs)

    return built
