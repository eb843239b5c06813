"""Processor time of noise, blending and rendering per sampling step, against a literal transcription of the paper.

    python benchmarks/consolidation.py [--levels 8 16] [--size 64] [--p 2] [--rounds 7] [--json]

One thread. A is zoomlib. B follows Algorithm 1 and section 4.2 of arXiv 2312.02149 word for word: level by level, depth
by depth, each down-scaling a Gaussian blur of p^d x p^d taps and a stride, each observation up-scaled to full size and
split into a Laplacian pyramid of its own. The two alternate; printed is the median over the rounds.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
import torch.nn.functional as F
from torch import Tensor

from zoomlib.blend import blend
from zoomlib.noise import zoom_noise
from zoomlib.stack import render_levels


def gaussian_down(x: Tensor, factor: int) -> Tensor:
    """(C, H, W) -> (C, H / factor, W / factor): a Gaussian truncated to factor x factor, then a stride."""
    axis = torch.arange(factor) - (factor - 1) / 2
    tap = torch.exp(-(axis**2) / (2 * (factor / 2) ** 2))
    kernel = torch.outer(tap, tap) / tap.sum() ** 2
    return F.conv2d(x[:, None], kernel[None, None], stride=factor)[:, 0]


def literal_rendering(levels: Tensor, p: int, noise: bool) -> Tensor:
    """Algorithm 1 for every level, with masks of the full size."""
    L, _, H, W = levels.shape
    out = []
    for i in range(L):
        x = levels[i]
        for j in range(i + 1, L):
            factor = p ** (j - i)
            h, w = H // factor, W // factor
            if min(h, w) < 1:
                break
            small = gaussian_down(levels[j], factor)
            top, left = (H - h) // 2, (W - w) // 2
            padded = F.pad(small, (left, W - w - left, top, H - h - top))
            mask = torch.zeros(H, W)
            mask[top : top + h, left : left + w] = 1
            x = mask * (factor if noise else 1) * padded + (1 - mask) * x
        out.append(x)
    return torch.stack(out)


def resized(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear resizing of one image."""
    return F.interpolate(x[None], size=size, mode="bilinear", align_corners=False)[0]


def literal_blending(clean: Tensor, p: int) -> Tensor:
    """Section 4.2: crop, rescale to H x W, split, average band by band, recompose; level by level."""
    L, _, H, W = clean.shape
    depth = 0
    while min(H, W) // p ** (depth + 1) >= 2:
        depth += 1
    sizes = [(H // p**k, W // p**k) for k in range(depth + 1)]
    out = []
    for i in range(L):
        sums, counts = [torch.zeros(())] * (depth + 1), [0] * (depth + 1)
        for d in range(min(i, depth) + 1):
            h, w = sizes[d]
            top, left = (H - h) // 2, (W - w) // 2
            image = resized(clean[i - d][:, top : top + h, left : left + w], (H, W))
            for k in range(depth + 1):
                coarse = gaussian_down(image, p) if k < depth else image
                band = image - resized(coarse, sizes[k]) if k < depth else image
                if k >= d:
                    sums[k], counts[k] = sums[k] + band, counts[k] + 1
                image = coarse
        image = sums[-1] / counts[-1]
        for k in reversed(range(depth)):
            image = sums[k] / counts[k] + resized(image, sizes[k])
        out.append(image)
    return torch.stack(out)


def parts(levels: int, size: int, p: int) -> dict[str, dict[str, Callable[[], Tensor]]]:
    """The work of one step, by part and by implementation."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(levels, 3, size, size, generator=generator)
    shape = (3, size, size)
    return {
        "noise": {
            "A": lambda: zoom_noise(levels, shape, p, generator),
            "B": lambda: literal_rendering(torch.randn(levels, *shape, generator=generator), p, noise=True),
        },
        "blending": {"A": lambda: blend(x, p), "B": lambda: literal_blending(x, p)},
        "rendering": {"A": lambda: render_levels(x, p), "B": lambda: literal_rendering(x, p, noise=False)},
    }


def processor_ms(work: Callable[[], Tensor], seconds: float) -> float:
    """Processor milliseconds of one call, averaged over calls that fill the given time."""
    work()
    calls, start = 0, time.process_time()
    while time.process_time() - start < seconds or calls < 2:
        work()
        calls += 1
    return (time.process_time() - start) / calls * 1000


def measure(levels: int, size: int, p: int, rounds: int) -> dict[str, dict[str, float]]:
    """Median milliseconds by part, A and B in alternation, with their sum and ratio."""
    work = parts(levels, size, p)
    times: dict[str, dict[str, list[float]]] = {part: {"A": [], "B": []} for part in work}
    for _ in range(rounds):
        for part, both in work.items():
            for name, call in both.items():
                times[part][name].append(processor_ms(call, 0.1))
    table = {part: {name: statistics.median(found) for name, found in both.items()} for part, both in times.items()}
    table["step"] = {name: sum(row[name] for row in table.values()) for name in ("A", "B")}
    for row in table.values():
        row["ratio"] = row["B"] / row["A"]
    return table


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--levels", type=int, nargs="+", default=[8, 16])
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--p", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    options = parser.parse_args()
    torch.set_num_threads(1)
    tables = {levels: measure(levels, options.size, options.p, options.rounds) for levels in options.levels}
    if options.json:
        print(json.dumps({"size": options.size, "p": options.p, "unit": "processor ms per step", "levels": tables}))
        return
    for levels, table in tables.items():
        print(f"{levels} levels of 3 x {options.size} x {options.size}, p = {options.p}; processor ms per step")
        print(f"  {'':10s} {'A zoomlib':>10s} {'B literal':>10s} {'B / A':>8s}")
        for part, row in table.items():
            print(f"  {part:10s} {row['A']:10.2f} {row['B']:10.2f} {row['ratio']:8.1f}")


if __name__ == "__main__":
    main()
