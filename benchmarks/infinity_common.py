"""What the benchmarks of `zoomlib.infinity` share: generators with random weights, and times of ways that alternate."""

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from tests.doubles.planes import SMALL, random_networks
from zoomlib.infinity import load_generator
from zoomlib.infinity.config import TINY, GeneratorConfig
from zoomlib.infinity.generator import Generator

MPX = 1e6
WIDTHS = {"paper": GeneratorConfig(), "tiny": TINY, "small": SMALL}
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def generator_of(name: str, device: str = "cpu", dtype: torch.dtype = torch.float32) -> Generator:
    """`paper`, `tiny` or `small`: those sizes with random weights; else as `load_generator`."""
    if name in WIDTHS:
        networks = random_networks(WIDTHS[name]).to(device)
        return Generator(WIDTHS[name], networks, {}, dtype=dtype)
    return load_generator(name, device=device, dtype=dtype)


def seconds(work: Callable[[], object], device: str = "cpu") -> float:
    """Processor seconds of this process, or on a graphics card seconds of the wall."""
    if device == "cpu":
        begin = time.process_time()
        work()
        return time.process_time() - begin
    torch.cuda.synchronize(device)
    begin = time.perf_counter()
    work()
    torch.cuda.synchronize(device)
    return time.perf_counter() - begin


def alternating(ways: Mapping[str, Callable[[], object]], rounds: int, device: str = "cpu") -> dict[str, float]:
    """The least seconds of each way over the rounds, in which all take turns; a first turn of each is not counted."""
    for work in ways.values():
        work()
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(rounds):
        for name, work in ways.items():
            best[name] = min(best[name], seconds(work, device))
    return best


def resident_mib(*, since_now: bool = False) -> float:
    """The most resident memory so far (Linux); `since_now` forgets what was before, so that it is that of now."""
    if since_now:
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024
