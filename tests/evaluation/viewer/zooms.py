"""Stacks for the tests of pages: levels that differ, so that a wrong level, place or order cannot pass."""

import torch

from tests.evaluation.pictures import smooth
from zoomlib.stack import ZoomStack

LEVELS = 6
WIDTH_M = 3.2e16
EVIL = '</script><script>document.title = "owned"</script><!-- <img src=x onerror="document.title=`owned`"> {{SCRIPT}}'


def zoom(levels=4, size=(128, 128), p=2, focus=None):
    """Levels of `size` = (width, height) with detail of all sizes and colours of their own."""
    W, H = size
    pictures = [0.6 * smooth(3, H, W, seed=i) + 0.2 * smooth(3, H, W, seed=100 + i, power=0.6) for i in range(levels)]
    return ZoomStack(torch.stack(pictures).clamp(-1, 1).float(), p, focus)


def words(stack, **changes):
    """What a page of `stack` says."""
    return {"title": "A zoom", "prompts": [f"what level {i} shows" for i in range(len(stack))]} | changes


def zooms():
    """Stacks of every kind, each with what its page tells beside the words; `plain` has LEVELS levels."""
    return {
        "plain": (zoom(LEVELS, (256, 256)), {"widths_m": [WIDTH_M, *[None] * (LEVELS - 1)], "facts": {"Seed": "7"}}),
        "aside": (zoom(4, (192, 128), focus=[(0.3, 0.7), (0.8, 0.4), (0, 1), None]), {}),
        "uneven": (zoom(4, (128, 128), p=(1.6, 4.0, 2.5)), {}),
        "loop": (zoom(4, (128, 128)), {"loop": True}),
        "one": (zoom(1, (64, 64)), {}),
        "deep": (zoom(40, (64, 64), focus=[(0.3, 0.6)] * 40), {"widths_m": [1e27, *[None] * 39]}),
    }
