"""Scores of what is there already: the same rows as the run's own, nothing twice, one bad run in nobody's way."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import evaluation
from evaluation.table import rows, write_scores
from tasks import foreign
from tasks.cards import run_folders
from tasks.errors import RefusedError
from tasks.events import StageMoved
from tasks.foreign_folder import publish
from tasks.pipeline import run_zoom
from tasks.scoring import measure, plan
from tasks.scoring_plan import Asked
from tasks.specs import RunConfig, with_settings
from tasks.subjects import read_subject
from tests.doubles.painter import Studio
from tests.tasks.scored import given, read, score
from tests.tasks.test_pipeline import BASE, flip, story
from zoomlib.errors import InvalidInputError

ROOT = Path(__file__).resolve().parents[2]
SCORED = [*BASE, "scores.scorer=bundled"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two finished runs of one story, scored by the bundled scorer; not to be changed."""
    root = tmp_path_factory.mktemp("made")
    for seed in (0, 1):
        run_zoom(with_settings(RunConfig(), [*SCORED, f"seed={seed}"]), story(), root, tools=Studio().tools())
    return root


@pytest.fixture
def runs(made, tmp_path):
    """A copy of both."""
    shutil.copytree(made, tmp_path / "runs")
    return tmp_path / "runs"


def test_what_the_run_measured_is_kept(runs):
    before = {path: path.read_bytes() for path in runs.rglob("scores*.parquet")}
    assert len(before) == 4
    for outcome in score(runs):
        assert (outcome.made, outcome.kept) == ((), ("scores.parquet", "scores-video.parquet"))
        assert outcome.error is None
    assert {path: path.read_bytes() for path in runs.rglob("scores*.parquet")} == before


def test_measured_again_the_rows_are_the_runs_own(runs):
    """Levels, the model's estimates and the film: the same numbers as in the run's stages."""
    before = read(runs)
    assert {"clip_score", "window_psnr", "estimate_psnr", "blur", "flicker", "log_speed_sd"} <= set(before["score"])
    for outcome in score(runs, force=True):
        assert (outcome.made, outcome.error) == (("scores.parquet", "scores-video.parquet"), None)
    after = read(runs)
    pd.testing.assert_frame_equal(after, before, rtol=0, atol=1e-4)  # the scorer's batches differ


@pytest.mark.parametrize("damage", ["cut", "gone", "old"])
def test_damaged_missing_and_older_files_are_measured_again(runs, damage):
    before = read(runs)
    file = sorted(runs.rglob("scores.parquet"))[0]
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:-30])
        with pytest.warns(evaluation.DamagedScoresWarning):
            assert len(evaluation.read_scores(runs)) < len(before)
    elif damage == "gone":
        file.unlink()
    else:  # as written before files told what they were measured by
        pq.write_table(pq.ParquetFile(file).read().drop_columns(["variant"]).replace_schema_metadata(None), file)
    outcomes = {outcome.subject.folder: outcome.made for outcome in score(runs, video=False)}
    assert outcomes.pop(file.parent) == ("scores.parquet",)
    assert set(outcomes.values()) == {()}
    pd.testing.assert_frame_equal(read(runs), before, rtol=0, atol=1e-4)


def test_estimates_that_the_store_has_let_go_keep_their_scores(runs):
    before = read(runs)
    shutil.rmtree(runs / ".cache")
    score(runs, force=True, video=False)
    pd.testing.assert_frame_equal(read(runs), before, rtol=0, atol=1e-4)


def test_another_measure_goes_to_a_file_of_its_own_and_only_once(runs):
    before, events = read(runs), []
    first = score(runs, events, measures=("clip_iqa",))
    assert {outcome.made for outcome in first} == {("scores-clip-iqa-" + first[0].made[0][-14:],)}
    assert [event.done for event in events if isinstance(event, StageMoved)] == [1, 2]
    after = read(runs)
    new = after[after["score"] == "clip_iqa"]
    assert len(new) == 2 * 3
    assert set(new["scorer"]) == {"bundled"}
    pd.testing.assert_frame_equal(after[after["score"] != "clip_iqa"].reset_index(drop=True), before)
    assert {outcome.made for outcome in score(runs, measures=("clip_iqa",))} == {()}


def test_another_scorer_stands_beside_the_runs_own_and_a_copy_of_it_adds_no_row_twice(runs, made, tmp_path):
    from zoomlib import bundled

    other = tmp_path / "copies" / "bundled"  # by the same name and with the same weights
    shutil.copytree(bundled.folder() / "scorer", other)
    before = read(runs)
    assert all(outcome.error is None for outcome in score(runs, scorer=str(other)))
    pd.testing.assert_frame_equal(read(runs), before)
    renamed = other.rename(other.with_name("judge"))
    score(runs, scorer=str(renamed))
    after = read(runs)
    text = after[after["score"] == "clip_score"]
    assert text.groupby("scorer").size().to_dict() == {"bundled": 6, "judge": 6}
    by = text.set_index(["run_id", "level", "scorer"])["value"].unstack()
    assert np.allclose(by["bundled"], by["judge"], atol=1e-4)


def test_what_the_run_comes_to_measure_itself_leaves_the_other_file(runs):
    score(runs, measures=("clip_iqa",))
    settings = [*SCORED, "scores.measures=clip_iqa"]
    report = run_zoom(with_settings(RunConfig(), settings), story(), runs, tools=Studio().tools())
    assert [stage.stage for stage in report.stages if stage.made] == ["scores"]  # the same run
    frame = read(report.run.folder)
    assert (frame["score"] == "clip_iqa").sum() == 3
    assert "clip_iqa" in set(read(report.run.folder / "scores.parquet")["score"])
    assert not list(report.run.folder.glob("scores-clip*"))
    told = json.loads((report.run.folder / "config.json").read_text())
    assert [one["id"] for one in told["measures"]] == ["clip_iqa"]
    (outcome,) = (one for one in score(runs, measures=("clip_iqa",)) if one.subject.folder == report.run.folder)
    assert outcome.made == ()


def test_one_run_that_cannot_be_measured_is_named_and_the_others_are_done(runs):
    bad, good = run_folders(runs)
    shutil.rmtree(runs / ".cache")
    flip(bad / "stack" / "level_01.png")
    (bad / "scores.parquet").unlink()
    (good / "scores.parquet").unlink()
    outcomes = {outcome.subject.folder: outcome for outcome in score(runs, video=False)}
    assert "level_01.png" in outcomes[bad].error
    assert (outcomes[good].made, outcomes[good].error) == (("scores.parquet",), None)
    assert not (bad / "scores.parquet").exists()


def test_a_changed_level_comes_from_the_store(runs):
    before = read(runs)
    for folder in run_folders(runs):
        flip(folder / "stack" / "level_01.png")
    assert all(outcome.error is None for outcome in score(runs, force=True, video=False))
    pd.testing.assert_frame_equal(read(runs), before, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    "asked", [{"scorer": "nobody"}, {"measures": ("beauty",)}, {"scorer": "none", "measures": ("clip_iqa",)}]
)
def test_nonsense_is_refused_before_any_work(runs, asked):
    with pytest.raises((RefusedError, InvalidInputError)):
        score(runs, **asked)


@pytest.mark.parametrize(
    "setting", ["scores.scorer=nobody", "scores.scorer=ViT-B-32:nothing", "scores.measures=beauty"]
)
def test_a_run_with_an_unknown_judge_is_refused_before_it_samples(tmp_path, setting):
    studio = Studio()
    with pytest.raises(InvalidInputError, match=setting.rpartition("=")[2].rpartition(":")[2]):
        run_zoom(with_settings(RunConfig(), [*BASE, setting]), story(), tmp_path, tools=studio.tools())
    assert studio.loaded == []
    assert not list(tmp_path.iterdir())


SCORER = """
import sys
from pathlib import Path
from tests.tasks.test_score_runs import score_twice

print("ready", flush=True)
score_twice(Path(sys.argv[1]))
"""


def score_twice(runs):
    for _ in range(2):
        done = score(runs, measures=("clip_iqa",), video=False, force=True)
        assert all(outcome.error is None for outcome in done)


def test_two_processes_that_score_the_same_runs_at_once_lose_and_double_nothing(runs):
    """Another process, and this one, which reads besides."""
    before = read(runs)
    command = [sys.executable, "-W", "error::UserWarning", "-c", SCORER, str(runs)]
    own = {**os.environ, "OMP_NUM_THREADS": "1"}
    with (
        subprocess.Popen(command, cwd=ROOT, env=own, stdout=subprocess.PIPE, text=True) as other,
        ThreadPoolExecutor(1) as pool,
    ):
        assert other.stdout.readline() == "ready\n"
        here = pool.submit(score_twice, runs)
        while other.poll() is None or not here.done():
            frame = evaluation.read_scores(runs)  # never a broken file, never a row less
            assert len(frame[frame["score"] != "clip_iqa"]) == len(before)
            time.sleep(0.05)  # the scorers need the cores
    here.result()
    assert other.returncode == 0
    after = read(runs)
    assert len(after) == len(before) + 2 * 3


def test_killed_while_it_writes_nothing_half_is_left(runs):
    before = read(runs)
    code = """
import os, sys
import pyarrow.parquet as pq
from pathlib import Path
from tests.tasks.scored import score

def cut(table, file):
    file.write(b"PAR1 half")
    file.flush()
    os.kill(os.getpid(), 9)

pq.write_table = cut
score(Path(sys.argv[1]), force=True, video=False)
"""
    done = subprocess.run([sys.executable, "-c", code, str(runs)], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    pd.testing.assert_frame_equal(read(runs), before)
    assert all(outcome.error is None for outcome in score(runs, video=False))


def test_a_runs_own_levels_given_as_another_tools_have_the_same_scores(runs):
    """The same functions on the same pixels: equal to 1e-9, but for the scorer's batches (1e-4)."""
    run = read_subject(next(iter(run_folders(runs))))
    subject = publish(foreign.take(given(run.folder / "stack", name="Tool X", story=story(), seed=7)), runs)
    assert subject.card.story == run.card.story
    assert (subject.card.method, subject.card.variant, subject.card.seed) == ("Tool X", "Tool X", 7)
    assert subject.card.prompts == run.card.prompts
    question = Asked(measures=("clip_iqa",))
    (outcome,) = measure(plan([subject], question), question)
    assert outcome.error is None
    ours, theirs = (read(one.folder).set_index(["score", "level"]) for one in (run, subject))
    shared = [key for key in ours.index if key[0] not in ("estimate_psnr", "kept_change") and not pd.isna(key[1])]
    assert len(shared) > 30
    for key in shared:
        tolerance = 1e-4 if key[0].startswith("clip") else 1e-9
        assert theirs.loc[key, "value"] == pytest.approx(ours.loc[key, "value"], abs=tolerance), key
    assert set(theirs["method"]) == {"Tool X"}
    assert "clip_iqa" in set(read(subject.folder)["score"])


def test_rows_of_other_files_of_the_run_stay_as_they_are(runs):
    """A file of somebody else in the run's folder, in our schema: its rows count, and none is lost."""
    folder = next(iter(run_folders(runs)))
    subject = read_subject(folder)
    from evaluation.table import Score

    write_scores(rows([Score("beauty", 1.0, "level", 0)], subject.origin()), folder / "scores-beauty.parquet")
    score(runs, force=True, video=False)
    assert (read(folder)["score"] == "beauty").sum() == 1
