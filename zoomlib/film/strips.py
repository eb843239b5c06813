"""Several versions of a zoom below each other, so that the same level stands in one column."""

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw
from torch import Tensor

from zoomlib.errors import InvalidInputError
from zoomlib.film.lettering import Line, wrap
from zoomlib.film.pictures import ACCENT, FAINT, INK, KERNEL, PAPER, TILE
from zoomlib.images import to_pil

MAX_LINES = 5


@dataclass(frozen=True, eq=False)
class Strip:
    """A row: levels (L, 3, H, W) in [-1, 1] with a caption each, and above them a head and a note.

    marked: levels whose captions are drawn in another colour.
    """

    levels: Tensor
    head: str
    note: str = ""
    captions: tuple[str, ...] = ()
    marked: tuple[int, ...] = ()


def strips(rows: Sequence[Strip], title: str = "", *, tile_px: int = 160) -> Image.Image:
    """The rows under a title, as an RGB picture; `tile_px` is the width of a level.

    Raises InvalidInputError for no rows, or tiles below 32 px.
    """
    if not rows or tile_px < 32:
        raise InvalidInputError(f"Expected one row or more and tiles of 32 px or more, got {len(rows)} and {tile_px}.")
    layout = _Layout(tile_px)
    heights = [layout.height(row) for row in rows]
    width = layout.left(max(len(row.levels) for row in rows))
    picture = Image.new("RGB", (width, layout.head + sum(heights) + layout.gap), PAPER)
    draw, top = ImageDraw.Draw(picture), layout.head
    for line, drawn in wrap(title, layout.text * 1.6, width - 2 * layout.gap, 1):
        draw.text((layout.gap, layout.gap), line, INK, drawn)
    for row, height in zip(rows, heights, strict=True):
        draw.rectangle((0, top, width, top + height - layout.gap), TILE)
        _words(draw, row, layout, top, width)
        _levels(picture, draw, row, layout, top)
        top += height
    return picture


@dataclass(frozen=True)
class _Layout:
    """Lengths in pixels."""

    tile: int

    @property
    def gap(self) -> int:
        return max(self.tile // 14, 6)

    @property
    def text(self) -> int:
        return max(self.tile // 13, 9)

    @property
    def leading(self) -> int:
        return round(1.35 * self.text)

    @property
    def head(self) -> int:
        return round(3.5 * self.text)

    def left(self, index: int) -> int:
        return self.gap + index * (self.tile + self.gap)

    def tall(self, row: Strip) -> int:
        return max(round(self.tile * row.levels.shape[-2] / row.levels.shape[-1]), 1)

    def height(self, row: Strip) -> int:
        lines = max((len(self.caption(text)) for text in row.captions), default=0)
        return (2 + lines) * self.leading + self.tall(row) + 3 * self.gap

    def caption(self, text: str) -> list[Line]:
        return list(wrap(text, self.text, self.tile, MAX_LINES))


def _words(draw: ImageDraw.ImageDraw, row: Strip, layout: _Layout, top: int, width: int) -> None:
    for number, (said, colour) in enumerate(((row.head, ACCENT), (row.note, FAINT))):
        for line, drawn in wrap(said, layout.text, width - 2 * layout.gap, 1):
            draw.text((layout.gap, top + layout.gap // 2 + number * layout.leading), line, colour, drawn)


def _levels(picture: Image.Image, draw: ImageDraw.ImageDraw, row: Strip, layout: _Layout, top: int) -> None:
    top += layout.gap + 2 * layout.leading
    below = top + layout.tall(row) + layout.gap // 2
    for index, level in enumerate(row.levels):
        left = layout.left(index)
        tile = to_pil(level).convert("RGB").resize((layout.tile, layout.tall(row)), KERNEL)
        picture.paste(tile, (left, top))
        caption = row.captions[index] if index < len(row.captions) else ""
        for number, (line, drawn) in enumerate(wrap(caption, layout.text, layout.tile, MAX_LINES)):
            colour = ACCENT if index in row.marked else INK
            draw.text((left, below + number * layout.leading), line, colour, drawn)
