"""A warm re-run of a batch of finished stories: what looking for a hundred videos that are there takes.

    python -m benchmarks.batch [--stories 100] [--runs FOLDER] [--no-engine]

Makes the stories first, small and with the bundled model, unless FOLDER holds them; then times three ways of running
the same batch again: in this process, as the command without Prefect, and as the flow with a server of its own, its
start and end included. Beside the wall time stands the processor's, of all processes together, which other work on the
machine disturbs less.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SETTINGS = {"sampling.steps": 1, "film.fps": 2, "film.seconds_per_level": 0.5, "film.size_px": 64}
SETTINGS |= {"scores.video": False, "enlarge.model": "none"}
TARGETS_S = {"in this process": 1.0, "flow with a server": 15.0}


def main() -> None:
    """Make, then find again, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stories", type=int, default=100)
    parser.add_argument("--runs", type=Path)
    parser.add_argument("--no-engine", action="store_true", help="leave out the run with a server")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = asked.runs or Path(folder)
        os.environ.setdefault("TENFOLD_CACHE", str(place / "cache"))
        os.environ.setdefault("PREFECT_HOME", str(place / "prefect"))
        file = write_batch(place, asked.stories)
        report(measured(file, place / "runs", engine=not asked.no_engine))


def write_batch(place: Path, count: int) -> Path:
    """A batch's file beside its stories: three levels each, in the bundled model's words."""
    stories = place / "stories"
    stories.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        levels = ["green forest", "brown leaves", f"red flower {number}"]
        text = json.dumps({"title": f"Story {number:03d}", "p": 2, "levels": levels})
        (stories / f"story-{number:03d}.json").write_text(text)
    file = place / "batch.json"
    file.write_text(json.dumps({"title": "Hundred", "stories": ["stories"], "settings": SETTINGS}))
    return file


Seconds = tuple[float, float]
"""By the wall's clock, and of processors."""


def measured(file: Path, runs: Path, *, engine: bool) -> dict[str, Seconds]:
    """What each way takes; the first is cold."""
    seconds: dict[str, Seconds] = {"cold, in this process": in_process(file, runs, "made")}
    in_process(file, runs, "reused")  # what is loaded once per process is loaded now
    seconds["in this process"] = in_process(file, runs, "reused")
    seconds["command without Prefect"] = command(file, runs, "--no-engine")
    if engine:
        seconds["flow with a server"] = by_flow(file, runs)
    return seconds


def in_process(file: Path, runs: Path, state: str) -> Seconds:
    """Plan and run the batch as plain functions. Raises AssertionError where videos are not all in that state."""
    from tasks.batch.making import run_batch
    from tasks.batch.plan import plan_batch
    from tasks.batch.spec import read_batch

    began = now()
    spec, folder = read_batch(str(file))
    summary = run_batch(plan_batch(spec, runs, folder=folder))
    seconds = since(began)
    there = summary.count(state) + (summary.count("reused") if state == "made" else 0)
    assert there == len(summary.jobs), summary.headline()
    return seconds


def now() -> Seconds:
    """The clocks: that on the wall, and of the processor time of this process and those that it has waited for."""
    times = os.times()
    return time.perf_counter(), times.user + times.system + times.children_user + times.children_system


def since(began: Seconds) -> Seconds:
    """What has passed on both clocks."""
    wall, processor = now()
    return wall - began[0], processor - began[1]


def command(file: Path, runs: Path, *options: str) -> Seconds:
    """Run the command in a process of its own."""
    code = "import sys; sys.argv[0] = 'tenfold'; from flows.cli import main; main()"
    words = [sys.executable, "-c", code, "batch", str(file), "--out", str(runs), "--quiet", *options]
    began = now()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, env=variables())
    return since(began)


def variables() -> dict[str, str]:
    """The environment of a process that finds our code."""
    return {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}


FLOW = """
import sys
from pathlib import Path
from flows.engine import run_flow
from tasks.batch.spec import read_batch
from tasks.events import ignore

def start():
    from flows.nightly import nightly
    spec, folder = read_batch(sys.argv[1])
    return nightly(list(spec.stories), spec.title, settings=spec.settings, root=sys.argv[2], folder=str(folder))

facts = run_flow(start, ignore)
assert facts["counts"]["reused"] == sum(facts["counts"].values()), facts
"""


def by_flow(file: Path, runs: Path) -> Seconds:
    """Run the flow with an embedded server in a process of its own, from its start to its end."""
    began = now()
    subprocess.run([sys.executable, "-c", FLOW, str(file), str(runs)], check=True, env=variables())
    return since(began)


def report(seconds: dict[str, Seconds]) -> None:
    """Print the times beside what they are to stay below."""
    for name, (wall, processor) in seconds.items():
        target = TARGETS_S.get(name)
        verdict = "" if target is None else f"   (below {target:g} s: {'yes' if wall < target else 'NO'})"
        print(f"{name:<26} {wall:8.2f} s, processor {processor:8.2f} s{verdict}")


if __name__ == "__main__":
    main()
