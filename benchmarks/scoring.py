"""Images per second of scoring stored levels, against a plain loop that scores one image at a time; and memory.

    python benchmarks/scoring.py [--parts text all] [--scorer bundled|random:NAME] [--stacks 24] [--rounds 5] [--json]
    python benchmarks/scoring.py --memory [--images 500]

Both read the same PNG files in the same process, in alternation: stacks of 8 levels of 256 px, four to a story, as runs
that are compared share their prompts. The ratio is the median of the rounds, by wall time and, as "busy", by processor
time. "text": text-image scores and the aesthetic of a random head. "all": those, blur and the window scores. The loop
loads by Pillow, prepares by open_clip's own transform, embeds each picture and its prompt by itself, takes a head of
torch, and compares one pair of windows at a time by Pillow's box filter and scikit-image; what exists nowhere else
(seams, colour steps, slopes) it takes from us, one level at a time. Nothing is kept from round to round.
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

import numpy as np
import open_clip
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import save_file
from torch.nn import functional as F

from evaluation.aesthetic import load as load_aesthetic
from evaluation.border import colour_step, seam
from evaluation.clip import create, load_scorer, save
from evaluation.stream import Job, score_stacks
from evaluation.text_image import Scorer
from evaluation.windows import spectrum_slope
from zoomlib.geometry import windows
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


def ours(stacks: list[tuple[list[Path], list[str]]], scorer: Scorer, head: Path, part: str) -> int:
    """Score all stacks by the stream; how many scores there are."""

    def job(files: list[Path], prompts: list[str]) -> Job:
        return Job(ZoomStack(torch.stack([from_pil(Image.open(file)) for file in files]), 2.0), prompts)

    fresh = Scorer(scorer.model, scorer.tokenize, scorer.name, scorer.revision, scorer.device, scorer.batch)
    measures = [load_aesthetic(str(head), device=scorer.device, scorer=fresh)]
    jobs = (lambda one=one: job(*one) for one in stacks)
    return sum(len(found) for found in score_stacks(jobs, fresh, measures, plain=part == "all"))


@torch.inference_mode()
def plain(stacks: list[tuple[list[Path], list[str]]], scorer: Scorer, head: Path, part: str) -> int:
    """The same scores by a loop over images; how many there are."""
    from open_clip.transform import PreprocessCfg, image_transform_v2

    from evaluation.aesthetic import read_head

    transform = image_transform_v2(PreprocessCfg(**scorer.model.visual.preprocess_cfg), is_train=False)
    rated, count = read_head(head), 0
    for files, prompts in stacks:
        seen, told, before = [], [], None
        for file, prompt in zip(files, prompts, strict=True):
            picture = Image.open(file).convert("RGB")
            image = scorer.model.encode_image(transform(picture)[None], normalize=True)[0]
            text = scorer.model.encode_text(scorer.tokenize([prompt]).ids, normalize=True)[0]
            seen.append(image)
            told.append(text)
            float(rated(image[None]))
            count += 3
            if part == "all":
                count += level_scores(picture)
                count += pair_scores(before, picture) if before is not None else 0
                before = picture
        for i, image in enumerate(seen):
            cosines = [float(image @ text) for text in told]
            _ = 100 * cosines[i], cosines[i] - max(cosines[:i] + cosines[i + 1 :]), sum(c > cosines[i] for c in cosines)
            count += 3
    return count


def level_scores(picture: Image.Image) -> int:
    """Blur, slope, and seams and colour step of the window in the middle."""
    from skimage.measure import blur_effect

    level = from_pil(picture)
    window = windows(2, SIDE, SIDE, 2)[0]
    blur_effect(np.asarray(picture), channel_axis=-1)
    found = seam(level, window)
    float(spectrum_slope(level))
    float(colour_step(level, window).norm())
    return 3 + len(found)


def pair_scores(wide: Image.Image, fine: Image.Image) -> int:
    """PSNR, SSIM and colour difference of the window and the next level, at the window's size."""
    from skimage.color import deltaE_cie76, rgb2lab
    from skimage.metrics import peak_signal_noise_ratio, structural_similarity

    quarter = SIDE // 4
    a = _unit(wide.crop((quarter, quarter, SIDE - quarter, SIDE - quarter)))
    b = _unit(fine.resize((SIDE // 2, SIDE // 2), Image.Resampling.BOX))
    peak_signal_noise_ratio(a, b, data_range=1)
    structural_similarity(
        a, b, data_range=1, channel_axis=-1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    deltaE_cie76(rgb2lab(a), rgb2lab(b)).mean()
    return 4


def _unit(picture: Image.Image) -> NDArray[np.float64]:
    return np.asarray(picture, dtype=np.float64) / 255


def alternating(ways: dict[str, Callable[[], int]], images: int, rounds: int) -> dict[str, float]:
    """Images per second of each way and the ratio of the two, by wall time and by processor time: medians of rounds."""
    wall: dict[str, list[float]] = {name: [] for name in ways}
    busy: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way()
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
                    "loop": lambda part=part: plain(stacks, scorer, head, part),
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
        command = [sys.executable, __file__, "--scorer", arguments.scorer, "--score-and-tell", str(images)]
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
        command = [sys.executable, __file__, "--write", name, "--stacks", str(count)]
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
