"""AlignNoise's stage 1: scoring attention maps in one go, against a Python loop over positions.

    python benchmarks/alignnoise.py [--grid 16] [--rounds 7] [--json]

One thread. Two things are timed, each with its gradient: `scoring` (the objective from given attention maps) and `step`
(all of a stage-1 step on the bundled model: noise, one evaluation, objective, gradient, Adam). A is zoomlib; B goes
through the places to be made one by one, as the authors' program does: it smooths a query's map, stretches it and adds
it up. Both give the same objective and gradient, which is checked first. They alternate; printed is the median over the
rounds. The part of a step that is the model's own evaluation and gradient is the same in A and B.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
import torch.nn.functional as F
from torch import Tensor

from zoomlib.denoiser import AttentionMaps
from zoomlib.inpainting import Config, Filling, alignment, prepare
from zoomlib.inpainting.alignment import Alignment, Score, align, score
from zoomlib.models import load_denoiser

SETTINGS = Alignment(iterations=1)


def looped_score(attention: AttentionMaps, made: Tensor, settings: Alignment) -> Score:
    """The objective by a loop over the places to be made, for one picture whose places are made or kept as a whole."""
    line = torch.exp(-0.5 * (torch.arange(-1.0, 2.0) / alignment.SMOOTHING) ** 2)
    kernel = (line[:, None] * line / line.sum() ** 2)[None, None]
    part = made[0].flatten() == 1
    total = torch.zeros(attention.grid)
    for query in part.nonzero().flatten().tolist():
        seen = attention.maps[0, query].view(1, 1, *attention.grid)
        smooth = F.conv2d(F.pad(seen, (1, 1, 1, 1), mode="replicate"), kernel)[0, 0]
        total = total + (smooth - smooth.min()) / (smooth.max() - smooth.min())
    heat = ((total - total.min()) / (total.max() - total.min())).flatten()
    a_out, a_src = heat[part].mean()[None], heat[~part].mean()[None]
    return Score(a_out / (a_src + 1e-6) + settings.penalty * F.relu(settings.tau - a_out), a_out, a_src)


def scoring(how: Callable[..., Score], maps: Tensor, grid: tuple[int, int], made: Tensor) -> tuple[Tensor, Tensor]:
    """The objective of maps, and its gradient."""
    maps = maps.detach().requires_grad_()
    objective = how(AttentionMaps(maps, grid), made, SETTINGS).objective.sum()
    return objective.detach(), torch.autograd.grad(objective, maps)[0]


def middle_kept(height: int, width: int) -> Tensor:
    """A mask (1, height, width) with its middle half kept."""
    made = torch.ones(1, height, width)
    made[:, height // 4 : 3 * height // 4, width // 4 : 3 * width // 4] = 0
    return made


def problem() -> Filling:
    """A border for the bundled model."""
    denoiser = load_denoiser("bundled")
    image = torch.rand(1, *denoiser.shape, generator=torch.Generator().manual_seed(1)) * 2 - 1
    return prepare(denoiser, ["a blue nebula"], image, middle_kept(*denoiser.shape[1:])[None], Config(30))


def step(how: Callable[..., Score], filling: Filling, noise: Tensor) -> float:
    """One step of stage 1 and the look after it: two evaluations and a gradient; the lowest objective."""
    ours, alignment.score = alignment.score, how
    try:
        return min(record["objective"] for record in align(filling, noise, replace(SETTINGS, grid=16))[1])
    finally:
        alignment.score = ours


def parts(grid: int) -> dict[str, dict[str, Callable[[], object]]]:
    """What is timed, A and B, after a check that both are the same."""
    generator = torch.Generator().manual_seed(0)
    maps = (3 * torch.randn(1, grid**2, grid**2, generator=generator)).softmax(-1)
    made, filling = middle_kept(grid, grid), problem()
    noise = filling.draw(generator)
    work: dict[str, dict[str, Callable[[], object]]] = {"scoring": {}, "step": {}}
    for name, how in (("A", score), ("B", looped_score)):
        work["scoring"][name] = partial(scoring, how, maps, (grid, grid), made)
        work["step"][name] = partial(step, how, filling, noise)
    for ours, loop in zip(work["scoring"]["A"](), work["scoring"]["B"](), strict=True):  # type: ignore[call-overload]
        torch.testing.assert_close(ours, loop, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(work["step"]["A"](), work["step"]["B"](), atol=1e-4, rtol=1e-4)
    return work


def processor_ms(work: Callable[[], object], seconds: float) -> float:
    """Processor milliseconds of one call, averaged over calls that fill the given time."""
    calls, start = 0, time.process_time()
    while time.process_time() - start < seconds or calls < 2:
        work()
        calls += 1
    return (time.process_time() - start) / calls * 1000


def measure(grid: int, rounds: int) -> dict[str, dict[str, float]]:
    """Median milliseconds by part, A and B in alternation, and their ratio."""
    work = parts(grid)
    times: dict[str, dict[str, list[float]]] = {part: {"A": [], "B": []} for part in work}
    for _ in range(rounds):
        for part, both in work.items():
            for name, call in both.items():
                times[part][name].append(processor_ms(call, 0.2))
    table = {part: {name: statistics.median(found) for name, found in both.items()} for part, both in times.items()}
    for row in table.values():
        row["ratio"] = row["B"] / row["A"]
    return table


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--grid", type=int, default=16, help="side of the attention grid that is scored")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    options = parser.parse_args()
    torch.set_num_threads(1)
    table = measure(options.grid, options.rounds)
    if options.json:
        print(json.dumps({"grid": options.grid, "unit": "processor ms", "parts": table}))
        return
    print(f"{options.grid} x {options.grid} places, three quarters of them to be made; processor ms with gradient")
    print(f"  {'':10s} {'A zoomlib':>10s} {'B loop':>10s} {'B / A':>8s}")
    for part, row in table.items():
        print(f"  {part:10s} {row['A']:10.2f} {row['B']:10.2f} {row['ratio']:8.1f}")


if __name__ == "__main__":
    main()
