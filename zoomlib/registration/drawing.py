"""The matches as a picture, for people to judge: where each was found in the wider picture, and both side by side."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw

from zoomlib.film.lettering import wrap
from zoomlib.registration.features import Picture
from zoomlib.registration.placement import Matrix, Placement, Size, apply, corners, then
from zoomlib.registration.sampling import view_of

CELL_PX = 320
GAP_PX, WORDS_PX = 10, 15
_GROUND, _INK, _OUTLINE = (24, 24, 26), (236, 236, 236), (255, 64, 64)


def draw_matches(pictures: Sequence[Picture], placements: Sequence[Placement], words: Sequence[str]) -> Image.Image:
    """A row for each step: the wider picture with the place outlined, that place enlarged, the finer picture.

    words: a line for each step, written above its row.
    """
    rows = [_cells(*each) for each in zip(pictures, pictures[1:], placements, strict=False)]
    heights = [2 * WORDS_PX + max(cell.height for cell in row) + GAP_PX for row in rows]
    sheet = Image.new("RGB", (3 * CELL_PX + 4 * GAP_PX, sum(heights) + GAP_PX), _GROUND)
    pen, top = ImageDraw.Draw(sheet), GAP_PX
    for row, height, said in zip(rows, heights, words, strict=True):
        for line, font in wrap(said, WORDS_PX, sheet.width - 2 * GAP_PX, 1):
            pen.text((GAP_PX, top), line, _INK, font)
        for column, cell in enumerate(row):
            sheet.paste(cell, (GAP_PX + column * (CELL_PX + GAP_PX), top + 2 * WORDS_PX))
        top += height
    return sheet


def _cells(wider: Picture, finer: Picture, placement: Placement) -> tuple[Image.Image, Image.Image, Image.Image]:
    outer, inner = _size_of(wider), _size_of(finer)
    matrix = placement.matrix(outer, inner)
    shown, to_wider = _fitted(outer)
    whole = Image.fromarray(view_of(wider, to_wider, shown))
    outline = (apply(matrix, corners(inner)) - to_wider[:, 2]) / to_wider[0, 0]
    ImageDraw.Draw(whole).polygon([tuple(point) for point in outline.tolist()], outline=_OUTLINE, width=2)
    size, to_finer = _fitted(inner)
    window = _enlarged(wider, then(to_finer, matrix), size)
    return whole, Image.fromarray(window), Image.fromarray(view_of(finer, to_finer, size))


def _size_of(picture: Picture) -> Size:
    return picture.shape[1], picture.shape[0]


def _fitted(size: Size) -> tuple[Size, Matrix]:
    """The size of a cell's picture, and the matrix from its pixels to the picture's."""
    scale = max(size) / CELL_PX
    shown = max(1, round(size[0] / scale)), max(1, round(size[1] / scale))
    return shown, np.array([[scale, 0, (scale - 1) / 2], [0, scale, (scale - 1) / 2]])


def _enlarged(picture: Picture, matrix: Matrix, size: Size) -> Picture:
    """The place in the picture, bilinear: what is enlarged should look so. Outside the picture it is dark."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    drawn: Picture = cv2.warpAffine(picture, matrix, size, flags=flags, borderMode=cv2.BORDER_CONSTANT)
    return drawn
