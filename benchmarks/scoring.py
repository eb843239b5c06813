"""Images per second of scoring stored levels, against a plain loop that scores one image at a time; and memory.

    python -m benchmarks.scoring [--parts text all] [--scorer bundled|random:NAME] [--stacks 24] [--rounds 5] [--json]
    python -m benchmarks.scoring --memory [--images 500]

Both read the same PNG files in the same process, in alternation: stacks of 8 levels of 256 px, four to a story, as
runs that are compared share their prompts. The ratio is the median of the rounds, by wall time and, as "busy", by
processor time. "text": text-image scores and the aesthetic of a random head. "all": those, blur and the window scores.
The loop (`scoring_loop`) is what one would write with the libraries: Pillow loads, open_clip's own transform prepares,
each picture and its prompt are embedded by themselves, scikit-image tells blur, similarity and colour, NumPy the
spectrum, the seams and the colour steps. Before anything is timed both must give the same numbers, to 1e-4 where they
read the same pixels; text scores, for which the loop rounds resized pictures to 8 bits, to 2 % of their range. Nothing
is kept from round to round.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import open_clip
import torch
from PIL import Image
from safetensors.torch import save_file
from torch.nn import functional as F

from benchmarks.scoring_loop import Found, loop
from evaluation.networks.aesthetic import load as load_aesthetic
from evaluation.networks.clip import create, load_scorer, save
from evaluation.networks.text_image import Scorer
from evaluation.stream import Job, score_stacks
from zoomlib.images import from_pil, save_png
from zoomlib.stack import ZoomStack

LEVELS, SIDE = 8, 256
CLASSES = ("spiral galaxy", "city at night", "forest", "leaf", "cell", "crystal", "ocean", "desert")


def pictures(count: int, seed: int) -> torch.Tensor:
    """(count, 3, SIDE, SIDE) with detail at every size, as photographs have."""
    generator = torch.Generator().manual_seed(seed)
    octaves = [
        F.interpolate(torch.randn(count, 3, side, side, generator=generator), (SIDE, SIDE), mode="bicubic") / side**0.8
        for side in (4, 8, 16, 32, 64, 128, 256)
    ]
    total = torch.stack(octaves).sum(0)
    return (total / total.abs().amax((1, 2, 3), keepdim=True)).clamp(-1, 1)


def write_stacks(folder: Path, count: int) -> list[tuple[list[Path], list[str]]]:
    """Files and prompts of `count` stacks, widest level first, four stacks to a story."""
    made = []
    for number in range(count):
        files = [folder / f"{number:03d}_{level}.png" for level in range(LEVELS)]
        for image, file in zip(pictures(LEVELS, number), files, strict=True):
            save_png(image, file)
        made.append((files, [f"a photograph of a {CLASSES[level]}, number {number // 4}" for level in range(LEVELS)]))
    return made


def scorer_of(name: str) -> Scorer:
    """A scorer by name; "random:ViT-B-32" is that architecture of open_clip with random weights."""
    if not name.startswith("random:"):
        return load_scorer(name)
    config = {"model_cfg": open_clip.get_model_config(name.removeprefix("random:"))}
    with tempfile.TemporaryDirectory() as folder:
        return load_scorer(save(create(config), config, None, folder))


def ours(stacks: list[tuple[list[Path], list[str]]], scorer: Scorer, head: Path, part: str) -> list[Found]:
    """Score all stacks by the stream."""

    def job(files: list[Path], prompts: list[str]) -> Job:
        return Job(ZoomStack(torch.stack([from_pil(Image.open(file)) for file in files]), 2.0), prompts)

    fresh = Scorer(scorer.model, scorer.tokenize, scorer.name, scorer.revision, scorer.device, scorer.batch)
    measures = [load_aesthetic(str(head), device=scorer.device, scorer=fresh)]
    jobs = (lambda one=one: job(*one) for one in stacks)
    found = score_stacks(jobs, fresh, measures, plain=part == "all")
    return [{(score.score, score.level): score.value for score in scores} for scores in found]


def check_same(ours: list[Found], loop: list[Found]) -> None:
    """Refuse to compare what does not give the same scores."""
    for mine, theirs in zip(ours, loop, strict=True):
        for key, value in theirs.items():
            read = key[0] in ("clip_score", "clip_margin", "clip_rank", "aesthetic")
            limit = {"clip_score": 2.0, "clip_rank": 7.0}.get(key[0], 0.04) if read else 1e-4 * max(1.0, abs(value))
            assert abs(mine[key] - value) < limit, f"{key}: {mine[key]} here, {value} in the loop"
        left = {name for name, _ in mine.keys() - theirs.keys()}
        assert left <= {"prompt_tokens", "prompt_truncated"}, left


def alternating(ways: dict[str, Callable[[], list[Found]]], images: int, rounds: int) -> dict[str, float]:
    """Images per second of each way and the ratio of the two, by wall time and by processor time: medians of rounds."""
    wall: dict[str, list[float]] = {name: [] for name in ways}
    busy: dict[str, list[float]] = {name: [] for name in ways}
    check_same(*(way() for way in ways.values()))
    for _ in range(rounds):
        for name, way in ways.items():
            started, before = time.perf_counter(), time.process_time()
            way()
            wall[name].append(time.perf_counter() - started)
            busy[name].append(time.process_time() - before)
    found = {name: images / statistics.median(taken) for name, taken in wall.items()}
    for name, taken in (("ratio", wall), ("ratio_busy", busy)):
        ours, loop = taken.values()
        found[name] = statistics.median(b / a for a, b in zip(ours, loop, strict=True))
    return found


def speed(arguments: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Figures by part."""
    scorer = scorer_of(arguments.scorer)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stacks, head = write_stacks(folder, arguments.stacks), folder / "head.safetensors"
        width = scorer.embed_texts(["x"]).shape[1]
        save_file({"weight": torch.randn(1, width), "bias": torch.zeros(1)}, head)
        return {
            part: alternating(
                {
                    "ours": lambda part=part: ours(stacks, scorer, head, part),
                    "loop": lambda part=part: loop(stacks, scorer, head, part),
                },
                arguments.stacks * LEVELS,
                arguments.rounds,
            )
            for part in arguments.parts
        }


def memory(arguments: argparse.Namespace) -> dict[str, float]:
    """Megabytes at most of a process of its own that scores `images` images, and of one that scores 8."""
    peaks = {}
    for images in (LEVELS, arguments.images):
        command = [
            sys.executable,
            "-m",
            "benchmarks.scoring",
            "--scorer",
            arguments.scorer,
            "--score-and-tell",
            str(images),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        peaks[f"{images} images"] = float(done.stdout)
    return peaks


def score_and_tell(arguments: argparse.Namespace) -> None:
    """Score that many images and print the peak of this process in MB."""
    scorer = scorer_of(arguments.scorer)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # In a process of its own: making pictures takes memory too.
        count = -(-arguments.score_and_tell // LEVELS)
        command = [sys.executable, "-m", "benchmarks.scoring", "--write", name, "--stacks", str(count)]
        subprocess.run(command, check=True)
        stacks = [
            (
                [folder / f"{i:03d}_{level}.png" for level in range(LEVELS)],
                [f"level {level}" for level in range(LEVELS)],
            )
            for i in range(count)
        ]
        head = folder / "head.safetensors"
        save_file({"weight": torch.randn(1, scorer.embed_texts(["x"]).shape[1]), "bias": torch.zeros(1)}, head)
        ours(stacks, scorer, head, "all")
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=("text", "all"), default=["text", "all"])
    parser.add_argument(
        "--scorer", default="bundled", help="a scorer, or random:NAME for an untrained one of open_clip"
    )
    parser.add_argument("--stacks", type=int, default=24, help=f"stacks of {LEVELS} levels")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory", action="store_true", help="peak memory instead of speed")
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--score-and-tell", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.write:
        write_stacks(arguments.write, arguments.stacks)
        return
    if arguments.score_and_tell:
        score_and_tell(arguments)
        return
    if arguments.memory:
        found = memory(arguments)
        print(json.dumps(found) if arguments.json else "\n".join(f"{k}: {v:.0f} MB" for k, v in found.items()))
        return
    figures = speed(arguments)
    if arguments.json:
        print(json.dumps(figures))
        return
    print(f"{'':8}{'ours':>10}{'loop':>10}{'ratio':>8}{'busy':>8}   images per second, scorer {arguments.scorer}")
    for part, row in figures.items():
        print(f"{part:8}{row['ours']:10.1f}{row['loop']:10.1f}{row['ratio']:8.1f}{row['ratio_busy']:8.1f}")


if __name__ == "__main__":
    main()
