"""Time of rankings with intervals: one score of many runs, as a page asks for it, and many scores at once.

    python benchmarks/ranking.py

Prints milliseconds of processor time, the least of five; and of the first call, which imports and draws.
"""

import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from evaluation.catalogue import ENTRIES
from evaluation.statistics import ranking, rankings


def frame(arms: int, stories: int, seeds: int, levels: int, scores: list[str]) -> pd.DataFrame:
    """Random values of every arm, story, seed, level and score."""
    sizes = {"arm": arms, "story": stories, "seed": seeds, "level": levels}
    index = pd.MultiIndex.from_product([*map(range, sizes.values()), scores], names=[*sizes, "score"])
    rows = index.to_frame(index=False)
    rows["arm"], rows["story"] = rows["arm"].map("arm {}".format), rows["story"].map("story {}".format)
    values = np.random.default_rng(0).lognormal(size=len(rows))
    return rows.assign(value=values, scorer=None, scorer_revision=None, model="model")


def timed(call) -> list[float]:
    """Milliseconds of processor time of six calls."""
    found = []
    for _ in range(6):
        began = time.process_time()
        call()
        found.append(1000 * (time.process_time() - began))
    return found


if __name__ == "__main__":
    one = frame(18, 100, 3, 6, ["clip_score"])
    many = frame(100, 6, 3, 6, [entry.name for entry in ENTRIES[:30]])
    for title, call in (
        (f"one score, 18 arms of 300 runs, {len(one):,} rows", lambda: ranking(one, "clip_score")),
        (f"30 scores, 100 arms of 18 runs, {len(many):,} rows", lambda: rankings(many)),
    ):
        first, *others = timed(call)
        print(f"{title}: {min(others):,.0f} ms, first {first:,.0f} ms")
