"""Still pictures of a stack: the poster of its video, and a sheet of all levels with what they should show."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from PIL import Image, ImageDraw

from zoomlib.errors import InvalidInputError
from zoomlib.film.lettering import Line, font, wrap
from zoomlib.film.planes import Size
from zoomlib.film.render import Renderer
from zoomlib.film.scale import in_words
from zoomlib.images import to_pil
from zoomlib.stack import ZoomStack

PAPER, TILE, INK, FAINT, ACCENT = "#0f1116", "#1a1d26", "#e8eaf0", "#9aa1b2", "#ffb454"
MAX_LINES = 4
KERNEL = Image.Resampling.LANCZOS


def poster(stack: ZoomStack, size: Size, *, loop: bool = False) -> Image.Image:
    """The widest level with all finer ones in it, as the film shows it: an RGB picture of `size` (width, height)."""
    return Image.fromarray(Renderer(stack, size, loop=loop).frame(0.0))


def contact_sheet(
    stack: ZoomStack,
    prompts: Sequence[str],
    title: str = "",
    *,
    subtitle: str = "",
    widths_m: Sequence[float | None] | None = None,
    tile_px: int = 256,
    columns: int | None = None,
) -> Image.Image:
    """All levels in a grid, each with its number and prompt, under a title: an RGB picture.

    `widths_m`, one per level, stand in words above the prompts where they are known. `tile_px` is the width of a level,
    `columns` their number in a row (None: about twice as wide as high). Any text is drawn: wrapped, and ended by an
    ellipsis where it does not fit. Raises InvalidInputError unless there is one prompt, and one width, per level.
    """
    _check(len(stack.levels), prompts, widths_m, tile_px, columns)
    H, W = stack.levels.shape[-2:]
    sheet = _Sheet(len(prompts), tile_px, max(round(tile_px * H / W), 1), columns or round((2 * len(prompts)) ** 0.5))
    wide = ["" if width_m is None else in_words(width_m) for width_m in widths_m or [None] * len(prompts)]
    told = "".join((*prompts, *wide))
    captions = [_caption(sheet, *words, told) for words in zip(prompts, wide, strict=True)]
    sheet = replace(sheet, lines=max(map(len, captions)))
    picture = Image.new("RGB", sheet.size, PAPER)
    draw = ImageDraw.Draw(picture)
    _heading(draw, sheet, title, subtitle)
    for index, (level, caption) in enumerate(zip(stack.levels, captions, strict=True)):
        x, y = sheet.corner(index)
        draw.rounded_rectangle((x, y, x + sheet.tile_w - 1, y + sheet.cell_h - 1), sheet.gap // 3, TILE)
        picture.paste(to_pil(level).convert("RGB").resize((sheet.tile_w, sheet.tile_h), KERNEL), (x, y))
        _number(draw, sheet, index, x, y)
        for row, ((line, drawn), colour) in enumerate(caption):
            base = y + sheet.tile_h + sheet.inner + row * sheet.leading + sheet.text
            draw.text((x + sheet.inner, base), line, colour, drawn, anchor="ls")
    return picture


def _check(
    levels: int, prompts: Sequence[str], widths_m: Sequence[float | None] | None, tile_px: int, columns: int | None
) -> None:
    for what, given in (("prompt", prompts), ("width", widths_m)):
        if given is not None and len(given) != levels:
            raise InvalidInputError(
                f"A contact sheet needs one {what} per level: {levels} levels, {len(given)} {what}s."
            )
    if tile_px < 32 or (columns is not None and columns < 1):
        raise InvalidInputError(
            f"A contact sheet needs tiles of 32 px or more in 1 column or more; got {tile_px} px, columns={columns}."
        )


def _caption(sheet: "_Sheet", prompt: str, width: str, told: str) -> list[tuple[Line, str]]:
    """The lines under a level, each with its colour: how wide it is, and what it shows; `told` is all that is said."""
    lines = ((width, 1, FAINT), (prompt, MAX_LINES, INK))
    return [
        (line, colour) for text, most, colour in lines for line in wrap(text, sheet.text, sheet.inner_w, most, told)
    ]


@dataclass(frozen=True)
class _Sheet:
    """The layout in pixels."""

    levels: int
    tile_w: int
    tile_h: int
    most_columns: int
    lines: int = 0

    @property
    def columns(self) -> int:
        return max(min(self.most_columns, self.levels), 1)

    @property
    def gap(self) -> int:
        return max(self.tile_w // 14, 6)

    @property
    def inner(self) -> int:
        return self.gap // 2

    @property
    def inner_w(self) -> int:
        return self.tile_w - 2 * self.inner

    @property
    def text(self) -> int:
        return max(self.tile_w // 17, 9)

    @property
    def leading(self) -> int:
        return round(self.text * 1.35)

    @property
    def cell_h(self) -> int:
        return self.tile_h + self.lines * self.leading + 2 * self.inner

    @property
    def head(self) -> int:
        return self.text * 4 + 2 * self.gap

    @property
    def size(self) -> Size:
        rows = -(-self.levels // self.columns)
        return self.gap + self.columns * (self.tile_w + self.gap), self.head + rows * (self.cell_h + self.gap)

    def corner(self, index: int) -> tuple[int, int]:
        row, column = divmod(index, self.columns)
        return self.gap + column * (self.tile_w + self.gap), self.head + row * (self.cell_h + self.gap)


def _heading(draw: ImageDraw.ImageDraw, sheet: _Sheet, title: str, subtitle: str) -> None:
    width = sheet.size[0] - 2 * sheet.gap
    for line, drawn in wrap(title, sheet.text * 1.8, width, 1):
        draw.text((sheet.gap, sheet.gap), line, INK, drawn)
    for line, drawn in wrap(subtitle, sheet.text, width, 1):
        draw.text((sheet.gap, sheet.gap + sheet.text * 2.6), line, FAINT, drawn)


def _number(draw: ImageDraw.ImageDraw, sheet: _Sheet, index: int, x: int, y: int) -> None:
    drawn = font(sheet.text, "")
    pad = sheet.text // 2
    width, height = drawn.getlength(str(index)) + 2 * pad, sheet.text + pad
    draw.rounded_rectangle((x + pad, y + pad, x + pad + width, y + pad + height), pad, PAPER)
    draw.text((x + pad + width / 2, y + pad + height / 2), str(index), ACCENT, drawn, anchor="mm")
