"""The main job as a user starts it: cold, warm, and with its video deleted; wall time, memory, seconds of each stage.

    python benchmarks/main_job.py [--levels 10] [--size 256] [--model bundled] [--no-engine] [--json]

Every run is a process of its own, in an empty folder, with an empty history of Prefect. Memory is the sum over the
command and the processes that it starts (the embedded server, ffmpeg), sampled every 50 ms. At last the sampling is
repeated in this process, to tell the model's processor time from that of noise, blending, rendering and update.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

import prompts
from tasks import environment

STORY = "whole-ladder"
TENFOLD = "import sys; sys.argv[0] = 'tenfold'; from flows.cli import main; main()"


def write_story(folder: Path, levels: int) -> Path:
    """The first levels of a ready story as a file."""
    story = prompts.load_story(STORY)
    path = folder / "story.yaml"
    path.write_text(prompts.dump_story(story.model_copy(update={"levels": story.levels[:levels]})), encoding="utf-8")
    return path


def timed(command: Sequence[str], folder: Path) -> dict[str, float]:
    """Wall seconds and peak MB of a command and its children."""
    settings = {**os.environ, "PREFECT_HOME": str(folder / "prefect")}
    # Its words go to a file: in a pipe that nobody empties they would stop it.
    with (folder / "said.txt").open("w+b") as said:
        started, peak = time.perf_counter(), 0
        job = subprocess.Popen(command, cwd=folder, env=settings, stdout=said, stderr=said)
        while job.poll() is None:
            peak = max(peak, resident(job.pid))
            time.sleep(0.05)
        seconds = time.perf_counter() - started
        if job.returncode:
            said.seek(0)
            sys.exit(said.read().decode(errors="replace")[-4000:])
    return {"wall_s": round(seconds, 1), "peak_mb": round(peak / 2**20)}


def resident(pid: int) -> int:
    """Bytes in memory of a process and all that it has started."""
    total = 0
    try:
        processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.Error:
        return 0
    for process in processes:
        try:
            total += process.memory_info().rss
        except psutil.Error:  # ended meanwhile
            continue
    return total


def shares(story: Path, model: str) -> dict[str, float]:
    """Processor seconds of the model and of everything else in one sampling, after one to warm up."""
    environment.yield_idle_threads()
    import torch

    from tasks.plan import prepare
    from tasks.sample import load_guided, sampler
    from tasks.specs import RunConfig, with_settings

    config = with_settings(RunConfig(), [f"model.name={model}", "scores.scorer=none"])
    run = prepare(config, prompts.load_story(story), Path("runs"))
    denoiser = load_guided(run)
    inside = 0.0
    predict = denoiser.predict_clean

    def watched(*arguments: object) -> torch.Tensor:
        nonlocal inside
        before = time.process_time()
        out = predict(*arguments)
        inside += time.process_time() - before
        return out

    denoiser.predict_clean = watched
    total = 0.0
    for _ in range(2):
        inside, before = 0.0, time.process_time()
        for _state in sampler(run, denoiser):
            pass
        total = time.process_time() - before
    return {
        "model_cpu_s": round(inside, 2),
        "consolidation_cpu_s": round(total - inside, 2),
        "share": (total - inside) / inside,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--levels", type=int, default=10)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--set", action="append", default=[], metavar="PATH=VALUE")
    parser.add_argument("--no-engine", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        story = write_story(Path(name), options.levels)
        arguments = ["zoom", str(story), "--size", str(options.size), "--model", options.model]
        arguments += [part for setting in options.set for part in ("--set", setting)]
        arguments += ["--no-engine"] * options.no_engine
        found = runs([sys.executable, "-c", TENFOLD, *arguments], Path(name))
        found["sampling"] = shares(story, options.model)
    if options.json:
        print(json.dumps(found))
    else:
        show(found)


def runs(command: Sequence[str], folder: Path) -> dict[str, dict[str, float]]:
    """The three runs one after the other, and the seconds of each stage when it was made."""
    found = {"cold": timed(command, folder)}
    (config,) = folder.glob("runs/*/*/config.json")
    stages = json.loads(config.read_text(encoding="utf-8"))["stages"]
    found["warm"] = timed(command, folder)
    for film in folder.rglob("*.mp4"):
        film.unlink()
    found["video deleted"] = timed(command, folder)
    found["stages"] = {stage: facts["seconds"] for stage, facts in stages.items()}
    return found


def show(found: dict[str, dict[str, float]]) -> None:
    """Print it as a table."""
    for name in ("cold", "warm", "video deleted"):
        print(f"{name:<14} {found[name]['wall_s']:6.1f} s  {found[name]['peak_mb']:6.0f} MB")
    for stage, seconds in found["stages"].items():
        print(f"  {stage:<12} {seconds:6.1f} s")
    sampling = found["sampling"]
    print(
        f"noise, blending, rendering, update: {sampling['consolidation_cpu_s']:.2f} s of processor time beside "
        f"{sampling['model_cpu_s']:.2f} s of the model's ({100 * sampling['share']:.1f} %)"
    )


if __name__ == "__main__":
    main()
