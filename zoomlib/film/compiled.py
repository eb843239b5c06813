"""The functions of `zoomlib.film.kernels` where numba can compile them, else their equals of numpy alone."""

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any


@cache
def compiled(name: str) -> Callable[..., Any] | None:
    """The function of `kernels` that has this name; None where there is no numba, or where it cannot compile.

    That it is there and fails is told in a warning, once for each name: drawing then takes many times as long.
    """
    try:
        from zoomlib.film import kernels

        function: Callable[..., Any] = getattr(kernels, name)()
    except ImportError:
        return None
    except Exception as error:  # what a release of numba or LLVM that is not known yet raises is not known either
        warnings.warn(f"Frames are drawn slowly, as numba cannot compile here: {error}", RuntimeWarning, stacklevel=2)
        return None
    return function
