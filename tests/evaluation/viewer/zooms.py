"""Stacks for the tests of pages: levels that differ, so that a wrong level, place or order cannot pass."""

import torch

from tests.evaluation.pictures import smooth
from zoomlib.stack import ZoomStack

EVIL = '</script><script>document.title = "owned"</script><!-- <img src=x onerror="document.title=`owned`"> {{SCRIPT}}'


def zoom(levels=4, size=(128, 128), p=2, focus=None):
    """Levels of `size` = (width, height) with detail of all sizes and colours of their own."""
    W, H = size
    pictures = [0.6 * smooth(3, H, W, seed=i) + 0.2 * smooth(3, H, W, seed=100 + i, power=0.6) for i in range(levels)]
    return ZoomStack(torch.stack(pictures).clamp(-1, 1).float(), p, focus)


def words(stack, **changes):
    """What a page of `stack` says."""
    return {"title": "A zoom", "prompts": [f"what level {i} shows" for i in range(len(stack))]} | changes
