"""Batches over a store that was damaged: cold, warm, files gone, bytes flipped, records cut short, in any mixture."""

import json
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.doubles.painter import Studio
from tests.faults import batch_of_six as six


def again(root) -> tuple[Studio, six.Summary]:
    """The same batch over what is there."""
    studio = Studio()
    return studio, six.make(root, studio)


def records(root) -> list:
    """Everything in which the batch is told, and not the pictures themselves."""
    found = [*root.glob(".cache/manifests/*"), *root.glob("[!._]*/*/config.json"), *root.glob("_batches/*/*")]
    return sorted(path for path in found if path.is_file())


def sampled(root) -> list:
    """The files that hold what the models have made, one for each story."""
    manifests = [json.loads(path.read_text()) for path in root.glob(".cache/manifests/*.json")]
    made = [one["artifacts"]["sampled"]["path"] for one in manifests if one["stage"] == "sampling"]
    return [root / ".cache" / path for path in made]


def artefacts_of(root, title: str) -> list:
    """The stored files of one story's run."""
    (config,) = root.glob(f"{title.lower()}/*/config.json")
    keys = [stage["key"] for stage in json.loads(config.read_text())["stages"].values()]
    found = [json.loads((root / ".cache/manifests" / f"{key}.json").read_text())["artifacts"] for key in keys]
    return [root / ".cache" / one["path"] for named in found for one in named.values()]


def flip(path, at: float = 0.5) -> None:
    """Change one bit of a file and leave its size and its times as they are, as a failing disk does."""
    before, content = path.stat(), bytearray(path.read_bytes())
    content[int(at * (len(content) - 1))] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def cut(path, to: float) -> None:
    """Leave only the first part of a file."""
    path.write_bytes(path.read_bytes()[: int(to * path.stat().st_size)])


def test_cold_it_asks_the_model_as_often_as_six_stories_need(undisturbed):
    assert undisturbed.evaluations == len(six.TITLES) * six.STEPS
    six.assert_right(undisturbed.root, undisturbed.files)


def test_warm_it_makes_nothing_and_writes_into_no_run(finished, undisturbed):
    before = {path: path.stat().st_mtime_ns for path in finished.glob("[!._]*/**/*")}
    studio, summary = again(finished)
    assert six.states(summary) == {"reused": 6}
    assert summary.exit_code == 0
    assert studio.loaded == []
    assert {path: path.stat().st_mtime_ns for path in finished.glob("[!._]*/**/*")} == before
    six.assert_right(finished, undisturbed.files)


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), flip, lambda path: cut(path, 0.5)])
def test_each_stored_file_of_a_run_gone_or_damaged_is_made_again_alone(finished, undisturbed, damage):
    for path in artefacts_of(finished, "Drop"):
        damage(path)
    damaged, summary = again(finished)
    assert six.states(summary) == {"reused": 5, "made": 1}
    assert six.evaluations(damaged) == six.STEPS
    six.assert_right(finished, undisturbed.files)


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), flip])
def test_what_the_model_made_alone_gone_or_damaged(finished, undisturbed, damage):
    damage(sampled(finished)[0])
    damaged, summary = again(finished)
    assert six.states(summary) == {"reused": 5, "made": 1}
    assert six.evaluations(damaged) == six.STEPS
    six.assert_right(finished, undisturbed.files)


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), flip, lambda path: cut(path, 0.9)])
def test_damaged_run_folders_are_made_whole_from_the_store(finished, undisturbed, damage):
    for path in [*finished.glob("[!._]*/*/zoom.mp4"), *finished.glob("[!._]*/*/stack/*.png")]:
        damage(path)
    mended, summary = again(finished)
    assert summary.exit_code == 0
    assert six.evaluations(mended) == 0
    six.assert_right(finished, undisturbed.files)


@pytest.mark.parametrize(
    "to", [pytest.param(0.0, marks=pytest.mark.slow), 0.5, pytest.param(0.99, marks=pytest.mark.slow)]
)
def test_all_records_cut_short(finished, undisturbed, to):
    for path in records(finished):
        cut(path, to)
    damaged, summary = again(finished)
    assert summary.exit_code == 0
    assert six.evaluations(damaged) == undisturbed.evaluations, "without records nothing may be trusted"
    six.assert_right(finished, undisturbed.files)


def test_checkpoints_cut_short_or_of_something_else(finished, undisturbed):
    for work in finished.glob(".cache/manifests/*.json"):
        left = finished / ".cache" / "work" / work.stem / "state.safetensors"
        left.parent.mkdir(parents=True)
        left.write_bytes(b"\x00" * 7)
        work.unlink()
    damaged, summary = again(finished)
    assert six.states(summary) == {"made": 6}
    assert six.evaluations(damaged) == undisturbed.evaluations
    six.assert_right(finished, undisturbed.files)


DAMAGES = st.lists(
    st.tuples(st.sampled_from(["gone", "flipped", "cut"]), st.integers(0, 10_000), st.floats(0, 0.99)),
    min_size=1,
    max_size=12,
)


ANY = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture]}


@settings(max_examples=4, **ANY)
@given(DAMAGES)
def test_any_mixture_of_damages_is_mended(undisturbed, tmp_path, damages):
    mend(undisturbed, tmp_path, damages)


@pytest.mark.slow
@settings(max_examples=100, **ANY)
@given(DAMAGES)
def test_each_of_a_hundred_mixtures_of_damages_is_mended(undisturbed, tmp_path, damages):
    mend(undisturbed, tmp_path, damages)


def mend(undisturbed, tmp_path, damages) -> None:
    home = Path(tempfile.mkdtemp(dir=tmp_path)) / "copy"  # hypothesis repeats what is random
    shutil.copytree(undisturbed.root.parent, home)
    root = home / "runs"
    files = sorted(path for path in root.rglob("*") if path.is_file() and path.suffix != ".lock")
    for kind, which, at in damages:
        path = files[which % len(files)]
        if path.exists() and path.stat().st_size:
            {"gone": lambda p, _: p.unlink(), "flipped": flip, "cut": cut}[kind](path, at)
    damaged, summary = again(root)
    assert summary.exit_code == 0, summary.markdown()
    assert six.evaluations(damaged) <= len(damages) * six.STEPS
    six.assert_right(root, undisturbed.files)
    shutil.rmtree(home)


def test_a_bit_of_a_record_that_is_still_json(finished, undisturbed):
    for path in finished.glob(".cache/manifests/*.json"):
        path.write_bytes(
            path.read_bytes().replace(b'"stack.json":', b'"stacj.json":').replace(b'"shape":', b'"shapd":')
        )
    _, summary = again(finished)
    assert summary.exit_code == 0, summary.markdown()
    six.assert_right(finished, undisturbed.files)


class PowerCutError(RuntimeError):
    """Ends a run in the middle."""


@pytest.mark.parametrize("at", [0.1, 0.6, 0.99])
def test_a_bit_flipped_in_the_checkpoint_of_a_run_that_goes_on(tmp_path, undisturbed, at):
    def cut_short(event) -> None:
        if "stage='sampling', done=3" in str(event):
            raise PowerCutError

    summary = six.make(tmp_path / "runs", Studio(), on_event=cut_short)
    assert six.states(summary) == {"failed": 6}
    checkpoints = [*tmp_path.glob("runs/.cache/work/*/state.safetensors")]
    assert len(checkpoints) == 6
    for path in checkpoints:
        flip(path, at)
    studio, summary = again(tmp_path / "runs")
    assert summary.exit_code == 0
    assert six.evaluations(studio) == undisturbed.evaluations, "nothing of a damaged checkpoint is used"
    six.assert_right(tmp_path / "runs", undisturbed.files)
