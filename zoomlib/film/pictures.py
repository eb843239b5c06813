"""Still pictures of a stack: the poster of its video, and a sheet of all levels with what they should show."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from PIL import Image, ImageDraw, ImageFont

from zoomlib.errors import InvalidInputError
from zoomlib.film.render import KERNEL, Renderer
from zoomlib.film.view import Size
from zoomlib.images import to_pil
from zoomlib.stack import ZoomStack

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

PAPER, TILE, INK, FAINT, ACCENT = "#0f1116", "#1a1d26", "#e8eaf0", "#9aa1b2", "#ffb454"
MAX_LINES = 4
MAX_TEXT = 2000  # characters looked at: more than any cell holds, and a bound on the work
# For scripts that Pillow's own font does not draw; where none of these is installed, boxes stand for the letters.
WIDE_FONTS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "Arial Unicode.ttf", "arial.ttf")
EAST_ASIAN_FONTS = ("NotoSansCJK-Regular.ttc", "wqy-zenhei.ttc", "PingFang.ttc", "msyh.ttc", *WIDE_FONTS)


def poster(stack: ZoomStack, size: Size) -> Image.Image:
    """The widest level with all finer ones in it, as the film shows it: an RGB picture of `size` (width, height)."""
    return Image.fromarray(Renderer(stack, size).frame(0.0))


def contact_sheet(
    stack: ZoomStack,
    prompts: Sequence[str],
    title: str = "",
    *,
    subtitle: str = "",
    tile_px: int = 256,
    columns: int | None = None,
) -> Image.Image:
    """All levels in a grid, each with its number and prompt, under a title: an RGB picture.

    `tile_px` is the width of a level, `columns` their number in a row (None: about twice as wide as high). Any text is
    drawn: wrapped, and ended by an ellipsis where it does not fit. Raises InvalidInputError unless there is one prompt
    per level.
    """
    if len(prompts) != len(stack.levels):
        raise InvalidInputError(
            f"A contact sheet needs one prompt per level: {len(stack.levels)} levels, {len(prompts)} prompts."
        )
    if tile_px < 32 or (columns is not None and columns < 1):
        raise InvalidInputError(
            f"A contact sheet needs tiles of 32 px or more in 1 column or more; got {tile_px} px, columns={columns}."
        )
    H, W = stack.levels.shape[-2:]
    sheet = _Sheet(len(prompts), tile_px, max(round(tile_px * H / W), 1), columns or round((2 * len(prompts)) ** 0.5))
    captions = [list(_wrap(prompt, sheet.text, sheet.inner_w, MAX_LINES)) for prompt in prompts]
    sheet = replace(sheet, lines=max(map(len, captions)))
    picture = Image.new("RGB", sheet.size, PAPER)
    draw = ImageDraw.Draw(picture)
    _heading(draw, sheet, title, subtitle)
    for index, (level, caption) in enumerate(zip(stack.levels, captions, strict=True)):
        x, y = sheet.corner(index)
        draw.rounded_rectangle((x, y, x + sheet.tile_w - 1, y + sheet.cell_h - 1), sheet.gap // 3, TILE)
        picture.paste(to_pil(level).convert("RGB").resize((sheet.tile_w, sheet.tile_h), KERNEL), (x, y))
        _number(draw, sheet, index, x, y)
        for row, (line, font) in enumerate(caption):
            draw.text((x + sheet.inner, y + sheet.tile_h + sheet.inner + row * sheet.leading), line, INK, font)
    return picture


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
        return self.text * 4 + self.gap

    @property
    def size(self) -> Size:
        rows = -(-self.levels // self.columns)
        return self.gap + self.columns * (self.tile_w + self.gap), self.head + rows * (self.cell_h + self.gap)

    def corner(self, index: int) -> tuple[int, int]:
        row, column = divmod(index, self.columns)
        return self.gap + column * (self.tile_w + self.gap), self.head + row * (self.cell_h + self.gap)


def _heading(draw: ImageDraw.ImageDraw, sheet: _Sheet, title: str, subtitle: str) -> None:
    width = sheet.size[0] - 2 * sheet.gap
    for line, font in _wrap(title, sheet.text * 1.8, width, 1):
        draw.text((sheet.gap, sheet.gap), line, INK, font)
    for line, font in _wrap(subtitle, sheet.text, width, 1):
        draw.text((sheet.gap, sheet.gap + sheet.text * 2.5), line, FAINT, font)


def _number(draw: ImageDraw.ImageDraw, sheet: _Sheet, index: int, x: int, y: int) -> None:
    font = _font(sheet.text, "")
    pad = sheet.text // 2
    width, height = font.getlength(str(index)) + 2 * pad, sheet.text + pad
    draw.rounded_rectangle((x + pad, y + pad, x + pad + width, y + pad + height), pad, PAPER)
    draw.text((x + pad + width / 2, y + pad + height / 2), str(index), ACCENT, font, anchor="mm")


def _wrap(text: str, size_px: float, width_px: float, lines: int) -> Iterator[tuple[str, Font]]:
    """`text` in at most `lines` lines of `width_px`, each with its font; broken between words where there are any."""
    # No text font has pictographs, which lie above U+1F000 but for the rarer ideographs above U+20000.
    cleaned = "".join(c if c.isprintable() and not 0x1F000 <= ord(c) < 0x20000 else " " for c in text[:MAX_TEXT])
    words, font = cleaned.split(), _font(size_px, cleaned)
    for row in range(lines):
        if not words:
            return
        line, words = _line(words, font, width_px)
        if words and row == lines - 1:
            line += " " + words[0]
            line = line[: _fitting(line, font, width_px, "…")].rstrip() + "…"
        yield line, font


def _line(words: list[str], font: Font, width_px: float) -> tuple[str, list[str]]:
    """The first line, and the words that are left; a word that is wider than a line is cut."""
    count = 1
    while count < len(words) and font.getlength(" ".join(words[: count + 1])) <= width_px:
        count += 1
    line = " ".join(words[:count])
    if font.getlength(line) <= width_px:
        return line, words[count:]
    fits = max(_fitting(line, font, width_px), 1)
    return line[:fits], [line[fits:], *words[1:]] if len(line) > fits else words[1:]


def _fitting(line: str, font: Font, width_px: float, tail: str = "") -> int:
    """How many characters of `line`, followed by `tail`, fit."""
    return bisect_right(range(len(line)), width_px, key=lambda n: font.getlength(line[: n + 1] + tail))


def _font(size_px: float, text: str) -> Font:
    foreign = [c for c in text if ord(c) > 0x24F and not 0x2000 <= ord(c) < 0x2070]
    for name in () if not foreign else EAST_ASIAN_FONTS if max(foreign) >= "\u2e80" else WIDE_FONTS:
        try:
            return ImageFont.truetype(name, size_px)
        except OSError:
            continue
    return ImageFont.load_default(size_px)
