"""What rectangular levels, zoom factors, off-centre windows and closed loops cost, with a model whose answer is known.

    python -m benchmarks.layouts [--steps 100] [--seeds 3] [--channels 16] [--white] [--json]

Every level's prior is one stationary Gaussian field with a power spectrum ~ f^-2 (tests/doubles/gaussian.py). Printed,
per layout and eta: the mean error over levels and seeds of the power in four octaves of frequency, in dB from low to
high; the largest disagreement of a window with the level that it shows; and, of loops, from frames of a film of the
levels: the difference between the last frame and the first, that at the other levels, both in grey levels of 255
(`loop_error` and what `keyframe_pop` is made of). With --white only the loops in which levels see themselves, with
noise that is white there and disagrees, instead of noise that agrees. A CPU suffices.
"""

import argparse
import json
import os
from dataclasses import dataclass

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from torch import Tensor

from evaluation.film_scores import follow
from evaluation.motion import planned
from tests.doubles.gaussian import GaussianDenoiser, band_errors_db
from zoomlib.film.camera import Camera
from zoomlib.film.render import frames
from zoomlib.geometry import Focus, ring, snapped_focus
from zoomlib.methods import joint
from zoomlib.noise import draw_seed, own_noise
from zoomlib.pyramid import down
from zoomlib.stack import ZoomStack

OFF = (0.3, 0.62)
CONTRAST = 0.25  # of the field, whose values reach far beyond [-1, 1], in a film


@dataclass(frozen=True)
class Layout:
    """size: (H, W) of a level."""

    p: int
    size: tuple[int, int]
    levels: int
    focus: tuple[float, float] | None = None
    loop: bool = False

    @property
    def points(self) -> tuple[tuple[float, float], ...] | None:
        """The focus of every level."""
        return None if self.focus is None else (self.focus,) * self.levels


LAYOUTS = (
    Layout(2, (64, 64), 6),
    Layout(2, (64, 96), 6, OFF),
    Layout(3, (81, 81), 5),
    Layout(3, (81, 54), 5, OFF),
    Layout(3, (66, 66), 5),
    Layout(4, (64, 64), 4),
    Layout(4, (64, 128), 4, OFF),
    *(Layout(2, (64, 64), count, None, True) for count in (8, 4, 3, 2)),
    Layout(2, (64, 96), 8, OFF, True),
    Layout(2, (64, 96), 3, OFF, True),
    Layout(3, (81, 81), 5, None, True),
    Layout(3, (81, 54), 5, OFF, True),
    Layout(3, (81, 81), 3, None, True),
    Layout(4, (64, 64), 4, None, True),
    Layout(4, (64, 128), 6, OFF, True),
    Layout(4, (64, 64), 2, None, True),
)


def white_noise(
    levels: int, shape: tuple[int, int, int], p: int, generator: torch.Generator, focus: Focus = None, **_: object
) -> Tensor:
    """As `zoom_noise` round a loop, but that no level shows itself: every one shows the levels - 1 next ones."""
    _, height, width = shape
    own = own_noise(range(levels), shape, draw_seed(generator))
    inside, shown = ring(levels, height, width, p, focus), own
    for _turn in range(levels - 1):
        deeper, shown = shown, own.clone()
        for i, window in enumerate(inside):
            rows, columns = window.slices
            shown[i, :, rows, columns] = p * down(deeper[(i + 1) % levels], p)
    return shown


def sampled(layout: Layout, eta: float, steps: int, channels: int, seeds: int) -> list[Tensor]:
    """The final levels of every seed, (L, C, H, W)."""
    found = []
    for seed in range(seeds):
        *_, end = joint.sample(
            GaussianDenoiser((channels, *layout.size)),
            ["0"] * layout.levels,
            p=layout.p,
            steps=steps,
            eta=eta,
            coarse_weight=1.0,
            feather=0.0,
            loop=layout.loop,
            focus=layout.points,
            generator=torch.Generator().manual_seed(seed),
        )
        found.append(end.clean)
    return found


def disagreement(layout: Layout, levels: Tensor) -> float:
    """The largest difference of a window from the level that it shows."""
    inside = ring(layout.levels, *layout.size, layout.p, layout.points)
    worst = 0.0
    for i, window in enumerate(inside if layout.loop else inside[:-1]):
        rows, columns = window.slices
        shown = down(levels[(i + 1) % layout.levels], layout.p)
        worst = max(worst, float((levels[i][:, rows, columns] - shown).abs().max()))
    return worst


def film_steps(layout: Layout, levels: Tensor) -> tuple[float, float]:
    """The difference from the last frame to the first, and the mean of those at the other levels."""
    focus = snapped_focus(layout.levels, *layout.size, layout.p, layout.points)
    stack = ZoomStack((levels[:, :3] * CONTRAST).clamp(-1, 1), layout.p, focus, True)
    camera, size = Camera(layout.levels, fps=12, seconds_per_level=1, loop=True), layout.size[::-1]
    plan = planned(stack, camera, size)
    steps = list(follow(frames(stack, camera, size), plan.motions, loop=True))
    at_levels = [steps[step].difference for step in plan.passes]
    return steps[-1].difference, sum(at_levels) / len(at_levels)


def measure(layout: Layout, eta: float, steps: int, channels: int, seeds: int) -> dict[str, object]:
    """A row of the table."""
    found = sampled(layout, eta, steps, channels, seeds)
    row: dict[str, object] = {
        "p": layout.p,
        "width": layout.size[1],
        "height": layout.size[0],
        "levels": layout.levels,
        "focus": layout.focus,
        "loop": layout.loop,
        "eta": eta,
        "db": [round(value, 2) for value in band_errors_db(torch.cat(found)).tolist()],
        "disagreement": max(disagreement(layout, levels) for levels in found),
    }
    if layout.loop:
        row["loop_error"], row["other_levels"] = (
            sum(values) / len(found) for values in zip(*(film_steps(layout, levels) for levels in found), strict=True)
        )
    return row


def shown(row: dict[str, object]) -> str:
    """A row as a line of Markdown."""
    kind = "loop" if row["loop"] else "line"
    place = "centre" if row["focus"] is None else "{:g}, {:g}".format(*row["focus"])  # type: ignore[misc]
    bands = " ".join(f"{value:+.1f}" for value in row["db"])  # type: ignore[attr-defined]
    film = f"{row['loop_error']:.2f} / {row['other_levels']:.2f}" if row["loop"] else ""
    return (
        f"| {row['p']} | {row['width']} x {row['height']} | {row['levels']}, {kind} | {place} | {row['eta']:g} | "
        f"{bands} | {row['disagreement']:.0e} | {film} |"
    )


def main() -> None:
    """Measure all layouts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--channels", type=int, default=16)
    parser.add_argument("--white", action="store_true")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    layouts = LAYOUTS
    if args.white:
        joint.zoom_noise = white_noise
        layouts = tuple(one for one in LAYOUTS if one.loop and one.p**one.levels <= max(one.size))
    if not args.json:
        print("| p | level | levels | focus | eta | dB, low to high | windows | film: loop / other levels |")
        print("|---|---|---|---|---|---|---|---|")
    for layout in layouts:
        for eta in (0.0, 1.0):
            row = measure(layout, eta, args.steps, args.channels, args.seeds)
            print(json.dumps(row) if args.json else shown(row), flush=True)


if __name__ == "__main__":
    main()
