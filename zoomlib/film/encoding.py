"""How a film is coded: a checked choice of format, codec, quality and hardware, and ffmpeg's words for it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Literal, get_args

from zoomlib.errors import InvalidInputError
from zoomlib.film import ffmpeg
from zoomlib.film.formats import BT709, CODECS, FORMATS, SCALER, SRGB, Chroma, Codec, Encoder, Format
from zoomlib.film.planes import Layout, Size

Hardware = Literal["never", "auto", "always"]
LAYOUTS: dict[Chroma, Layout] = {"420": "yuv420", "422": "yuv444", "444": "yuv444", "rgb": "rgb"}
SITED = ("420", "422")
"""Chroma that has fewer columns than luma: they are the even ones."""
RAW: dict[Layout, str] = {"rgb": "rgb24", "yuv444": "yuv444p", "yuv420": "yuv420p"}


@dataclass(frozen=True)
class Encoding:
    """A film's format and coding. What is left None is the usual choice, and is filled in.

    `format`: one of `FORMATS`. `codec`: one that fits in it. `quality`: on the codec's own scale (`CODECS`): a rate
    factor from 1 (best) for h264, h265 (to 51), av1 and vp9 (to 63); colours, 2 to 256, of a gif; 0 to 100 (best) of a
    webp; how hard png packs, 0 to 9, always without loss; None only for prores and ffv1. The usual ones look alike.
    `preset`: how long software tries for a smaller file, or the profile of prores. `chroma`: "420", "422", "444" or
    "rgb". `hardware`: "auto" takes an encoder of the machine's where one works, "always" nothing else; its pictures
    are a little larger or worse than software's. `gop_s`: seconds from one key frame to the next at most.
    Raises InvalidInputError for what does not go together, with what does.
    """

    format: str = "mp4"
    codec: str | None = None
    quality: int | None = None
    preset: str | None = None
    chroma: Chroma | None = None
    hardware: Hardware = "never"
    gop_s: float = 5.0

    def __post_init__(self) -> None:
        _one_of("format", self.format, FORMATS)
        self._fill("codec", self.kind.codecs[0])
        _one_of(f"codec of {self.format}", self.codec, self.kind.codecs)
        chromas = self.coded.chromas
        self._fill("chroma", chromas[0])
        _one_of(f"chroma of {self.codec}", self.chroma, chromas)
        _one_of("hardware", self.hardware, get_args(Hardware))
        if self.hardware == "always" and not self._in_hardware():
            raise InvalidInputError(f"No hardware encodes {self.codec} with chroma {self.chroma}: use hardware='auto'.")
        self._check_quality()
        presets, usual = next(((encoder.presets, encoder.preset) for encoder in self._software()), ((), ""))
        self._fill("preset", usual or None)
        if self.preset is not None:
            _one_of(f"preset of {self.codec}", self.preset, presets)
        if not 0.1 <= self.gop_s <= 60:
            raise InvalidInputError(f"gop_s, seconds between key frames, is from 0.1 to 60; got {self.gop_s}.")

    @property
    def kind(self) -> Format:
        """The format's entry in the table."""
        return FORMATS[self.format]

    @property
    def coded(self) -> Codec:
        """The codec's entry in the table."""
        return CODECS[str(self.codec)]

    @property
    def layout(self) -> Layout:
        """What frames must be in to be written without a conversion that loses anything."""
        return LAYOUTS[self.chroma or "rgb"]

    @property
    def suffix(self) -> str:
        """How the file's name ends; empty for a sequence of pictures, which is a folder."""
        return self.kind.suffix

    @property
    def sound(self) -> bool:
        """Whether the format can carry sound."""
        return self.kind.audio is not None

    def shown(self, size: Size) -> Size:
        """The size that a film of frames of `size` has: 4:2:0 has no odd sides, they lose their last pixel."""
        width, height = size
        return (width // 2 * 2, height // 2 * 2) if self.chroma == "420" else (width, height)

    def gop(self, fps: float | Fraction) -> int:
        """Frames from one key frame to the next, at least 1."""
        return max(1, round(self.gop_s * fps))

    def encoder(self, size: Size) -> Encoder:
        """The encoder that will be used for frames of `size`: one that is there and, in hardware, has been tried.

        Raises VideoError when there is none, with the reasons.
        """
        return _chosen(self, size, ffmpeg.executable())

    def input(self, size: Size, fps: float | Fraction, layout: Layout, encoder: Encoder) -> list[str]:
        """ffmpeg's words for raw frames of `size` in `layout` on its standard input."""
        raw = ["-f", "rawvideo", "-pix_fmt", RAW[layout], "-s", f"{size[0]}x{size[1]}", "-r", str(ffmpeg.rate(fps))]
        return [*encoder.device.split(), *raw, "-i", "-"]

    def output(self, fps: float | Fraction, layout: Layout, encoder: Encoder) -> list[str]:
        """ffmpeg's words that code such frames; only the name of the file is missing.

        RGB frames are converted by the matrix that the film is tagged with: untagged, players guess by the frame's
        size, and colours shift. Frames in the film's own layout are only tagged.
        """
        chroma = self.chroma or "rgb"
        preset = self.preset if self.preset in encoder.presets else encoder.preset  # another encoder than the usual one
        choices = {
            "quality": self.quality,
            "preset": preset,
            "gop": self.gop(fps),
            "percent": self._percent(),
            "index": min(4 * (self.quality or 0), 255),  # AV1's own: about four to a step of the rate factor
        }
        words = encoder.options.format(**choices).split()
        steps = [_conversion(layout, chroma), f"format={encoder.pixels[chroma]}", _named(chroma), encoder.upload]
        coded = ["-an", "-vf", ",".join(filter(None, steps)), "-c:v", encoder.name]
        return [*coded, *words, *self.tags()]

    def tags(self) -> list[str]:
        """ffmpeg's words that name the film's colours, to be given when it is coded and when it is joined."""
        words = [word for name, value in _colours(self.chroma).items() for word in (f"-{name}", value)]
        return [*words, "-chroma_sample_location", "left"] if self.chroma in SITED else words

    def container(self) -> list[str]:
        """ffmpeg's words for the kind of file, to stand before its name."""
        apple = (
            ["-tag:v", "hvc1"] if self.codec == "h265" and self.format == "mp4" else []
        )  # else QuickTime shows nothing
        return [*self.kind.options.split(), *apple, "-f", self.kind.muxer]

    def _fill(self, name: str, usual: object) -> None:
        if getattr(self, name) is None:
            object.__setattr__(self, name, usual)

    def _check_quality(self) -> None:
        best, worst = self.coded.best, self.coded.worst
        self._fill("quality", self.coded.usual)
        if best is None or worst is None:
            if self.quality is not None:
                raise InvalidInputError(f"{self.codec} has no choice of quality: leave it out; got {self.quality}.")
        elif self.quality is None or not min(best, worst) <= self.quality <= max(best, worst):
            raise InvalidInputError(
                f"The quality of {self.codec} is a number from {best} (best) to {worst}, usually {self.coded.usual}; "
                f"got {self.quality}."
            )

    def _software(self) -> list[Encoder]:
        return [encoder for encoder in self.coded.encoders if self.chroma in encoder.pixels]

    def _in_hardware(self) -> list[Encoder]:
        return [encoder for encoder in self.coded.hardware if self.chroma in encoder.pixels]

    def _percent(self) -> int:
        """The quality as a share of 100 (best), as VideoToolbox wants it."""
        best, worst = self.coded.best, self.coded.worst
        if best is None or worst is None or self.quality is None:
            return 100
        return max(1, round(100 * (self.quality - worst) / (best - worst)))


def _one_of(what: str, value: object, possible: object) -> None:
    names = list(possible)  # type: ignore[call-overload]
    if value not in names:
        raise InvalidInputError(f"The {what} is one of {', '.join(map(str, names)) or 'none'}; got {value!r}.")


def _conversion(layout: Layout, chroma: Chroma) -> str:
    if layout == LAYOUTS[chroma] and chroma != "422":
        return ""
    source = "in_range=pc" if layout == "rgb" else "in_range=tv:in_color_matrix=bt709"
    return f"scale={source}:out_range=tv:out_color_matrix=bt709:flags={SCALER}"


def _colours(chroma: Chroma | None) -> dict[str, str]:
    return SRGB if chroma == "rgb" else BT709


def _named(chroma: Chroma) -> str:
    matrix, primaries, curve, values = _colours(chroma).values()
    matrix = "gbr" if matrix == "rgb" else matrix
    return f"setparams=range={values}:colorspace={matrix}:color_primaries={primaries}:color_trc={curve}"


@lru_cache
def _chosen(encoding: Encoding, size: Size, program: str) -> Encoder:
    there, reasons = ffmpeg.encoders(), []
    for encoder in encoding._in_hardware() if encoding.hardware != "never" else ():
        if encoder.name in there:
            try:
                _try(encoding, encoder, size)
            except ffmpeg.VideoError as error:
                reasons.append(f"{encoder.name}: {error}")
            else:
                return encoder
    for encoder in encoding._software() if encoding.hardware != "always" else ():
        if encoder.name in there:
            return encoder
    if encoding.hardware == "always":
        said = "; ".join(reasons) or "this ffmpeg was built with none"
        raise ffmpeg.VideoError(f"No hardware here encodes {encoding.codec}: {said}. Use hardware='auto'.")
    names = " and ".join(encoder.name for encoder in encoding._software())
    raise ffmpeg.VideoError(
        f"The ffmpeg at {program} was built without {names}, which encodes {encoding.codec}. Choose another codec, or "
        "install imageio-ffmpeg from its wheel, which brings an ffmpeg that has it, and unset IMAGEIO_FFMPEG_EXE."
    )


def _try(encoding: Encoding, encoder: Encoder, size: Size) -> None:
    """Encode three black frames: that ffmpeg knows an encoder does not tell that its hardware is here."""
    blank = [f"-f lavfi -i color=black:size={size[0]}x{size[1]}:rate=25", "-frames:v 3 -f null -"]
    words = encoding.output(25, encoding.layout, encoder)
    arguments = [*encoder.device.split(), *blank[0].split(), *words, *blank[1].split()]
    ffmpeg.output(arguments, f"{encoder.name} was tried")
