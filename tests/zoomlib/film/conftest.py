"""For the tests of films: what is compiled on first use is, before hypothesis measures how long an example takes."""

import numpy as np
import pytest

from zoomlib.film.planes import weave
from zoomlib.film.resample import lanczos, resampler
from zoomlib.film.rotation import rotated


@pytest.fixture(scope="session", autouse=True)
def _compiled():
    lanczos(1, 0.0, 1.0, 1)
    resampler()
    frame = np.zeros((1, 1, 3), np.uint8)
    weave((frame[..., 0], frame[..., 0], frame[..., 0]), frame)
    rotated(frame, "rgb", 0.0, (1, 1))
