"""Small finished runs for tests of what looks at many of them: made in a moment, with known scores."""

import json

import numpy as np
import torch

from evaluation.table import Run, Score, rows, write_scores
from zoomlib.stack import ZoomStack

STORIES = ("Leaf to atoms", "<script>alert(1)</script>", 'Web & "><img src=x onerror=alert(2)>')
ARMS = ("joint", "outpaint-direct", '"><img src=x onerror=alert(3)> </script>')
SEEDS = (0, 1)
LEVELS, SIDE = 5, 48
PROMPTS = tuple(f"level {level} </script><script>alert(4)</script> {{{{SCENE}}}} é ‮" for level in range(LEVELS))
HOSTILE = "<b onclick=alert(5)>"


def value(arm, story, seed, level):
    """The text score: arms differ by 10, stories by 1, seeds by 0.25, levels by 0.125; all are exact in binary."""
    return 60.0 - 10 * arm + story + 0.25 * seed + 0.125 * level * (1 + arm)


def make_run(folder, arm, story, seed, *, stack=None, settings=None):
    """One finished run in `folder`, whose name is its id."""
    folder.mkdir(parents=True)
    if stack is not None:
        stack.save(folder / "stack")
    sampling = {"steps": 30, "eta": arm / 2, "note": HOSTILE} | (settings or {})
    facts = {
        "run_id": folder.name,
        "story": STORIES[story],
        "prompts": list(PROMPTS),
        "method": "joint",
        "variant": f"joint eta={arm}",
        "p": 2.0,
        "seed": seed,
        "model": {"id": "bundled", "revision": "0123456789abcdef"},
        "versions": {"tenfold": "0.1.0"},
        "config": {"method": "joint", "seed": seed, "sampling": sampling, "scores": {"measures": []}},
        "files": {},
    }
    (folder / "config.json").write_text(json.dumps(facts), encoding="utf-8")
    run = Run(
        folder.name, STORIES[story], "joint", facts["variant"], seed, "bundled", "0123456789abcdef", "tenfold 0.1.0"
    )
    told = [
        Score("clip_score", value(arm, story, seed, level), "level", level, "bundled", "rev") for level in range(LEVELS)
    ]
    told += [Score("seam", 1.0 + arm / 4 + level / 16, "level", level) for level in range(LEVELS)]
    told += [Score("window_psnr", 30.0 + arm, "pair", level) for level in range(LEVELS - 1)]
    told += [Score("flicker", 2.0 + arm + story, "video")]
    write_scores(rows(told, run), folder / "scores.parquet")
    return folder


def make_sweep(root, *, without=()):
    """Runs of all arms, stories and seeds under `root`, and the sweep that made them; returns the sweep's folder.

    without: points (arm, story, seed) that failed.
    """
    points = []
    for arm, name in enumerate(ARMS):
        for story, title in enumerate(STORIES):
            for seed in SEEDS:
                number = (arm * len(STORIES) + story) * len(SEEDS) + seed
                point = {"arm": name, "story": title, "seed": seed, "run_id": None, "folder": None, "error": None}
                if (arm, story, seed) in without:
                    point["error"] = "the model broke </script>"
                else:
                    run = f"{number:012x}"[::-1]
                    folder = make_run(root / f"story-{story}" / run, arm, story, seed, stack=picture_stack(number))
                    point |= {"run_id": run, "folder": folder.relative_to(root).as_posix()}
                points.append(point)
    folder = root / "_sweeps" / "trial-0a1b2c3d"
    folder.mkdir(parents=True)
    facts = {
        "version": 1,
        "name": "trial",
        "title": "A trial <script>alert(6)</script>",
        "preset": None,
        "id": "0a1b2c3d",
        "arms": list(ARMS),
        "points": points,
    }
    (folder / "sweep.json").write_text(json.dumps(facts), encoding="utf-8")
    return folder


def picture_stack(seed):
    """Smooth pictures that differ from run to run and from level to level."""
    noise = np.random.default_rng(seed).uniform(-1, 1, (LEVELS, 3, 6, 6)).astype(np.float32)
    levels = torch.nn.functional.interpolate(torch.from_numpy(noise), SIDE, mode="bilinear", align_corners=False)
    return ZoomStack(levels, 2)
