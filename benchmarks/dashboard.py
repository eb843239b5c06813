"""How soon the dashboard answers with many runs, in Chromium without a GPU.

    python benchmarks/dashboard.py [--runs 2000] [--rounds 5] [--keep FOLDER] [--json]

Makes runs of the real form (config.json, story.yaml, scores.parquet, poster, levels), starts `tenfold dashboard` as a
user does, once with nothing known and once again, and uses the page. Times are wall time from the action to the frame
that shows its result: leave the machine alone meanwhile. Aims: first page under 2 s, filter under 300 ms.
"""

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from evaluation.table import Run, Score, rows, write_scores
from tasks.specs import RunConfig, with_values
from tasks.variants import variant_of

QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
SUBJECTS = (
    "forest",
    "planet",
    "galaxy",
    "leaf",
    "city",
    "eye",
    "reef",
    "engine",
    "snowflake",
    "library",
    "moth",
    "dune",
)
PLACES = ("dawn", "winter", "the deep", "a dream", "the attic", "glass")
LEVELS = 8
LEVEL_SCORES = (
    "clip_score",
    "clip_margin",
    "spectrum_slope",
    "blur",
    "seam",
    "seam_worst",
    "colour_step",
    "colour_drift",
)
PAIR_SCORES = ("window_psnr", "window_ssim", "estimate_psnr", "delta_e")
VARIANTS = (
    {"method": "joint"},
    {"method": "joint", "sampling.blending": "naive"},
    {"method": "joint", "sampling.noise": "random"},
    {"method": "outpaint-direct"},
    {"method": "alignnoise"},
    {"method": "lanpaint"},
    {"method": "superres"},
    {"method": "joint", "guidance.scale": 4.0},
)
AIMS = {"first page": 2000.0, "filter": 300.0, "search": 300.0, "sort": 300.0, "ranking": 300.0}
ROWS = "document.querySelectorAll('#list a.open').length"
PAINTED = "new Promise((go) => requestAnimationFrame(() => setTimeout(() => go(performance.now()), 0)))"


def make_runs(root: Path, count: int) -> None:
    """`count` runs under `root`, alike for every call; pictures are shared by hard links."""
    chance, shared = random.Random(0), root / "_shared"
    shared.mkdir(parents=True)
    for number in range(24):
        Image.fromarray(picture(number, 512)).save(shared / f"poster_{number}.png")
    for level in range(LEVELS):
        Image.fromarray(picture(level, 256)).save(shared / f"level_{level:02d}.png")
    stories = [f"{subject} in {place}".capitalize() for subject in SUBJECTS for place in PLACES]
    configs = [with_values(RunConfig(), values) for values in VARIANTS]
    for number in range(count):
        story = stories[number // len(configs) % len(stories)]
        make_run(root, number, story, configs[number % len(configs)], chance)


def make_run(root: Path, number: int, story: str, config: RunConfig, chance: random.Random) -> None:
    """One run with scores that depend on its variant a little."""
    name, seed = f"{chance.getrandbits(48):012x}", number // 576
    folder, variant = root / story.replace(" ", "-").lower() / name, variant_of(config)
    (folder / "stack").mkdir(parents=True)
    prompts = [f"{story}, view {level} of {LEVELS}, {chance.choice(PLACES)}" for level in range(LEVELS)]
    files = {"poster.png": root / "_shared" / f"poster_{number % 24}.png"}
    files |= {f"stack/level_{i:02d}.png": root / "_shared" / f"level_{i:02d}.png" for i in range(LEVELS)}
    for file, source in files.items():
        os.link(source, folder / file)
    told = json.dumps([{"prompt": prompt} for prompt in prompts])
    (folder / "story.yaml").write_text(f"title: {story}\nlevels: {told}\n", encoding="utf-8")
    run = Run(name, story, config.method, variant, seed, "bundled", "0" * 64, "tenfold 0.1.0")
    shift = hash_of(variant) / 10
    found = [
        Score(score, chance.gauss(1 + shift, 0.2), scope, level, "bundled" if "clip" in score else None, "1" * 64)
        for scope, scores, levels in (("level", LEVEL_SCORES, LEVELS), ("pair", PAIR_SCORES, LEVELS - 1))
        for score in scores
        for level in range(levels)
    ]
    write_scores(rows(found, run), folder / "scores.parquet")
    facts = {
        "run_id": name,
        "story": story,
        "prompts": prompts,
        "method": config.method,
        "variant": variant,
        "p": 2.0,
        "seed": seed,
        "config": config.model_dump(mode="json") | {"seed": seed},
        "model": {"id": "bundled", "revision": "0" * 64},
        "versions": {"tenfold": "0.1.0"},
        "files": dict.fromkeys(files, "2" * 64),
    }
    (folder / "config.json").write_text(json.dumps(facts, indent=2), encoding="utf-8")


def hash_of(text: str) -> int:
    """A small number that is the same in every process."""
    return sum(map(ord, text)) % 7


def picture(seed: int, side: int) -> np.ndarray:
    """Soft coloured noise, uint8 (side, side, 3)."""
    noise = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), np.uint8)
    return np.array(Image.fromarray(noise).resize((side, side), Image.Resampling.BICUBIC))


class Server:
    """`tenfold dashboard` in a process of its own."""

    def __init__(self, root: Path) -> None:
        command = [sys.executable, "-c", "from flows.cli import main; main()", "dashboard", "--no-open", "--port", "0"]
        begun = time.perf_counter()
        self.process = subprocess.Popen(
            [*command, "--out", str(root)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.url = self.process.stdout.readline().split()[-1]
        self.start_ms = 1000 * (time.perf_counter() - begun)

    @property
    def megabytes(self) -> float:
        """Resident memory."""
        return psutil.Process(self.process.pid).memory_info().rss / 1e6

    def stop(self) -> None:
        """End it, as Ctrl-C does."""
        self.process.terminate()
        self.process.wait(20)


def until(page: Page, condition: str, limit_s: float = 120) -> None:
    """Until the page says so; asked often, as its policy forbids to wait inside it."""
    end = time.monotonic() + limit_s
    while not page.evaluate(f"Boolean({condition})"):
        if time.monotonic() > end:
            raise TimeoutError(condition)
        page.wait_for_timeout(5)


def opened(page: Page, server: Server, count: int) -> dict[str, float]:
    """From asking for the page to its first rows, and to all runs being known."""
    begun = time.perf_counter()
    page.goto(server.url, wait_until="commit")
    until(page, f"{ROWS} > 0")
    page.evaluate(PAINTED)
    first = time.perf_counter()
    until(page, f"window.dashboard.runs.rows.size === {count}")
    page.evaluate(PAINTED)
    return {"first page": 1000 * (first - begun), "all runs": 1000 * (time.perf_counter() - begun)}


def timed(page: Page, action: str) -> float:
    """Milliseconds from a change in the page to the frame that shows it."""
    return page.evaluate(
        f"async () => {{ const begun = performance.now(); {action}; return await {PAINTED} - begun; }}"
    )


def asked(page: Page, action: str, counter: str) -> float:
    """The same where the page must wait for something: until what `counter` reads has grown."""
    return page.evaluate(
        f"""async () => {{
            const before = {counter}, begun = performance.now();
            {action};
            while ({counter} === before) await new Promise((go) => setTimeout(go, 1));
            return await {PAINTED} - begun;
        }}"""
    )


def used(page: Page, round_: int) -> dict[str, float]:
    """One round of using the page."""
    q = "document.getElementById('q')"
    shown = "document.getElementById('count').textContent"
    typed = f"{q}.value = '{SUBJECTS[round_ % 12]} view seed=1'; {q}.dispatchEvent(new Event('input'))"
    cleared = f"{q}.value = ''; {q}.dispatchEvent(new Event('input'))"
    ranked = "document.documentElement.dataset.ranked"
    story = f"document.querySelectorAll('#facets input[type=checkbox]')[{round_ % 8}].click()"
    found = {"filter": timed(page, story), "filter off": timed(page, story)}
    found["search"] = asked(page, typed, shown)
    asked(page, cleared, shown)
    found["sort"] = timed(page, "document.querySelector('th.value button').click()")
    found["ranking"] = asked(page, "document.querySelector('#views [value=ranking]').click()", ranked)
    timed(page, "document.querySelector('#views [value=table]').click()")
    return found


def compared(page: Page) -> float:
    """Pin three runs and open their comparison, until its plots are drawn."""
    begun = time.perf_counter()
    for number in range(3):
        page.evaluate(f"document.querySelectorAll('#list .pinner')[{number}].click()")
    page.click("#compare", no_wait_after=True)
    page.wait_for_url("**/compare?*", wait_until="commit", timeout=120_000)
    until(page, "document.documentElement.dataset.plots >= 1")
    return 1000 * (time.perf_counter() - begun)


def measure(root: Path, count: int, rounds: int, program: str) -> dict[str, float]:
    """Everything."""
    found: dict[str, float] = {}
    with sync_playwright() as playwright:
        for state in ("cold", "warm"):
            server, browser = Server(root), playwright.chromium.launch(executable_path=program, args=QUIET)
            try:
                page = browser.new_page(viewport={"width": 1440, "height": 900})
                found[f"start, {state}"] = server.start_ms
                found |= {f"{name}, {state}": value for name, value in opened(page, server, count).items()}
                if state == "warm":
                    page.wait_for_timeout(3000)  # what the server gets ready behind the page
                    used(page, 0)
                    every = [used(page, number) for number in range(rounds)]
                    found |= {name: statistics.median(one[name] for one in every) for name in every[0]}
                    found["megabytes"] = server.megabytes
                    found["comparison, first"] = compared(page)
                    page.goto(server.url)
                    until(page, f"{ROWS} > 0")
                    found["comparison, again"] = compared(page)
                page.wait_for_timeout(2500)  # until the index is kept
            finally:
                browser.close()
                server.stop()
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--keep", type=Path, help="folder of the runs, made when it is not there")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        sys.exit("Chromium is not here: apt-get install chromium.")
    with tempfile.TemporaryDirectory() as folder:
        root = options.keep or Path(folder) / "runs"
        if not root.is_dir():
            make_runs(root, options.runs)
        shutil.rmtree(root / ".cache", ignore_errors=True)
        found = measure(root, options.runs, options.rounds, program)
    if options.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        aim = AIMS.get(name.partition(",")[0])
        bar = "" if aim is None else f"{'#' * min(60, round(30 * value / aim)):<30}|" + f" aim {aim:,.0f} ms"
        print(f"{name:<20} {value:9,.0f} {'MB' if name == 'megabytes' else 'ms'}  {bar}")


if __name__ == "__main__":
    main()
