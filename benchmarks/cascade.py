"""Levels enlarged by every way: seams, agreement, text, sharpness, time.

    python benchmarks/cascade.py [--methods joint ...] [--ways net refine ...] [--stories 2] [--seeds 0] [--steps 30]

The stories of docs/results/stories, p = 2, the bundled model at 64 px, 256 px in the end. The levels of a story are
sampled once by each method; all ways enlarge the same. Means over stories and seeds:

- seam: step across a window's border over the step beside it, in the levels as stored; 1 is invisible.
- apart: largest difference of a window and what it shows, in grey levels of 255, as floats / in the 8-bit pictures
  (joint sampling has soft windows, which are not meant to agree along their border).
- text: 100 cos of picture and prompt by the bundled scorer. slope: of the spectrum; blur is steeper.
- seconds: of enlarging, on this machine.

Ways: `sampled` is not enlarged. `pasted` is what runs did before there was a cascade: the net, whose blocks are shifted
to their means as wholes, then windows pasted or blended. `net` is the same net now. `smooth` is bicubic. `refine` and
`refine-joint` draw over what `net` made, in tiles of 64 px, without and with agreement at every step (strength 0.3).
`twice` and `twice-joint` do so at 128 px over `smooth`; the net takes it from there.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from evaluation.networks.clip import Scorer, load_scorer
from evaluation.windows import pairs, score_windows
from prompts import load_story
from tasks.cascade import smoothly
from tasks.loading import USUAL_GUIDANCE, USUAL_RESCALE
from zoomlib.cascade.agree import Agreement
from zoomlib.cascade.redraw import Config, redraw
from zoomlib.cascade.tiles import Tiled
from zoomlib.chunks import Chunked
from zoomlib.denoiser import Denoiser
from zoomlib.guidance import Guided
from zoomlib.methods import load_method
from zoomlib.models import load_denoiser, load_upscaler
from zoomlib.scene import Scene, finished
from zoomlib.stack import ZoomStack, consolidate
from zoomlib.walk import last

STORIES = Path(__file__).parent.parent / "docs" / "results" / "stories"
METHODS = ("joint", "iterative", "outpaint-direct", "superres")
P = 2


@dataclass(frozen=True)
class Bench:
    """What all ways share, and the levels of one run."""

    model: Denoiser
    net: Any
    levels: Tensor
    prompts: Sequence[str]
    how: Agreement

    def pasted(self) -> Tensor:
        """The net and what runs did before."""
        with _blocks_as_wholes():
            large = self.net(self.levels)
        if self.how.how == "nested":
            return ZoomStack(large.clamp(-1, 1), P).rendered().levels
        how = {name: getattr(self.how, name) for name in ("blending", "coarse_weight", "feather")}
        return consolidate(large, P, **how).clamp(-1, 1)

    def enlarged(self) -> Tensor:
        """The net."""
        return self.how.settle(self.net(self.levels))

    def smooth(self) -> Tensor:
        """No new detail."""
        return self.how.settle(smoothly(self.levels, 4))

    def refined(self, levels: Tensor, *, joint: bool) -> Tensor:
        """Levels of any size drawn over in tiles."""
        guided = Guided(Chunked(self.model, 8), USUAL_GUIDANCE, USUAL_RESCALE, clamp=True)
        denoiser, told = Tiled(guided, (levels.shape[2], levels.shape[3])), torch.Generator().manual_seed(1)
        config = Config(30, 0.3, joint=joint)
        states = redraw(denoiser, denoiser.condition(self.prompts), config, self.how, start=levels, generator=told)
        return self.how.settle(last(states).clean)

    def twice(self, *, joint: bool) -> Tensor:
        """Drawn over at 128 px, and enlarged by the net, which quadruples, to the size of the others."""
        drawn = self.refined(self.how.settle(smoothly(self.levels, 2)), joint=joint)
        return self.how.settle(F.avg_pool2d(self.net(drawn), 2))


@contextmanager
def _blocks_as_wholes() -> Iterator[None]:
    from zoomlib.models.upscaling import net

    rounds, net.ROUNDS = net.ROUNDS, 0
    try:
        yield
    finally:
        net.ROUNDS = rounds


WAYS: dict[str, Callable[[Bench], Tensor]] = {
    "sampled": lambda bench: bench.levels,
    "pasted": Bench.pasted,
    "net": Bench.enlarged,
    "smooth": Bench.smooth,
    "refine": lambda bench: bench.refined(bench.enlarged(), joint=False),
    "refine-joint": lambda bench: bench.refined(bench.enlarged(), joint=True),
    "twice": lambda bench: bench.twice(joint=False),
    "twice-joint": lambda bench: bench.twice(joint=True),
}


@dataclass(frozen=True)
class Row:
    """The figures of a way."""

    seam: float
    apart: float
    apart_8: float
    text: float
    slope: float
    seconds: float


def measure(way: str, bench: Bench, scorer: Scorer) -> Row:
    """One run enlarged in one way."""
    started = time.perf_counter()
    levels = WAYS[way](bench).clamp(-1, 1)
    seconds = time.perf_counter() - started
    stack = ZoomStack(levels, P)
    with tempfile.TemporaryDirectory() as folder:
        saved = ZoomStack.load(stack.save(folder))
    scores = score_windows(stack)

    def mean(name: str) -> float:
        found = [score.value for score in scores if score.score == name]
        return sum(found) / len(found)

    text = float(scorer.text_image(levels, bench.prompts).mean())
    return Row(mean("seam"), apart(stack), apart(saved), text, mean("spectrum_slope"), seconds)


def apart(stack: ZoomStack) -> float:
    """The largest difference of a window and what it shows, in grey levels."""
    wide, fine = pairs(stack.levels, P)
    return float((wide - fine).abs().max()) * 127.5


def sampled(name: str, model: Denoiser, prompts: Sequence[str], seed: int, steps: int) -> tuple[Tensor, Agreement]:
    """The levels of a run, and how its method makes levels agree."""
    method = load_method(name)
    config, scene = method.Config(steps=steps), Scene(float(P))
    denoiser = Guided(model, USUAL_GUIDANCE, USUAL_RESCALE, clamp=True)
    states = method.run(denoiser, prompts, config, scene, generator=torch.Generator().manual_seed(seed))
    levels = finished(denoiser, last(states), scene).levels
    if getattr(method, "NESTS", False):
        return levels, Agreement("nested", P)
    names = ("blending", "coarse_weight", "feather")
    return levels, Agreement("blended", P, **{n: getattr(config, n) for n in names if hasattr(config, n)})


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="+", default=METHODS)
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--stories", type=int, default=2, choices=range(1, 7), help="only the first of the six")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--steps", type=int, default=30)
    asked = parser.parse_args()
    model, net, scorer = load_denoiser("bundled"), load_upscaler("bundled"), load_scorer("bundled")
    stories = [load_story(str(file)).prompts() for file in sorted(STORIES.iterdir())[: asked.stories]]
    print("| method | way | seam | apart, float / 8 bits | text | slope | seconds |")
    print("|---|---|---|---|---|---|---|")
    for name in asked.methods:
        runs = [(*sampled(name, model, told, seed, asked.steps), told) for told in stories for seed in asked.seeds]
        for way in asked.ways:
            rows = [measure(way, Bench(model, net, levels, told, how), scorer) for levels, how, told in runs]
            mean = Row(*(sum(getattr(row, f.name) for row in rows) / len(rows) for f in fields(Row)))
            worst, worst_8 = max(row.apart for row in rows), max(row.apart_8 for row in rows)
            print(
                f"| `{name}` | {way} | {mean.seam:.2f} | {worst:.1g} / {worst_8:.2f} | {mean.text:.1f} | "
                f"{mean.slope:.2f} | {mean.seconds:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
