"""What orchestration takes: a story by its flow against plain functions, and videos an hour of one and two workers.

python -m benchmarks.orchestration                  a story of 8 levels on the bundled model, both ways in turn
python -m benchmarks.orchestration --workers 1 2    8 stories as deployment runs, by so many workers
"""

import argparse
import asyncio
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import prompts
from flows.server import embedded_server
from tasks import environment
from tasks.pipeline import run_zoom
from tasks.specs import RunConfig, with_values
from tests.doubles.prefect_site import PREFECT, TENFOLD, Process, Site, wait_until

STORY = "cosmic-leaf"
LEVELS = 8


def story(number: int = 0) -> prompts.Story:
    """A ready story of 8 levels; another title makes it another one, drawn with another seed."""
    told = prompts.load_story(STORY)
    levels = (told.levels * LEVELS)[:LEVELS]
    return prompts.Story.model_validate(
        {"title": f"Night {number}", "p": told.p, "levels": [level.prompt for level in levels]}
    )


def both_ways(rounds: int, steps: int) -> dict[str, object]:
    """Processor and wall seconds of a story, by functions and by the flow on a server that runs already, in turn."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from flows.zoom import zoom

    found: dict[str, list[tuple[float, float]]] = {"functions": [], "flow": []}
    with fresh() as home, embedded_server(home / "prefect") as url, temporary_settings({PREFECT_API_URL: url}):
        for number in range(rounds + 1):
            steps_now = steps if number else 1  # the first round loads libraries
            config = with_values(RunConfig(), {"sampling.steps": steps_now})
            for way in found:
                root, began = home / f"{way}-{number}", (time.process_time(), time.perf_counter())
                if way == "flow":
                    asyncio.run(zoom(story(), config, str(root)))
                else:
                    run_zoom(config, story(), root)
                took = (time.process_time() - began[0], time.perf_counter() - began[1])
                if number:
                    found[way].append(took)
    medians = {way: [statistics.median(one[at] for one in took) for at in (0, 1)] for way, took in found.items()}
    more = [100 * (medians["flow"][at] / medians["functions"][at] - 1) for at in (0, 1)]
    return {
        "steps": steps,
        "rounds": rounds,
        "functions_cpu_s": round(medians["functions"][0], 2),
        "flow_cpu_s": round(medians["flow"][0], 2),
        "more_cpu_percent": round(more[0], 1),
        "functions_wall_s": round(medians["functions"][1], 2),
        "flow_wall_s": round(medians["flow"][1], 2),
        "more_wall_percent": round(more[1], 1),
    }


def night(workers: int, stories: int, steps: int) -> dict[str, object]:
    """Wall seconds of a nightly batch over deployments, with so many workers of one video each."""
    with fresh() as home:
        (home / "nightly").mkdir()
        for number in range(stories):
            (home / "nightly" / f"{number}.json").write_text(story(number).model_dump_json(exclude_defaults=True))
        storage = "prefect.server.concurrency.lease_storage.filesystem"
        more = {"TENFOLD_HOME": str(home), "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": storage}
        with Site(home, more=more) as site:
            site.run(*TENFOLD, "setup-prefect", within_s=600).check_returncode()
            started = [_worker(site, "tenfold", "parent")]
            started += [_worker(site, "tenfold-gpu", f"video-{number}") for number in range(workers)]
            began = time.perf_counter()
            settings = json.dumps({"sampling.steps": steps})
            command = ["deployment", "run", "nightly/nightly", "-p", f"settings={settings}", "--watch"]
            done = site.run(*PREFECT, *command, within_s=3600)
            seconds = time.perf_counter() - began
        if done.returncode:
            raise SystemExit(done.stdout[-3000:] + done.stderr[-3000:])
    return {
        "workers": workers,
        "stories": stories,
        "steps": steps,
        "wall_s": round(seconds, 1),
        "videos_an_hour": round(3600 * stories / seconds, 1),
    }


def _worker(site: Site, pool: str, name: str) -> Process:
    worker = site.spawn(*TENFOLD, "worker", "--pool", pool, "--name", name, "--limit", "1", log=f"{name}.log")
    wait_until(lambda: "started!" in worker.text, f"worker {name}", within_s=300)
    return worker


@contextmanager
def fresh() -> Iterator[Path]:
    """A folder that is gone afterwards."""
    home = Path(tempfile.mkdtemp(prefix="tenfold-orchestration-"))
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, nargs="+", default=[], help="workers of one video each")
    parser.add_argument("--stories", type=int, default=8)
    parser.add_argument("--steps", type=int, default=40, help="sampling steps of each story")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    environment.yield_idle_threads()
    environment.quiet_engine()
    rows = [night(workers, asked.stories, asked.steps) for workers in asked.workers]
    for row in rows or [both_ways(asked.rounds, asked.steps)]:
        print(json.dumps(row) if asked.json else "  ".join(f"{name} {value}" for name, value in row.items()))


if __name__ == "__main__":
    main()
