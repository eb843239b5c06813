"""How soon the page of a zoom is there, and how evenly it moves, in Chromium without a GPU.

    python benchmarks/viewer.py [--levels 16] [--size 512] [--window 1280 800] [--rounds 5] [--json]

Opening: from asking for the file to the first frame with the level's own picture. Sweep: the whole range by the page's
own play, 8 times as fast as a film (the least friendly way: every frame changes, pictures are decoded underway); frames
a second, the longest wait for one, and processor time of all the browser's processes for each. Wheel: the same way by
120 turns of the wheel. Otherwise wall time, as that is what a person sees: leave the machine alone meanwhile.
"""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import psutil
import torch
from playwright.sync_api import Page, sync_playwright
from torch.nn import functional as F

from evaluation.viewer import write_view
from zoomlib.stack import ZoomStack

QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
FIRST = "viewer.whole && !viewer.waiting"
SWEEP = """seconds => new Promise((resolve) => {
    const { camera } = viewer, times = [];
    camera.jump(0);
    camera.play(true);
    camera.speed = camera.geometry.way / camera.pace / seconds;
    const begun = performance.now();
    const note = (now) => {
        times.push(now);
        if (!camera.backwards && camera.playing) requestAnimationFrame(note);
        else { camera.stop(); camera.backwards = false; resolve([begun, ...times]); }
    };
    viewer.wake();
    requestAnimationFrame(note);
})"""
FRAMES = """() => {
    window.times = [];
    const note = (now) => { window.times.push(now); window.noting = requestAnimationFrame(note); };
    window.noting = requestAnimationFrame(note);
}"""


def stack_of(levels: int, size: int) -> ZoomStack:
    """Levels with detail of all sizes, so that pictures are as large as those of photographs."""
    random = torch.Generator().manual_seed(0)
    total = torch.zeros(levels, 3, size, size)
    for octave in range(2, size.bit_length()):
        grain = torch.randn(levels, 3, 2**octave, 2**octave, generator=random)
        total += F.interpolate(grain, (size, size), mode="bicubic") * 2.0 ** (-0.6 * octave)
    return ZoomStack((total / total.abs().amax()).float().clamp(-1, 1), 2)


def wait(page: Page, condition: str) -> None:
    """Until the page says so; it is asked often, as its policy forbids to wait inside it."""
    while not page.evaluate(f"Boolean({condition})"):
        page.wait_for_timeout(5)


def processor_s() -> float:
    """Processor seconds that the browser's processes have taken."""
    spent = [child.cpu_times() for child in psutil.Process().children(recursive=True) if "chrom" in child.name()]
    return sum(times.user + times.system for times in spent)


def pace(times: list[float]) -> tuple[float, float]:
    """Frames a second, and the longest wait for one in ms, of times in ms."""
    waits = [after - before for before, after in pairwise(times)]
    return 1000 * len(waits) / sum(waits), max(waits)


def measure(page: Page, url: str, seconds: float) -> dict[str, float]:
    """One round."""
    started = time.perf_counter()
    page.goto(url)
    wait(page, FIRST)
    opened = time.perf_counter() - started
    before = processor_s()
    times = page.evaluate(SWEEP, seconds)
    busy = processor_s() - before
    sweep, worst = pace(times)
    page.keyboard.press("Home")
    page.wait_for_timeout(2500)
    page.mouse.move(660, 380)
    page.evaluate(FRAMES)
    for _ in range(120):
        page.mouse.wheel(0, -90)
    wait(page, "!viewer.camera.moving")
    wheel, _ = pace(page.evaluate("(cancelAnimationFrame(window.noting), window.times)"))
    return {
        "open_s": opened,
        "sweep_fps": sweep,
        "sweep_worst_ms": worst,
        "sweep_cpu_ms_a_frame": 1000 * busy / len(times),
        "wheel_fps": wheel,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--levels", type=int, default=16)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--window", type=int, nargs=2, default=(1280, 800))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        sys.exit("Chromium is not here: apt-get install chromium.")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        stack = stack_of(options.levels, options.size)
        started = time.process_time()
        path = write_view(
            Path(folder) / "view.html", stack, title="A zoom", prompts=["a level"] * len(stack), widths_m=None
        )
        made = {"make_cpu_s": time.process_time() - started, "megabytes": path.stat().st_size / 1e6}
        rounds = []
        for _ in range(options.rounds):
            browser = playwright.chromium.launch(executable_path=program, args=QUIET)
            width, height = options.window
            page = browser.new_page(viewport={"width": width, "height": height})
            rounds.append(measure(page, path.as_uri(), options.levels / 4))
            browser.close()
    found = {name: statistics.median(r[name] for r in rounds) for name in rounds[0]} | made
    if options.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:<22} {value:8.2f}")


if __name__ == "__main__":
    main()
