"""A source of tiles whose pixels follow from their places, with a latch before each tile."""

import threading

import numpy as np
import torch

from evaluation.explorer.source import Model

STEP = 64
MOST = 2**57 - 32


def pixels(seed, y, x, height, width, model=0):
    """Grey levels (height, width, 3) of a window, uint8: no two places near each other are alike."""
    rows = np.array([(y + i) % 65521 for i in range(height)], np.int64)[:, None]
    columns = np.array([(x + i) % 65521 for i in range(width)], np.int64)[None]
    mixed = rows * 7919 + columns * 104729 + (seed % 65521) * 31 + model * 17 + (rows * columns) % 127
    return np.stack([mixed % 256, (mixed // 3) % 256, (mixed // 11) % 256], -1).astype(np.uint8)


class FormulaTiles:
    """As `evaluation.explorer.source.Source`. asked: tiles in the order in which they were painted. open: while it is
    cleared, painting waits. broken: tiles (row, column) that cannot be painted."""

    models = (Model("first", "first", STEP, MOST), Model("it's two", "'it'\"'\"'s two'", STEP, MOST))

    def __init__(self):
        self.asked, self.broken = [], set()
        self.open, self.begun = threading.Event(), threading.Event()
        self.open.set()

    def paint(self, model, seed, row, column):
        self.asked.append((seed, row, column))
        self.begun.set()
        assert self.open.wait(60)
        if (row, column) in self.broken:
            raise ValueError("There is a hole here. Walk around it.")
        picture = pixels(seed, row * STEP, column * STEP, STEP, STEP, model)
        return torch.from_numpy(picture).movedim(-1, 0).float().div(127.5).sub(1)
