"""Where the features of every layer lie on the plane: closed forms, in pixels'."""

from __future__ import annotations


def feature_px(layer: int, blocks: int) -> tuple[int, int]:
    """(step, first) of layer 0 ... 2L-1: the centre of feature q, counted as in `sizes`, is pixel' step·q + first.

    By the centre law (specification, section 1.5): each loses a ring more than the layer before, so that the first
    feature of a doubling lies a step of its own before that of the convolution after it.
    """
    step = int(2 ** (blocks - layer // 2 - 1))
    return step, int(2 ** (blocks + 1)) - (2 if layer % 2 else 3) * step


def features_of_cells(layer: int, start: int, stop: int, blocks: int) -> tuple[int, int]:
    """The features [first, last) of a layer whose centres lie within cells [start, stop), each cell 2^L pixels wide."""
    step, first = feature_px(layer, blocks)
    edges = (2**blocks * cell - 2**blocks // 2 - first for cell in (start, stop))
    top, bottom = (-(-edge // step) for edge in edges)
    return top, bottom


def input_px(layer: int, blocks: int) -> tuple[int, int]:
    """`feature_px` of what a layer reads: of the layer before, and of cells for layer 0."""
    return (int(2**blocks), 0) if layer == 0 else feature_px(layer - 1, blocks)
