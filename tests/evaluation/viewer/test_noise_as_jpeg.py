"""A picture that compresses to more than a byte per pixel is encoded all the same, without a word of libjpeg's."""

import base64
import io

import numpy as np
from PIL import Image

from evaluation.viewer.scene import encoded


def test_noise_is_encoded(capfd):
    noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3), dtype=np.uint8)
    data = base64.b64decode(encoded(Image.fromarray(noise), 92))
    assert len(data) > 400 * 400
    assert capfd.readouterr().err == ""
    shown = np.asarray(Image.open(io.BytesIO(data)), dtype=float)
    assert np.abs(shown - noise).mean() < 16
