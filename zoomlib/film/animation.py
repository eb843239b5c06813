"""GIF and animated WebP of a film that lies in lossless segments: they are coded in one piece."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from zoomlib.film.encoding import Encoding
from zoomlib.film.ffmpeg import output, url
from zoomlib.film.joining import Segment, parts


def animate(segments: Sequence[Segment], target: Path, rate: Fraction, encoding: Encoding) -> None:
    """Write segments, which lie in one folder, to `target` as an animation without end."""
    source, doing = parts(segments, rate), "The animation was not written"
    if encoding.format == "gif":
        palette = segments[0].path.with_name("palette.png")
        find = [
            "-vf",
            f"palettegen=max_colors={encoding.quality}:reserve_transparent=0",
            "-update",
            "1",
            "-f",
            "image2",
        ]
        output([*source, *find, url(palette)], doing)
        use = ["-i", url(palette), "-lavfi", "paletteuse=dither=sierra2_4a:diff_mode=rectangle", "-c:v", "gif"]
        output([*source, *use, *encoding.container(), url(target)], doing)
    else:
        output(
            [*source, "-c:v", "libwebp_anim", "-quality", str(encoding.quality), *encoding.container(), url(target)],
            doing,
        )
