import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pandas as pd
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import evaluation
from evaluation.table import SCHEMA, VERSION, Run, Score, read_scores, rows, write_scores
from zoomlib.errors import InvalidInputError

RUN = Run("a1b2", "From the web to atoms 🎉", "joint", 7, "bundled", "f00d", "tenfold 0.1.0")
SCORES = [
    Score("clip_score", 91.5, "level", 0, "bundled", "beef"),
    Score("window_psnr", 31.25, "pair", 1),
    Score("log_speed_sd", 0.0, "video"),
]


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


def test_two_writers_at_once_leave_one_whole_file_and_many_lose_nothing(tmp_path):
    def write(number):
        write_scores(rows(SCORES * 50, replace(RUN, run_id=str(number))), tmp_path / "same" / "scores.parquet")
        write_scores(rows(SCORES, replace(RUN, run_id=str(number))), tmp_path / str(number) / "scores.parquet")
        return len(read_scores(tmp_path / "same"))

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(write, range(24))) == {150}
    frame = read_scores(tmp_path)
    assert len(frame) == 150 + 24 * 3
    assert len(frame["run_id"].unique()) == 24
    assert not list(tmp_path.rglob("*.tmp"))


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


def test_damaged_files_are_reported_by_name(tmp_path):
    whole = write_scores(rows(SCORES * 50, RUN), tmp_path / "whole" / "scores.parquet")
    for name, content in {"cut": whole.read_bytes()[:-20], "empty": b"", "text": b"not parquet"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "scores.parquet").write_bytes(content)
    with pytest.raises(InvalidInputError) as caught:
        read_scores(tmp_path)
    assert all(str(tmp_path / name / "scores.parquet") in str(caught.value) for name in ("cut", "empty", "text"))
    assert str(whole) not in str(caught.value)
    assert len(read_scores(whole)) == 150


def test_files_of_other_versions_are_read_together(tmp_path):
    """An older file lacks a column, a newer one has another and wider types: nothing known is lost, nothing dropped."""
    table = pa.Table.from_pylist(rows(SCORES, RUN), schema=SCHEMA)
    newer = table.append_column("gpu", pa.array(["H200"] * 3)).set_column(
        table.column_names.index("level"), "level", table["level"].cast(pa.int64())
    )
    for name, content in {"old": table.drop_columns(["scorer_revision", "level"]), "own": table, "new": newer}.items():
        (tmp_path / name).mkdir()
        pq.write_table(content, tmp_path / name / "scores.parquet")
    frame = read_scores(tmp_path)
    assert list(frame.columns) == [*SCHEMA.names, "gpu"]
    assert len(frame) == 9
    assert frame["gpu"].isna().sum() == 6
    assert frame["level"].isna().sum() == 3 + 2


def test_a_file_with_impossible_types_is_reported_by_name(tmp_path):
    table = pa.Table.from_pylist(rows(SCORES, RUN), schema=SCHEMA)
    index = table.column_names.index("value")
    pq.write_table(table.set_column(index, "value", pa.array(["x", "y", "z"])), tmp_path / "scores.parquet")
    with pytest.raises(InvalidInputError, match=r"scores\.parquet"):
        read_scores(tmp_path)


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
