"""How many pictures a second are seen when sets are scored, and what the distances of known sets are.

    python -m benchmarks.sets [--pictures 256] [--size 256] [--extractors bundled inception] [--rounds 3] [--json]
    python -m benchmarks.sets --world [--pictures 256]

Extraction: the pictures of a folder, decoded, resized and embedded in a stream, against a plain loop that opens,
resizes and embeds one at a time with the same network; both in alternation, pictures a second of wall and of processor
time, and the most memory of the process. Inception has random weights here: that costs the same time. World: the
bundled scorer's distances between 64 px pictures that the bundled world draws, and others of it, blurred, of another
subject, and with noise.
"""

import argparse
import json
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from evaluation.sets import Extractor, Features, Reference, Settings, extract, load_extractor, score_set
from evaluation.sets.extractors import of_inception
from evaluation.sets.inception import Inception, untrained
from evaluation.sets.pictures import pictures_in, read
from zoomlib.bundled.world import CLASS_NAMES, draw_pictures
from zoomlib.images import from_uint8

BLURS_PX = (0.5, 1.0, 2.0, 4.0)


def extractor_of(name: str, device: str) -> Extractor:
    """By name; "inception" with random weights."""
    if name == "inception":
        return of_inception(Inception(untrained().requires_grad_(False).eval()), "random", device=device)
    return load_extractor(name, device=device)


def drawn(count: int, seed: int, kind: int | None = None) -> Tensor:
    """Pictures of the world at 64 px, (count, 3, 64, 64) in [-1, 1]."""
    kinds = None if kind is None else torch.full((count,), kind)
    pictures = draw_pictures(count, 64, torch.Generator().manual_seed(seed), kinds)
    return from_uint8(pictures.images.movedim(1, -1).numpy())


def fill(folder: Path, count: int, size: int) -> None:
    """Pictures in files, larger ones by enlarging with some grain, so that files are as large as those of levels."""
    random = torch.Generator().manual_seed(0)
    for k, image in enumerate(F.interpolate(drawn(count, 0), (size, size), mode="bicubic")):
        grained = (image + 0.05 * torch.randn(image.shape, generator=random)).clamp(-1, 1)
        pixels = ((grained + 1) * 127.5).round().to(torch.uint8).movedim(0, -1)
        Image.fromarray(pixels.numpy()).save(folder / f"{k:05}.png")


def plain_loop(paths: tuple[Path, ...], extractor: Extractor) -> Features:
    """One picture at a time, each step after the other."""
    return Features.cat([Features(*extractor.embed(extractor.prepare(read(path))[None])) for path in paths])


def timed(work: Callable[[], Features]) -> tuple[float, float]:
    """Wall and processor seconds."""
    begun, spent = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - begun, time.process_time() - spent


def measure(name: str, paths: tuple[Path, ...], rounds: int, device: str, batch: int) -> dict[str, float]:
    """Pictures a second of both ways, medians over rounds."""
    extractor = extractor_of(name, device)
    ways = {
        "stream": lambda: extract(paths, read, extractor, batch=batch),
        "loop": lambda: plain_loop(paths, extractor),
    }
    extract(paths[:batch], read, extractor, batch=batch)  # first calls choose kernels
    spent: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, work in ways.items():
            spent[way].append(timed(work))
    found = {}
    for way, times in spent.items():
        wall, cpu = (statistics.median(column) for column in zip(*times, strict=True))
        found[f"{way}_per_s"] = len(paths) / wall
        found[f"{way}_cpu_ms"] = 1000 * cpu / len(paths)
    return found | {"ratio": found["stream_per_s"] / found["loop_per_s"]}


def blurred(images: Tensor, sigma_px: float) -> Tensor:
    """A Gaussian blur, edges mirrored."""
    reach = int(4 * sigma_px + 1)
    taps = torch.exp(-((torch.arange(-reach, reach + 1) / sigma_px) ** 2) / 2)
    rows = (taps / taps.sum()).expand(3, 1, 1, -1)
    padded = F.pad(images, (reach,) * 4, mode="reflect")
    return F.conv2d(F.conv2d(padded, rows, groups=3), rows.transpose(2, 3), groups=3)


def world(count: int, device: str) -> dict[str, dict[str, float]]:
    """Distances to `count` pictures of the world, by the bundled scorer."""
    extractor = load_extractor("bundled", device=device)

    def seen(images: Tensor) -> Features:
        return extract(images, lambda image: image, extractor)

    images, others, random = drawn(count, 1), drawn(count, 2), torch.Generator().manual_seed(5)
    sets = {
        "itself": images,
        "others of the same world": others,
        **{f"others, blurred by {sigma:g} px": blurred(others, sigma) for sigma in BLURS_PX},
        "others, with noise of 0.1": others + 0.1 * torch.randn(images.shape, generator=random),
        f"only {CLASS_NAMES[3]}": drawn(count, 3, kind=3),
    }
    reference = Reference(seen(images))
    measured = {
        name: score_set(seen(pictures.clamp(-1, 1)), reference, extractor, settings=Settings(resamples=100))
        for name, pictures in sets.items()
    }
    kept = ("frechet_distance", "kernel_distance")
    return {
        name: {score.score: score.value for score in scores if score.score.startswith(kept)}
        for name, scores in measured.items()
    }


def main() -> None:
    """Print a table, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=256)
    parser.add_argument("--size", type=int, default=256, help="sides of the pictures in pixels")
    parser.add_argument("--extractors", nargs="+", default=["bundled", "inception"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--world", action="store_true", help="distances of known sets instead")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if given.world:
        found = world(given.pictures, given.device)
    else:
        with tempfile.TemporaryDirectory() as folder:
            fill(Path(folder), given.pictures, given.size)
            paths = pictures_in(folder)
            found = {name: measure(name, paths, given.rounds, given.device, given.batch) for name in given.extractors}
        found["process"] = {"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000}
    if given.json:
        print(json.dumps(found))
        return
    for name, values in found.items():
        print(f"{name:32}", "  ".join(f"{key} {value:.4g}" for key, value in values.items()))


if __name__ == "__main__":
    main()
