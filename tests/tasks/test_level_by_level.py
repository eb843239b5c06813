"""Methods that make one level after the other: what fails at a level keeps those before it, and goes on there."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tasks.events import Listener, StageMoved, StageStarted, ignore
from tasks.pipeline import Making, run_zoom
from tasks.plan import prepare
from tasks.sample import SAMPLING, load_state, work_of
from tasks.specs import RunConfig, with_settings
from tests.doubles.painter import Painter, Studio
from tests.tasks.test_continuation import outside, sampled
from tests.tasks.test_pipeline import BASE, story

ROOT = Path(__file__).resolve().parents[2]
LEVELS = 8
STEPS = 3
SETTINGS = [*BASE, f"sampling.steps={STEPS}", "guidance.scale=1", "film.fps=2", "film.size_px=32"]


def config(method: str) -> RunConfig:
    return with_settings(RunConfig(), [*SETTINGS, f"method={method}"])


def eight():
    return story(levels=[str(i) for i in range(LEVELS)])


def drawn(method: str, root: Path, studio: Studio, on_event: Listener = ignore) -> Making:
    """The levels; no film of them."""
    making = Making(prepare(config(method), eight(), root, studio.tools()), on_event)
    making.make(SAMPLING)
    return making


class Failing(Painter):
    """Fails at a call of the model."""

    def __init__(self, call: int) -> None:
        super().__init__()
        self.call = call

    def predict_clean(self, z, step, condition):
        if self.steps == self.call:
            raise RuntimeError("the model broke")
        return super().predict_clean(z, step, condition)


class FailingStudio(Studio):
    def load_denoiser(self, name, **options):
        return Failing(self.call)


@pytest.mark.parametrize("method", ["outpaint-direct", "outpaint-sequential", "lanpaint", "superres"])
def test_a_failure_at_the_eighth_level_keeps_seven_and_goes_on_there(tmp_path, method):
    whole_studio = Studio()
    whole = drawn(method, tmp_path / "whole", whole_studio)
    calls = whole_studio.painters[0].steps
    run = prepare(config(method), eight(), tmp_path / "cut", whole_studio.tools())
    steps = work_of(run).steps
    studio = FailingStudio()
    studio.call = calls - 1  # of the last level, its last call
    with pytest.raises(RuntimeError, match="the model broke"):
        run_zoom(config(method), eight(), tmp_path / "cut", tools=studio.tools())
    left = load_state(next((tmp_path / "cut").rglob("state.safetensors")))
    made = left.clean.flatten(1).abs().sum(1) > 0
    assert int(made.sum()) == LEVELS - 1
    order = range(LEVELS) if method == "superres" else reversed(range(LEVELS))
    assert not made[list(order)[-1]]
    own = outside if method == "superres" else torch.flatten  # windows come to show what is drawn after them
    assert torch.equal(own(left.clean[made]), own(sampled(whole)[made]))

    events, studio = [], Studio()
    report = drawn(method, tmp_path / "cut", studio, events.append)
    assert StageStarted("sampling", steps, f"steps, {LEVELS} levels", left.index) in events
    assert studio.painters[0].steps <= calls // (LEVELS - 1)  # of one level only
    assert torch.equal(sampled(report), sampled(whole))
    assert report.results["sampling"].artifacts == whole.results["sampling"].artifacts  # the records too
    assert [e.done for e in events if isinstance(e, StageMoved) and e.stage == "sampling"][-1] == steps


WORKER = """
import sys
from pathlib import Path
from tests.doubles.painter import Studio
from tests.tasks.test_level_by_level import config, eight
from tasks.pipeline import run_zoom

tools = Studio(seconds_per_step=0.1).tools()
tell = lambda event: print(event, flush=True)
run_zoom(config("outpaint-direct"), eight(), Path(sys.argv[1]), tools=tools, on_event=tell)
"""


def test_a_process_killed_at_the_eighth_level_goes_on_there(tmp_path):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", WORKER, str(tmp_path / "cut")]
    worker = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    for line in worker.stdout:
        if line.startswith(f"StageMoved(stage='sampling', done={(LEVELS - 1) * STEPS + 1})"):
            break
    worker.send_signal(signal.SIGKILL)
    worker.stdout.close()
    assert worker.wait() == -signal.SIGKILL

    studio = Studio()
    report = drawn("outpaint-direct", tmp_path / "cut", studio)
    assert studio.painters[0].steps == STEPS
    whole = drawn("outpaint-direct", tmp_path / "whole", Studio())
    assert torch.equal(sampled(report), sampled(whole))
    assert report.results["sampling"].artifacts == whole.results["sampling"].artifacts
