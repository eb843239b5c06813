"""Pictures from anywhere, as cameras, scanners and drawing programs write them: made 8-bit sRGB, and what that changed.

What this package has written itself is read by `zoomlib.images`.
"""

import io
import os
import warnings
from pathlib import Path

from PIL import ExifTags, Image, ImageCms, ImageOps
from torch import Tensor

from zoomlib.errors import InvalidInputError
from zoomlib.images import UNREADABLE, from_pil, to_pil

MIN_SIDE_PX = 16
"""A smaller picture is a mistake: nothing that a level could show is in it."""
MAX_SIDE_PX = 16_384
MAX_PIXELS = 100_000_000

_SPACES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}
"""Of a profile's colour space, the mode of pictures that it can be for."""

Notes = tuple[str, ...]
"""What reading has changed, a sentence each; what changes no colour and cuts nothing away is not worth one."""


def load_picture(path: str | os.PathLike[str]) -> tuple[Tensor, Notes]:
    """Read a picture file upright: float32 (3, H, W) in [-1, 1], sRGB of 8 bits, and what was changed on the way.

    16 bits become 8, CMYK and colours of an embedded profile sRGB, transparency white; of several pictures in a file
    the first is taken. Raises InvalidInputError for a missing file, a folder, anything that is no whole picture, one of
    32 bits, and one with a side below `MIN_SIDE_PX` or above `MAX_SIDE_PX` or more than `MAX_PIXELS`.
    """
    path = Path(path)
    if not path.is_file():
        raise InvalidInputError(f"{path} is not a file. Give the path of a picture, such as a PNG, JPEG or TIFF.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the size is checked here, exactly
            with Image.open(path) as picture:
                _check_size(path, picture)
                return _converted(picture)
    except Image.DecompressionBombError as e:  # Pillow's own limit, before it tells the sides
        raise InvalidInputError(
            f"{path} is too large: more than {MAX_PIXELS // 10**6} million pixels. {_REMEDY}"
        ) from e
    except (*UNREADABLE, ImageCms.PyCMSError) as e:
        if isinstance(e, InvalidInputError):
            raise
        raise InvalidInputError(f"{path} cannot be read as a picture ({e}). Give a whole PNG, JPEG or TIFF.") from e


_REMEDY = (
    f"A picture has at least {MIN_SIDE_PX} and at most {MAX_SIDE_PX:,} pixels a side and {MAX_PIXELS // 10**6} million "
    "in all. Give another one, or scale it first."
)


def _check_size(path: Path, picture: Image.Image) -> None:
    """From the header alone, before anything is decoded."""
    width, height = picture.size
    if min(width, height) < MIN_SIDE_PX:
        raise InvalidInputError(f"{path} is too small: {width} x {height} pixels. {_REMEDY}")
    if max(width, height) > MAX_SIDE_PX or width * height > MAX_PIXELS:
        raise InvalidInputError(f"{path} is too large: {width} x {height} pixels. {_REMEDY}")


def _converted(picture: Image.Image) -> tuple[Tensor, Notes]:
    notes = _of_the_file(picture)
    profile = picture.info.get("icc_profile")
    upright = ImageOps.exif_transpose(picture)
    if upright.mode[0] in "IF":
        upright = to_pil(from_pil(upright))
    alpha = None
    if upright.has_transparency_data:
        upright = upright.convert("RGBA")
        alpha = upright.getchannel("A")
    colours, said = _srgb(upright, profile)
    if alpha is not None:
        clear = alpha.getextrema() != (255, 255)
        said += ("What is transparent in it became white.",) if clear else ()
        colours.putalpha(alpha)
    return from_pil(colours).expand(3, -1, -1).contiguous(), notes + said


def _of_the_file(picture: Image.Image) -> Notes:
    """What taking this picture out of its file leaves behind."""
    tiles = getattr(picture, "tile", ())  # how pixels are coded; empty once they are decoded
    deep = picture.mode.startswith("I") or any(";16" in str(tile[3]) for tile in tiles)
    count = getattr(picture, "n_frames", 1)
    turned = picture.getexif().get(ExifTags.Base.Orientation, 1) not in (0, 1)
    notes = {
        f"The first of the {count} pictures in its file was taken.": count > 1,
        "It was turned upright as its EXIF data say.": turned,
        "Its 16 bits a channel became 8.": deep,
    }
    return tuple(note for note, holds in notes.items() if holds)


def _srgb(picture: Image.Image, profile: bytes | None) -> tuple[Image.Image, Notes]:
    """The picture without transparency, in sRGB; grey that needs no conversion stays grey."""
    cmyk = picture.mode == "CMYK"
    if not cmyk and picture.mode not in ("1", "L", "LA", "La"):
        picture = picture.convert("RGB")
    elif not cmyk:
        picture = picture.convert("L")
    if profile is not None:
        try:
            name, colours = _by_profile(picture, profile)
            kind = "CMYK" if cmyk else "Its colours"
            return colours, () if name is None else (f"{kind} became sRGB, by the profile in it ({name}).",)
        except (ImageCms.PyCMSError, OSError, ValueError):
            fault: Notes = ("The colour profile in it is damaged or of another kind of picture, and was not used.",)
    else:
        fault = ()
    without = ("CMYK became RGB; without a profile its colours are only roughly right.",) if cmyk else ()
    return picture.convert("RGB"), fault + without


def _by_profile(picture: Image.Image, profile: bytes) -> tuple[str | None, Image.Image]:
    """The picture as its profile means it, and the profile's name; None where that is sRGB itself."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    name = ImageCms.getProfileDescription(source).strip() or "without a name"
    if _SPACES.get(source.profile.xcolor_space.strip()) != picture.mode:
        raise ValueError(f"a profile for {source.profile.xcolor_space}, not for {picture.mode}")
    if "srgb" in name.lower():
        return None, picture
    made = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    if made is None:
        raise ValueError("the conversion gave nothing")
    return name, made
