"""Time of joint sampling beside diffusers making as many independent pictures in a batch, and where it goes.

    python -m benchmarks.speed [--model bundled] [--levels 8 16] [--steps 6] [--rounds 3]
                               [--ways written channels_last compiled graphs offload_model offload_layers]
                               [--device cpu] [--dtype float32] [--json]

A is `zoomlib.methods.joint`, in one of several ways; consolidated in the model's own space, nothing decoded. B is
diffusers: the pipeline of the model's folder (DDIM, eta 0, the same guidance, latents out), or for the bundled model,
which has no pipeline there, its UNet and a DDIMScheduler in a loop. Both take all levels through the model at once and
alternate in one process; printed are medians over the rounds. On a CPU seconds are the process's own (other work on the
machine disturbs them little), on a graphics card those of the wall. `other` is what joint sampling does beside the
model: noise, blending, rendering, updates. The first run of each, which loads or compiles, is not counted but printed.

For a graphics card: python -m benchmarks.random_models sd2 FOLDER, then --model FOLDER --device cuda --dtype float16.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from zoomlib.chunks import Chunked
from zoomlib.denoiser import Condition, Wrapper
from zoomlib.guidance import guided
from zoomlib.methods.joint import sample
from zoomlib.models import describe, load_denoiser
from zoomlib.models.placement import Placement
from zoomlib.walk import last

SCALE = 3.0
DTYPES = ("float32", "float16", "bfloat16")
WAYS: dict[str, dict[str, Any]] = {
    "written": {},
    "channels_last": {"channels_last": True},
    "compiled": {"compile": "default"},
    "graphs": {"compile": "reduce-overhead"},
    "offload_model": {"offload": "model"},
    "offload_layers": {"offload": "layers"},
}
"""Ways to run a model, as `Placement` takes them."""


class Clock:
    """Seconds on a device: of this process on a CPU, of the wall elsewhere."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def now(self) -> float:
        """Seconds since some moment, when all work so far is done."""
        if self.device.type == "cpu":
            return time.process_time()
        torch.cuda.synchronize(self.device)
        return time.perf_counter()

    def of(self, work: Callable[[], object]) -> float:
        """Seconds that some work takes."""
        start = self.now()
        work()
        return self.now() - start


class Timed(Wrapper):
    """Adds up the seconds in the model."""

    def __init__(self, denoiser, clock: Clock):
        super().__init__(denoiser)
        self.clock, self.seconds = clock, 0.0

    def predict_clean(self, z, step, condition):
        """The estimates of the denoiser within."""
        start = self.clock.now()
        out = self.denoiser.predict_clean(z, step, condition)
        self.seconds += self.clock.now() - start
        return out


class Undecoded:
    """A codec that leaves latents as they are: pictures are not what is measured."""

    factor = 1

    def encode(self, images):
        """The same."""
        return images

    def decode(self, latents):
        """The same."""
        return latents


class Ours(Wrapper):
    """A latent model as if it were one of pixels."""

    codec = Undecoded()
    draft = codec

    def predict_clean(self, z, step, condition):
        """The estimates of the denoiser within."""
        return self.denoiser.predict_clean(z, step, condition)


def joint(denoiser, levels: int, steps: int) -> object:
    """A. The last state of a run."""
    generator = torch.Generator().manual_seed(0)
    return last(sample(denoiser, prompts(levels), p=2, steps=steps, eta=0.0, generator=generator))


def prompts(levels: int) -> list[str]:
    """One for each level."""
    return [f"grain of sand number {i}" for i in range(levels)]


def diffusers_run(options: argparse.Namespace, device: torch.device) -> Callable[[int, int], object]:
    """B. Levels and steps to pictures."""
    dtype = getattr(torch, options.dtype)
    if options.model == "bundled":
        return _loop(load_denoiser("bundled", device=device, dtype=dtype))
    from diffusers import DDIMScheduler, DiffusionPipeline

    pipeline = DiffusionPipeline.from_pretrained(options.model, torch_dtype=dtype).to(device)
    pipeline.scheduler = DDIMScheduler.from_config(pipeline.scheduler.config)
    pipeline.set_progress_bar_config(disable=True)
    return lambda levels, steps: pipeline(
        prompts(levels), num_inference_steps=steps, guidance_scale=SCALE, output_type="latent"
    )


def _loop(model) -> Callable[[int, int], object]:
    from diffusers import DDIMScheduler

    from zoomlib import bundled
    from zoomlib.models.files.folder import Folder

    scheduler = DDIMScheduler.from_config(Folder(bundled.folder()).config("scheduler"))

    @torch.no_grad()
    def run(levels: int, steps: int) -> torch.Tensor:
        told, untold = model.condition(prompts(levels)), model.condition([""] * levels)
        rows = model._told(Condition.cat([told, untold]))  # with the empty mask that this inpainting model needs
        z = torch.randn(levels, *model.shape)
        scheduler.set_timesteps(steps)
        for step, t in zip(model.ladder(steps), scheduler.timesteps, strict=False):
            with_words, without = model.parts.backbone.predict(torch.cat([z, z]), step, rows).chunk(2)
            z = scheduler.step(without + SCALE * (with_words - without), t, z).prev_sample
        return z

    return run


def measure(
    options: argparse.Namespace, way: str, levels: int, other: Callable[[int, int], object]
) -> dict[str, float]:
    """Medians of A and B in alternation."""
    device = torch.device(options.device)
    clock = Clock(device)
    placement = Placement(device, getattr(torch, options.dtype), **WAYS[way])
    model = load_denoiser(options.model, placement=placement)
    timed = Timed(Chunked(model, None), clock)
    ours = guided(timed if model.codec.factor == 1 else Ours(timed), SCALE)
    first_wall = time.perf_counter()
    joint(ours, levels, options.steps)
    first_wall = time.perf_counter() - first_wall
    times: dict[str, list[float]] = {"A": [], "B": [], "model": []}
    for _ in range(options.rounds):
        timed.seconds = 0.0
        times["A"].append(clock.of(lambda: joint(ours, levels, options.steps)))
        times["model"].append(timed.seconds)
        times["B"].append(clock.of(lambda: other(levels, options.steps)))
    row = {name: statistics.median(found) for name, found in times.items()}
    ratios = [a / b for a, b in zip(times["A"], times["B"], strict=True)]
    shares = [(a - m) / m for a, m in zip(times["A"], times["model"], strict=True)]
    return row | {"ratio": statistics.median(ratios), "share": statistics.median(shares), "first": first_wall}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--levels", type=int, nargs="+", default=[8, 16])
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ways", nargs="+", choices=list(WAYS), default=["written", "channels_last"])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", choices=DTYPES, default="float32")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    options = parser.parse_args()
    other = diffusers_run(options, torch.device(options.device))
    other(1, 1)
    rows = {(way, L): measure(options, way, L, other) for way in options.ways for L in options.levels}
    family = describe(options.model)["family"]
    if options.json:
        found = [{"way": way, "levels": L, **row} for (way, L), row in rows.items()]
        print(json.dumps({"model": family, "device": options.device, "dtype": options.dtype, "rows": found}))
        return
    print(f"{family} on {options.device} in {options.dtype}, {options.steps} steps, guidance {SCALE:g}; seconds")
    print(f"{'way':>14s} {'levels':>6s} {'A joint':>8s} {'B diffusers':>11s} {'A / B':>6s} {'other':>6s} {'first':>7s}")
    for (way, L), row in rows.items():
        share = f"{100 * row['share']:.1f}%"
        print(f"{way:>14s} {L:6d} {row['A']:8.2f} {row['B']:11.2f} {row['ratio']:6.3f} {share:>6s} {row['first']:7.1f}")


if __name__ == "__main__":
    main()
