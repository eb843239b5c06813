"""Runs as their folders hold them, made without sampling."""

import json

import numpy as np
from PIL import Image

from evaluation.table import Run, Score, rows, write_scores
from prompts import slug

LEVELS = 3


def make_run(
    root, folder, *, story="A forest", method="joint", variant=None, seed=0, model="bundled", values=(), **more
):
    """A finished run at `root/folder`; values: {score: [value per level]} beside a text score and a seam."""
    place = root / folder
    (place / "stack").mkdir(parents=True, exist_ok=True)
    for level in range(LEVELS):
        Image.fromarray(np.full((16, 16, 3), 40 * level + seed, np.uint8)).save(
            place / "stack" / f"level_{level:02d}.png"
        )
    Image.fromarray(np.full((32, 32, 3), 90 + seed, np.uint8)).save(place / "poster.png")
    (place / "zoom.mp4").write_bytes(bytes(range(256)) * 8)
    (place / "view.html").write_text("<!doctype html><title>view</title><script>document.title = 'ran'</script>")
    (place / "story.yaml").write_text("title: x\n")
    facts = {
        "run_id": place.name,
        "story": story,
        "prompts": [f"{story}, level {level}" for level in range(LEVELS)],
        "method": method,
        "variant": variant or method,
        "p": 2.0,
        "seed": seed,
        "config": {"method": method, "seed": seed, "guidance": {"scale": 2.0 + seed}, "film": {"fps": 30}},
        "model": {"id": model, "revision": "abc"},
        "versions": {"tenfold": "0.1.0"},
        "files": {"zoom.mp4": "0", "poster.png": "0"},
        **more,
    }
    run = Run(place.name, story, method, facts["variant"], seed, model, "abc", "tenfold 0.1.0")
    measured = {"clip_score": [80.0 + seed, 70.0, 60.0], "seam": [1.0, 1.2, 1.5 + seed], **dict(values)}
    write_scores(rows(scores(measured), run), place / "scores.parquet")
    # Last, as runs are published: a folder with it is a finished run.
    (place / "config.json").write_text(json.dumps(facts), encoding="utf-8")
    return place


def scores(measured):
    for score, values in measured.items():
        scorer = "bundled" if score.startswith("clip") else None
        for level, value in enumerate(values):
            yield Score(score, value, "level", level, scorer, scorer and "rev")


def make_runs(root, stories=("A forest", "A planet"), methods=("joint", "superres"), seeds=(0, 1)):
    """One run of each story, method and seed, with scores that differ."""
    made = []
    for i, story in enumerate(stories):
        for j, method in enumerate(methods):
            for seed in seeds:
                name = f"{slug(story)}/{i}{j}{seed}{'f' * 9}"
                values = {"clip_score": [80 + i - 5 * j + seed, 70 + 3 * i * j, 60.5 + seed * j]}
                made.append(make_run(root, name, story=story, method=method, seed=seed, values=values))
    return made


def make_sweep(root, points, title="A sweep", name="first"):
    """`sweep.json` of points (arm, story, seed, folder or None, error or None)."""
    place = root / "_sweeps" / f"{name}-123"
    place.mkdir(parents=True, exist_ok=True)
    told = [
        {
            "arm": arm,
            "story": story,
            "seed": seed,
            "run_id": folder and folder.split("/")[1],
            "folder": folder,
            "error": error,
        }
        for arm, story, seed, folder, error in points
    ]
    arms = list(dict.fromkeys(point["arm"] for point in told))
    facts = {"version": 1, "name": name, "title": title, "preset": None, "id": "123", "arms": arms, "points": told}
    (place / "sweep.json").write_text(json.dumps(facts))
    return place
