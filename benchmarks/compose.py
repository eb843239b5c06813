"""How exactly `tenfold compose` places pictures whose places are known.

    python -m benchmarks.compose [--quick] [--json]

Zooms into a world with detail at every scale (that of the tests), factors from 1.2 to 4, off centre, each picture with
a gain, an offset and a gamma of its own and saved as JPEG, shuffled. Errors of the factor in per cent, of the shift in
pixels of the wider picture, of the turn in degrees; how many standard errors the factors are off, as root mean square;
processor seconds for each zoom.
"""

import argparse
import json
import time
from dataclasses import asdict, dataclass

import numpy as np

from tests.zoomlib.registration.scenes import World, any_placement, jpeg, recoloured, zoom
from zoomlib.registration.order import register

STEPS = 5


@dataclass(frozen=True)
class Setting:
    """Zooms of one kind: pictures' (width, height), how many zooms, how far turned, recoloured and compressed."""

    size: tuple[int, int]
    zooms: int
    turn_deg: float = 3.0
    colour: float = 1.0
    quality: int = 80


SETTINGS = (Setting((320, 240), 12), Setting((512, 512), 4), Setting((320, 240), 6, 180.0, 2.0, 50))


def measure(setting: Setting) -> dict[str, float]:
    """Place the zooms of a kind; the largest errors and their root mean squares."""
    started, ordered, rows = time.process_time(), 0, []
    for seed in range(100, 100 + setting.zooms):
        placed, pictures, shuffled = made(setting, seed)
        found = register(pictures, [str(i) for i in shuffled])
        right = [shuffled[i] for i in found.order] == list(range(len(pictures)))
        ordered += right
        if right:
            rows += [errors(setting, step, truth) for step, truth in zip(found.steps, placed, strict=True)]
    off = np.abs(np.array(rows))
    rms = np.sqrt((off**2).mean(0))
    names = ("p_percent", "shift_px", "turn_deg", "p_standard_errors")
    values = {f"{name}_max": float(value) for name, value in zip(names, off.max(0), strict=True)}
    values |= {f"{name}_rms": float(value) for name, value in zip(names, rms, strict=True)}
    cpu_s = (time.process_time() - started) / setting.zooms
    return {"zooms": setting.zooms, "in_order": ordered, "steps": len(rows), "cpu_s": cpu_s, **values}


def made(setting, seed):
    """Places, shuffled pictures, and which each of these is."""
    random = np.random.default_rng(seed)
    placed = [any_placement(random, turn_deg=setting.turn_deg) for _ in range(STEPS)]
    views = zoom(World(seed), [setting.size] * (STEPS + 1), placed)
    shown = [jpeg(recoloured(view, random, setting.colour), setting.quality) for view in views]
    shuffled = [int(i) for i in random.permutation(len(shown))]
    return placed, [shown[i] for i in shuffled], shuffled


def errors(setting, step, truth) -> tuple[float, float, float, float]:
    """Of a step: of the factor in per cent, the shift in pixels, the turn in degrees, the factor in standard errors."""
    found = step.placement
    log = np.log(found.p / truth.p)
    shift = np.hypot((found.x - truth.x) * setting.size[0], (found.y - truth.y) * setting.size[1])
    turn = (found.turn_deg - truth.turn_deg + 180) % 360 - 180
    return 100 * log, shift, turn, log / step.errors.log_p


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="two zooms of each kind")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    for setting in SETTINGS:
        found = measure(Setting(**{**asdict(setting), "zooms": 2}) if options.quick else setting)
        if options.json:
            print(json.dumps({**asdict(setting), **found}))
            continue
        print(setting)
        for name, value in found.items():
            print(f"  {name:<24} {value:8.3f}")


if __name__ == "__main__":
    main()
