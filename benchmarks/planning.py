"""How long the offline planner takes for a story: median and worst over random wishes of all forms, and cold.

    python -m benchmarks.planning [--wishes 500] [--seed 0] [--json]

Every story is checked with the limit of CLIP's text encoder, and the check's time is part of the planning time (it is
also given apart). Times are of the processor, the smaller of two per wish, so that other work on the machine counts
little. Cold is a process of its own from start to the first story, imports included, less an empty process.
"""

import argparse
import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

from prompts import PlanError, PlanRequest, make_plan
from prompts.scales.ladder import things
from prompts.schedule import check_schedule
from prompts.schedule.tokens import clip_limit

WIDTHS = (
    "1e26 m", "3 million light years", "100 ly", "1 AU", "12,000 km", "300 km", "10 km", "50 m", "2 m", "10 cm", "1 mm",
    "20 µm", "3 nm", "1e-12 m", "2 fm", "1e-18 m",
)  # fmt: skip
ADJECTIVES = ("", "", "frosty ", "red ", "big old ")
COLD = "from prompts import plan; plan('from a galaxy to a leaf')"


def wishes(count: int, seed: int) -> Iterator[PlanRequest]:
    """Random wishes of all forms: two things, ways, single things, lengths, own things; p and levels given or not."""
    rng = random.Random(seed)

    def a() -> str:
        return f"a {rng.choice(ADJECTIVES)}{rng.choice(rng.choice(things()).names)}"

    forms = (
        lambda: f"from {a()} to {a()}",
        lambda: f"{a()} -> {a()}",
        lambda: f"from {a()} via {a()} to {a()}",
        a,
        lambda: "from {} to {}".format(*rng.sample(WIDTHS, 2)),
        lambda: f"from {rng.choice(WIDTHS)} to {a()}",
        lambda: f"a unicorn ({rng.choice(('2 m', '3 cm', '1e-7 m', '500 km'))}) in {a()}",
        lambda: f"a dragon ({rng.choice(('30 m', '0.1 mm'))})",
    )
    for _ in range(count):
        p = rng.choice((None, None, 1.5, 2, 3, 4, 7.3, 10, 16))
        levels = rng.choice((None, None, rng.randint(1, 64), rng.randint(2, 16)))
        yield PlanRequest(text=rng.choice(forms)(), p=p, levels=levels, seed=rng.randrange(2**32))


def measure(count: int, seed: int) -> dict[str, float]:
    """Stories made and refused, and processor times in ms."""
    limit = clip_limit()
    make_plan(PlanRequest(text="from a galaxy to a leaf"), limit=limit)
    taken, checking, refused = [], [], 0
    for wish in wishes(count, seed):
        try:
            story = make_plan(wish, limit=limit).story
        except PlanError as error:
            refused += 1
            if error.draft is not None:  # no valid story came of it, which the planner must never end in
                raise
            continue
        taken.append(_seconds(lambda wish=wish: make_plan(wish, limit=limit)))
        checking.append(_seconds(lambda story=story: check_schedule(story, limit)))
        if check_schedule(story, limit):
            raise AssertionError(f"no valid story came of {wish}")
    return {
        "stories": len(taken), "refused": refused, "median_ms": 1e3 * statistics.median(taken),
        "p95_ms": 1e3 * sorted(taken)[int(0.95 * len(taken))], "worst_ms": 1e3 * max(taken),
        "check_median_ms": 1e3 * statistics.median(checking), "cold_ms": 1e3 * (_process(COLD) - _process("")),
    }  # fmt: skip


def _seconds(work: Callable[[], object]) -> float:
    """Processor seconds, the smaller of two."""
    times = []
    for _ in range(2):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times)


def _process(code: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - started


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--wishes", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(options.wishes, options.seed)
    if options.json:
        print(json.dumps(found))
        return
    times = {name: f"{value:.1f} ms" for name, value in found.items() if name.endswith("_ms")}
    print(f"{found['stories']} stories, every one valid; {found['refused']} refused (more than 64 levels)")
    print(f"a story: median {times['median_ms']}, 95 % {times['p95_ms']}, worst {times['worst_ms']}")
    print(f"of it one check of the story: median {times['check_median_ms']}")
    print(f"first story of a new process: {times['cold_ms']}, imports included")


if __name__ == "__main__":
    main()
