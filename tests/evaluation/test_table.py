import io
import math
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evaluation
from evaluation import read_scores
from evaluation.table import SCHEMA, VERSION, Run, Score, rows, stamp_of, write_scores
from zoomlib.errors import InvalidInputError

ROOT = Path(__file__).resolve().parents[2]
RUN = Run("a1b2", "From the web to atoms 🎉", "joint", "joint eta=1", 7, "bundled", "f00d", "tenfold 0.1.0")
SCORES = [
    Score("clip_score", 91.5, "level", 0, "bundled", "beef"),
    Score("window_psnr", 31.25, "pair", 1),
    Score("log_speed_sd", 0.0, "video"),
]


@settings(deadline=None)  # what is timed is the disk
@given(
    st.lists(
        st.builds(
            Score,
            st.text(min_size=1),
            st.floats(allow_nan=False),
            st.sampled_from(["level", "pair"]),
            st.integers(0, 1000),
            st.none() | st.text(),
            st.none() | st.text(),
        ),
        max_size=8,
    )
)
def test_what_is_written_is_read(tmp_path_factory, scores):
    path = write_scores(rows(scores, RUN), tmp_path_factory.mktemp("run") / "scores.parquet")
    table = pq.read_table(path)
    assert table.schema.equals(SCHEMA)
    assert table.to_pylist() == rows(scores, RUN)
    frame = read_scores(path.parent)
    assert frame["value"].tolist() == [s.value for s in scores]
    assert frame["level"].tolist() == [s.level for s in scores]


def test_every_row_says_where_it_comes_from(tmp_path):
    write_scores(rows(SCORES, RUN), tmp_path / "runs" / "deep" / "scores.parquet")
    frame = evaluation.read_scores(tmp_path)
    assert list(frame.columns) == SCHEMA.names
    assert (frame["schema_version"] == VERSION).all()
    assert (frame["run_id"] == "a1b2").all()
    assert frame["seed"].dtype == "int64"
    assert frame["level"].tolist() == [0, 1, pd.NA]
    assert frame["scorer"].isna().tolist() == [False, True, True]


def test_other_readers_need_none_of_our_code(tmp_path):
    for run in ("a", "b"):
        write_scores(rows(SCORES, replace(RUN, run_id=run)), tmp_path / run / "scores.parquet")
    assert len(pd.read_parquet(tmp_path)) == 6
    assert pyarrow.dataset.dataset(tmp_path).to_table().num_rows == 6


def test_writing_again_replaces(tmp_path):
    for _ in range(2):
        write_scores(rows(SCORES, RUN), tmp_path / "scores.parquet")
    assert len(read_scores(tmp_path)) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["scores.parquet"]


WRITER = """
import sys
from dataclasses import replace
from pathlib import Path
from evaluation.table import rows, write_scores
from tests.evaluation.test_table import RUN, SCORES

root, writer = Path(sys.argv[1]), sys.argv[2]
for number in range(30):
    own = f"{writer}-{number}"
    write_scores(rows(SCORES * 50, replace(RUN, run_id="same", model=own)), root / "same" / "scores.parquet")
    write_scores(rows(SCORES, replace(RUN, run_id=own)), root / own / "scores.parquet")
"""


def test_two_processes_at_once_lose_nothing_and_a_reader_never_sees_half_a_file(tmp_path):
    """Both write one run's file over and over, and many of their own; what is read meanwhile is always whole."""
    (tmp_path / "same").mkdir()
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    writers = [subprocess.Popen([*command, name], cwd=ROOT) for name in ("one", "two")]
    seen = []
    while any(writer.poll() is None for writer in writers):
        frame = read_scores(tmp_path)  # a damaged file would warn, and warnings are errors here
        counts = frame.groupby("run_id").size().to_dict()
        same = frame[frame["run_id"] == "same"]
        assert counts.pop("same", 150) == 150
        assert same["model"].nunique() <= 1  # of one writer, never a mixture
        assert set(counts.values()) <= {3}
        seen.append(len(counts))
    assert [writer.returncode for writer in writers] == [0, 0]
    assert seen == sorted(seen)  # nothing is lost again
    frame = read_scores(tmp_path)
    assert set(frame["run_id"]) == {"same", *(f"{name}-{n}" for name in ("one", "two") for n in range(30))}
    assert len(frame) == 150 + 60 * 3
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {"scores.parquet"}


def test_killed_in_the_middle_of_a_file_leaves_the_old_one(tmp_path):
    write_scores(rows(SCORES, RUN), tmp_path / "scores.parquet")
    code = """
import os, sys
import pyarrow.parquet as pq
from evaluation.table import rows, write_scores
from tests.evaluation.test_table import RUN, SCORES

def cut(table, file):
    file.write(b"PAR1 half of a file")
    file.flush()
    os.kill(os.getpid(), 9)

pq.write_table = cut
write_scores(rows(SCORES * 50, RUN), sys.argv[1])
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "scores.parquet")], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 2  # the half is there, under a name that nobody reads
    assert len(read_scores(tmp_path)) == 3
    assert len(pd.concat(map(pd.read_parquet, tmp_path.glob("scores*.parquet")))) == 3


def test_undefined_values_have_no_row_and_infinite_ones_do():
    kept = rows([Score("seam_top", math.nan), Score("window_psnr", math.inf)], RUN)
    assert [row["score"] for row in kept] == ["window_psnr"]


@pytest.mark.parametrize(
    "change",
    [
        {"colour": 1},
        {"run_id": None},
        {"value": None},
        {"value": "high"},
        {"scope": "moon"},
        {"level": "first"},
        {"seed": 2**70},
    ],
)
def test_a_wrong_row_is_refused_and_nothing_is_written(tmp_path, change):
    row = {**rows(SCORES, RUN)[0], **change}
    with pytest.raises(InvalidInputError):
        write_scores([row], tmp_path / "new" / "scores.parquet")
    assert not (tmp_path / "new").exists()


def test_a_missing_column_is_named():
    row = rows(SCORES, RUN)[0]
    del row["story"]
    with pytest.raises(InvalidInputError, match="story"):
        write_scores([row], "scores.parquet")


def damaged(root):
    """A whole file of 150 rows at `root`, and beside it files that are none."""
    whole = write_scores(rows(SCORES * 50, RUN), root / "whole" / "scores.parquet")
    foreign = io.BytesIO()
    pq.write_table(pa.table({"species": ["iris"], "petal": [1.5]}), foreign)
    content = whole.read_bytes()
    faults = {"cut": content[:-20], "empty": b"", "text": b"not parquet", "foreign": foreign.getvalue()}
    for name, bad in faults.items():
        (root / name).mkdir()
        (root / name / "scores.parquet").write_bytes(bad)
    return whole, {root / name / "scores.parquet" for name in faults}


def test_damaged_files_are_reported_and_skipped(tmp_path):
    whole, bad = damaged(tmp_path)
    told = {}
    frame = read_scores(tmp_path, on_damaged=told.__setitem__)
    assert len(frame) == 150
    assert told.keys() == bad
    assert all(told.values())
    assert "species" not in told[tmp_path / "foreign" / "scores.parquet"]
    assert "no column run_id" in told[tmp_path / "foreign" / "scores.parquet"]
    with pytest.warns(evaluation.DamagedScoresWarning) as caught:
        assert len(read_scores(tmp_path)) == 150
    assert {str(path) for path in bad} == {str(one.message).split(" was left out")[0] for one in caught}
    assert len(read_scores(whole)) == 150


def test_files_of_other_versions_are_read_together(tmp_path):
    """An older file lacks columns, a newer one has another and wider types: nothing known is lost, nothing dropped."""
    tables = {name: pa.Table.from_pylist(rows(SCORES, replace(RUN, run_id=name)), schema=SCHEMA) for name in "abc"}
    newer = tables["c"].append_column("gpu", pa.array(["H200"] * 3))
    newer = newer.set_column(newer.column_names.index("level"), "level", newer["level"].cast(pa.int64()))
    older = tables["a"].drop_columns(["variant", "scorer_revision", "level"])
    for name, content in {"a": older, "b": tables["b"], "c": newer}.items():
        (tmp_path / name).mkdir()
        pq.write_table(content, tmp_path / name / "scores.parquet")
    frame = read_scores(tmp_path)
    assert list(frame.columns) == [*SCHEMA.names, "gpu"]
    assert len(frame) == 9
    assert frame["gpu"].isna().sum() == 6
    assert frame["level"].isna().sum() == 3 + 2
    assert frame.groupby("run_id")["variant"].unique().map(list).to_dict() == {
        "a": ["joint"],  # version 1 had no variants: the method stands for it
        "b": ["joint eta=1"],
        "c": ["joint eta=1"],
    }


def test_a_file_with_impossible_types_is_reported_and_skipped(tmp_path):
    table = pa.Table.from_pylist(rows(SCORES, RUN), schema=SCHEMA)
    index = table.column_names.index("value")
    pq.write_table(table.set_column(index, "value", pa.array(["x", "y", "z"])), tmp_path / "scores.parquet")
    told = []
    assert read_scores(tmp_path, on_damaged=lambda path, _why: told.append(path)).empty
    assert told == [tmp_path / "scores.parquet"]


def test_new_columns_that_do_not_go_together_cost_one_file_and_not_all(tmp_path):
    table = pa.Table.from_pylist(rows(SCORES, RUN), schema=SCHEMA)
    for name, gpu in {"a": ["H200"] * 3, "b": [[1.5]] * 3}.items():
        (tmp_path / name).mkdir()
        renamed = table.set_column(1, SCHEMA.field("run_id"), pa.array([name] * 3))
        pq.write_table(renamed.append_column("gpu", pa.array(gpu)), tmp_path / name / "scores.parquet")
    told = {}
    assert set(read_scores(tmp_path, on_damaged=told.__setitem__)["run_id"]) == {"a"}
    assert list(told) == [tmp_path / "b" / "scores.parquet"]


def test_only_asked_columns_are_read(tmp_path):
    write_scores(rows(SCORES, RUN), tmp_path / "scores.parquet")
    frame = read_scores(tmp_path, columns=["value", "variant", "level"])
    assert list(frame.columns) == ["value", "variant", "level"]
    assert frame["value"].tolist() == [91.5, 31.25, 0.0]


def test_nothing_is_read_twice(tmp_path):
    """Not by places that overlap, links, nor from the older copy of a run."""
    run = tmp_path / "story" / "a1b2"
    write_scores(rows(SCORES, RUN), run / "scores.parquet")
    write_scores(rows([Score("flicker", 0.5, "video")], RUN), run / "scores-video.parquet")
    (tmp_path / "story" / "again").symlink_to(run)
    (tmp_path / "story" / "round").symlink_to(tmp_path)
    assert len(read_scores(tmp_path)) == 4
    assert len(read_scores([tmp_path, run, run / "scores.parquet", str(run)])) == 4
    write_scores(rows([Score("clip_score", 1.0)], RUN), tmp_path / "copy" / "a1b2" / "scores.parquet")
    os.utime(tmp_path / "copy" / "a1b2" / "scores.parquet", (1, 1))
    assert len(read_scores(tmp_path)) == 4
    os.utime(tmp_path / "copy" / "a1b2" / "scores.parquet")
    assert sorted(read_scores(tmp_path)["value"]) == [0.5, 1.0]


def test_only_folders_of_runs_and_of_sets_are_looked_into(tmp_path):
    for folder in (".cache", "_comparisons", "_sweeps", "_studies", "_sets", "story", "story/.old"):
        write_scores(rows(SCORES, replace(RUN, run_id=folder)), tmp_path / folder / "x" / "scores.parquet")
    assert set(read_scores(tmp_path)["run_id"]) == {"_sets", "story"}


def test_a_stamp_is_kept_beside_the_rows(tmp_path):
    path = write_scores(rows(SCORES, RUN), tmp_path / "scores.parquet", "windows 3 \N{SNOWMAN}")
    assert stamp_of(path) == "windows 3 \N{SNOWMAN}"
    assert pq.read_schema(path).metadata[b"tenfold.scores"] == str(VERSION).encode()
    assert len(read_scores(path)) == 3
    write_scores(rows(SCORES, RUN), path)
    assert stamp_of(path) is None
    path.write_bytes(b"PAR1")
    assert stamp_of(path) is None
    assert stamp_of(tmp_path / "nowhere.parquet") is None


def test_no_scores_yet_is_an_empty_frame_and_no_folder_an_error(tmp_path):
    frame = read_scores(tmp_path)
    assert frame.empty
    assert list(frame.columns) == SCHEMA.names
    with pytest.raises(InvalidInputError, match="nowhere"):
        read_scores(tmp_path / "nowhere")


def test_half_written_files_are_not_read(tmp_path):
    write_scores(rows(SCORES, RUN), tmp_path / "scores.parquet")
    (tmp_path / ".scores.parquet.0123.tmp").write_bytes(b"PAR1")
    assert len(read_scores(tmp_path)) == 3
