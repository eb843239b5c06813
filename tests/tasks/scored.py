"""What tests of scores share: measuring, reading, and what another tool might have made."""

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

import evaluation
from evaluation.rows import IDENTITY
from tasks import foreign
from tasks.cards import run_folders
from tasks.scoring import Outcome, measure, plan
from tasks.scoring_plan import Asked
from tasks.subjects import read_subject


def score(root: Path, *events, **asked) -> tuple[Outcome, ...]:
    question = Asked(**asked)
    listen = events[0].append if events else lambda _event: None
    return measure(plan([read_subject(folder) for folder in run_folders(root)], question), question, on_event=listen)


def read(place: Path) -> pd.DataFrame:
    """In one order, whatever the files'."""
    frame = evaluation.read_scores(place)
    assert not frame.duplicated(list(IDENTITY)).any()
    return frame.sort_values(["run_id", "score", "level", "scorer"]).reset_index(drop=True)


def stack(level_px: int = 64, levels: int = 3, p: float = 2) -> list[np.ndarray]:
    """Levels (H, W, 3) that show each other, of a picture with detail at all scales."""
    n = level_px * 2**levels
    y, x = np.mgrid[0:n, 0:n] / n - 0.5
    wide = sum(
        np.sin(2 * np.pi * f * (x * (1 + k % 2) + y * (1 - k % 3))) / (1 + k) for k, f in enumerate((2, 5, 11, 23))
    )
    wide = (np.stack([wide, np.roll(wide, n // 7, 0), wide.T], -1) * 60 + 128).clip(0, 255)
    found = []
    for level in range(levels):
        side = n / p**level
        low = (n - side) / 2
        part = Image.fromarray(wide.astype(np.uint8)).resize(
            (level_px, level_px), Image.Resampling.BOX, (low, low, low + side, low + side)
        )
        found.append(np.array(part))
    return found


def pictures(folder: Path, levels=None, names: str = "view {}.png") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for i, level in enumerate(stack() if levels is None else levels):
        Image.fromarray(level).save(folder / names.format(i + 8))
    return folder


def given(path: Path, p=(2.0,), **told) -> foreign.Given:
    return foreign.Given(path, p, **told)


def known_film(folder: Path, path: Path) -> Path:
    from zoomlib.film.camera import Camera
    from zoomlib.film.render import frames
    from zoomlib.film.video import write
    from zoomlib.stack import ZoomStack

    known = ZoomStack.load(folder)
    camera = Camera(len(known), fps=12, seconds_per_level=1, factors=known.factors)
    write(frames(known, camera, (96, 96)), path, fps=12)
    return path
