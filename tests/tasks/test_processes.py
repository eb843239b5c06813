"""Real processes: killed in the middle of sampling and of the video, and two at work on the same story."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from prompts import Story
from tasks.pipeline import run_zoom
from tasks.specs import RunConfig, with_settings
from tests.doubles.painter import Studio
from zoomlib.film.video import probe

ROOT = Path(__file__).resolve().parents[2]
STORY = Story.model_validate({"title": "Killed", "p": 2, "levels": ["a", "b", "c"]})
SETTINGS = ["scores.scorer=none", "sampling.steps=12", "film.fps=60", "film.seconds_per_level=8", "film.size_px=64"]

WORKER = """
import sys
from pathlib import Path
from tests.doubles.painter import Studio
from tests.tasks.test_processes import SETTINGS, STORY
from tasks.pipeline import run_zoom
from tasks.specs import RunConfig, with_settings

tools = Studio(seconds_per_step=float(sys.argv[2])).tools()
tell = lambda event: print(event, flush=True)
run_zoom(with_settings(RunConfig(), SETTINGS), STORY, Path(sys.argv[1]), tools=tools, on_event=tell)
"""


def start(root: Path, seconds_per_step: float) -> subprocess.Popen:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", WORKER, str(root), str(seconds_per_step)]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)


def kill_at(worker: subprocess.Popen, event: str) -> list[str]:
    """Read the worker's events until `event`, kill it with no chance to tidy up, and return what it told."""
    told = []
    for line in worker.stdout:
        told.append(line.strip())
        if line.startswith(event):
            break
    worker.send_signal(signal.SIGKILL)
    worker.stdout.close()
    assert worker.wait() == -signal.SIGKILL
    return told


def made(told: list[str]) -> list[str]:
    return [line for line in told if line.startswith("StageDone") and "made=True" in line]


def test_killed_while_sampling_and_again_in_the_video_it_goes_on_and_ends_the_same(tmp_path):
    config = with_settings(RunConfig(), SETTINGS)
    kill_at(start(tmp_path / "cut", 0.2), "StageMoved(stage='sampling', done=4)")
    assert list((tmp_path / "cut").iterdir()) == [tmp_path / "cut" / ".cache"]  # no run folder of a half-made run

    told = kill_at(start(tmp_path / "cut", 0.0), "StageMoved(stage='video', done=5)")
    resumed = next(line for line in told if line.startswith("StageStarted(stage='sampling'"))
    assert int(resumed.partition("done=")[2].rstrip(")")) >= 4
    assert [line.split("'")[1] for line in made(told)] == ["sampling", "levels"]
    assert list((tmp_path / "cut").iterdir()) == [tmp_path / "cut" / ".cache"]

    report = run_zoom(config, STORY, tmp_path / "cut", tools=Studio().tools())
    assert [stage.stage for stage in report.stages if stage.made] == ["video", "motion", "pictures", "view"]
    whole = run_zoom(config, STORY, tmp_path / "whole", tools=Studio().tools())
    assert report.video.read_bytes() == whole.video.read_bytes()
    assert probe(report.video).frames == 2 * 60 * 8
    for level in (whole.run.folder / "stack").iterdir():
        assert (report.run.folder / "stack" / level.name).read_bytes() == level.read_bytes()
    assert not list((tmp_path / "cut" / ".cache" / "work").iterdir())


def test_two_processes_at_once_make_each_stage_once(tmp_path):
    workers = [start(tmp_path, 0.1) for _ in range(2)]
    with ThreadPoolExecutor() as readers:  # both at once: one that waits for its pipe to be emptied holds its lock
        told = [said.splitlines() for said, _ in readers.map(lambda worker: worker.communicate(timeout=120), workers)]
    assert [worker.returncode for worker in workers] == [0, 0]
    done = sorted(line.split("'")[1] for lines in told for line in made(lines))
    assert done == ["levels", "motion", "pictures", "sampling", "story", "video", "view"]
    (folder,) = [path for path in tmp_path.glob("killed/*") if path.is_dir()]
    assert probe(folder / "zoom.mp4").frames == 2 * 60 * 8
