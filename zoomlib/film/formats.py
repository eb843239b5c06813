"""What films can be written as: formats, the codecs that fit in them, and ffmpeg's encoders for each, as tables."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Chroma = Literal["420", "422", "444", "rgb"]
"""Colour of a film: BT.709 limited range with chroma in half resolution both ways, across, or in full; or sRGB."""

X26_PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
AOM = "-cpu-used {preset} -row-mt 1 -crf {quality} -b:v 0 -g {gop}"
AV1_SITED = "-bsf:v av1_metadata=chroma_sample_position=vertical"  # left-sited: not all encoders say so
BT709 = {"colorspace": "bt709", "color_primaries": "bt709", "color_trc": "bt709", "color_range": "tv"}
SRGB = {"colorspace": "rgb", "color_primaries": "bt709", "color_trc": "iec61966-2-1", "color_range": "pc"}
SCALER = "bicubic+accurate_rnd+full_chroma_int"  # ffmpeg's default rounds, and repeats chroma pixels


@dataclass(frozen=True)
class Encoder:
    """One of ffmpeg's encoders. `pixels`: what it is handed, by chroma; `options` hold what `Encoding.output` fills in.

    `device`: options that must come before the input; `upload`: filters that hand frames to hardware.
    """

    name: str
    pixels: Mapping[Chroma, str]
    options: str
    presets: tuple[str, ...] = ()
    preset: str = ""
    device: str = ""
    upload: str = ""


@dataclass(frozen=True)
class Codec:
    """A way to code pictures: encoders in software, and in hardware, by preference.

    `best`, `worst` and `usual` are on its own scale of quality; None where it has no such choice.
    """

    encoders: tuple[Encoder, ...]
    hardware: tuple[Encoder, ...] = ()
    best: int | None = None
    worst: int | None = None
    usual: int | None = None

    @property
    def chromas(self) -> tuple[Chroma, ...]:
        """What colours can be kept as; the first is the usual way."""
        return tuple(dict.fromkeys(name for encoder in self.encoders for name in encoder.pixels)) or ("rgb",)


@dataclass(frozen=True)
class Format:
    """A kind of file. `codecs`: the first is the usual one. `audio`: options that code its sound, None without sound.

    `subtitles`: the codec of a subtitle track, None without. `joins`: segments become a film without coding them anew.
    """

    suffix: str
    muxer: str
    codecs: tuple[str, ...]
    audio: str | None = None
    subtitles: str | None = None
    options: str = ""
    joins: bool = True


def _hardware(family: str) -> tuple[Encoder, ...]:
    """Encoders of the five makers; rate factors mean there what they mean in software, roughly."""
    one: dict[Chroma, str] = {"420": "yuv420p"}
    nv12: dict[Chroma, str] = {"420": "nv12"}
    av1 = family == "av1"
    both = one if av1 else one | {"444": "yuv444p"}
    number, more = ("{index}", f"-g {{gop}} {AV1_SITED}") if av1 else ("{quality}", "-g {gop}")
    return (
        Encoder(f"{family}_nvenc", both, f"-preset p5 -rc vbr -cq {{quality}} -b:v 0 -forced-idr 1 {more}"),
        Encoder(f"{family}_videotoolbox", one, f"-q:v {{percent}} {more}"),
        Encoder(f"{family}_qsv", nv12, f"-preset medium -global_quality {{quality}} {more}"),
        Encoder(
            f"{family}_vaapi",
            nv12,
            f"-rc_mode CQP -global_quality {number} {more}",
            device="-vaapi_device /dev/dri/renderD128",
            upload="hwupload",
        ),
        Encoder(f"{family}_amf", one, f"-quality quality -rc cqp -qp_i {number} -qp_p {number} {more}"),
    )


# Usual qualities look alike: luma PSNR of 41.9 to 42.5 dB on zooms into two photographs at 512 px.
CODECS: dict[str, Codec] = {
    "h264": Codec(
        (
            Encoder(
                "libx264",
                {"420": "yuv420p", "444": "yuv444p"},
                "-preset {preset} -crf {quality} -g {gop}",
                X26_PRESETS,
                "veryfast",
            ),
            Encoder(
                "libx264rgb", {"rgb": "rgb24"}, "-preset {preset} -crf {quality} -g {gop}", X26_PRESETS, "veryfast"
            ),
        ),
        _hardware("h264"),
        best=1,
        worst=51,
        usual=18,
    ),
    "h265": Codec(
        (
            Encoder(
                "libx265",
                {"420": "yuv420p", "444": "yuv444p"},
                # An open group of pictures would refer to the segment before it.
                "-preset {preset} -crf {quality} -g {gop} -x265-params log-level=error:open-gop=0",
                X26_PRESETS,
                "veryfast",
            ),
        ),
        _hardware("hevc"),
        best=1,
        worst=51,
        usual=19,
    ),
    "av1": Codec(
        (
            Encoder(
                "libsvtav1",
                {"420": "yuv420p"},
                "-preset {preset} -crf {quality} -g {gop}",
                tuple(map(str, range(14))),
                "8",
            ),
            Encoder(
                "libaom-av1",
                {"420": "yuv420p"},
                f"{AOM} {AV1_SITED}",
                tuple(map(str, range(9))),
                "6",
            ),
            Encoder("libaom-av1", {"444": "yuv444p"}, AOM, tuple(map(str, range(9))), "6"),
        ),
        _hardware("av1"),
        best=1,
        worst=63,
        usual=22,
    ),
    "vp9": Codec(
        (
            Encoder(
                "libvpx-vp9",
                {"420": "yuv420p", "444": "yuv444p"},
                "-deadline good -cpu-used {preset} -row-mt 1 -crf {quality} -b:v 0 -g {gop}",
                tuple(map(str, range(9))),
                "4",
            ),
        ),
        best=1,
        worst=63,
        usual=24,
    ),
    "prores": Codec(
        (
            Encoder(
                "prores_ks",
                {"422": "yuv422p10le"},
                "-profile:v {preset} -vendor apl0",
                ("proxy", "lt", "standard", "hq"),
                "hq",
            ),
            Encoder(
                "prores_ks", {"444": "yuv444p10le"}, "-profile:v {preset} -vendor apl0", ("4444", "4444xq"), "4444"
            ),
        )
    ),
    "ffv1": Codec((Encoder("ffv1", {"rgb": "bgr0", "444": "yuv444p", "420": "yuv420p"}, "-level 3 -g 1 -slicecrc 1"),)),
    "gif": Codec((Encoder("gif", {"rgb": "pal8"}, ""),), best=256, worst=2, usual=256),
    "webp": Codec((Encoder("libwebp_anim", {"rgb": "bgra"}, "-quality {quality}"),), best=100, worst=0, usual=80),
    "png": Codec((), best=0, worst=9, usual=3),
}

FORMATS: dict[str, Format] = {
    "mp4": Format(".mp4", "mp4", ("h264", "h265", "av1"), "-c:a aac -b:a 192k", "mov_text", "-movflags +faststart"),
    "webm": Format(".webm", "webm", ("vp9", "av1"), "-c:a libopus -b:a 160k", "webvtt"),
    "mov": Format(".mov", "mov", ("prores",), "-c:a pcm_s24le", "mov_text", "-movflags +faststart"),
    "mkv": Format(".mkv", "matroska", ("ffv1", "h264", "h265", "av1", "vp9"), "-c:a flac", "srt"),
    "gif": Format(".gif", "gif", ("gif",), joins=False, options="-loop 0"),
    "webp": Format(".webp", "webp", ("webp",), joins=False, options="-loop 0"),
    "png": Format("", "", ("png",), joins=False),
}
"""A sequence of PNG is a folder of pictures, and needs no encoder of ffmpeg."""
