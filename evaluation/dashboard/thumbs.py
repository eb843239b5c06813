"""Small posters: a list of thousands of runs must not move thousands of whole pictures."""

import io
from functools import lru_cache
from pathlib import Path

from PIL import Image

SIDE = 320
QUALITY = 82
KEPT = 2000


@lru_cache(maxsize=KEPT)
def thumb(path: Path, stamp: str) -> bytes | None:  # noqa: ARG001  part of what is remembered
    """The picture at `path` as WebP with sides of SIDE pixels at most; None where it cannot be read.

    stamp: changes when the picture does. The latest KEPT ones (about 10 kB each) are remembered.
    """
    try:
        with Image.open(path) as picture:
            small = picture.convert("RGB")
            small.thumbnail(
                (SIDE, SIDE), Image.Resampling.BOX if picture.width > 2 * SIDE else Image.Resampling.LANCZOS
            )
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    file = io.BytesIO()
    small.save(file, "WEBP", quality=QUALITY, method=2)
    return file.getvalue()
