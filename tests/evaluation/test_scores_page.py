"""docs/scores.md is true: its table is the catalogue's, and its queries run as they stand there."""

import re
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from evaluation.catalogue import ENTRIES
from evaluation.table import SCHEMA, Score, rows, write_scores
from tests.evaluation.test_table import RUN

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "scores.md").read_text(encoding="utf-8")
BLOCKS = {kind: re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL) for kind in ("sql", "python")}


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Two methods on two stories, each with scores of levels and of the film, in the working folder."""
    for method, better in {"joint": 10.0, "independent": 0.0}.items():
        for story in ("one", "two"):
            told = replace(RUN, run_id=f"{story}-{method}", story=story, method=method, variant=method)
            folder = tmp_path / "runs" / story / told.run_id
            pairs = [Score("window_psnr", 30 + better + level, "pair", level) for level in range(3)]
            write_scores(rows(pairs, told), folder / "scores.parquet")
            write_scores(rows([Score("flicker", 0.5, "video")], told), folder / "scores-video.parquet")
    monkeypatch.chdir(tmp_path)


def test_the_table_tells_of_every_score_what_the_catalogue_says():
    told = re.findall(r"^\| `(\w+)` \| (level|pair|video) \| (higher|lower|one|) ?\| (.+) \|$", PAGE, re.MULTILINE)
    known = [(entry.name, entry.scope, entry.better or "") for entry in ENTRIES if entry.scope != "set"]
    assert [one[:3] for one in told] == known
    for entry in ENTRIES:
        assert f"`{re.sub(r'_[1248]x$', '_2x', entry.name)}`" in PAGE or re.match(r"scaleinv_", entry.name), entry.name


def test_the_table_of_columns_is_the_schemas():
    cells = re.findall(r"^\| (`.+?) \|", PAGE[PAGE.index("| column |") :], re.MULTILINE)
    assert {name for cell in cells for name in re.findall(r"`(\w+)`", cell)} == set(SCHEMA.names)


def test_the_queries_of_duckdb(runs):
    means, differences = (duckdb.sql(query).fetchall() for query in BLOCKS["sql"])
    assert means == [("joint", "window_psnr", 41.0, 2), ("independent", "window_psnr", 31.0, 2)]
    assert differences == [(story, 7, level, 10.0) for story in ("one", "two") for level in range(3)]


def test_the_lines_of_python(runs):
    names: dict = {}
    results = []
    for block in BLOCKS["python"]:
        lines, last = block.rstrip().rsplit("\n", 1)
        exec(lines, names)
        results.append(eval(last, names))
    ours, pandas, polars = results
    assert ours.empty  # there are no seams in these runs
    assert len(names["scores"]) == 4 * 4  # as polars, the last, has read them
    assert pandas.loc[("one", 7, "joint"), "window_psnr"] == 41
    assert polars.filter(score="flicker")["value"].to_list() == [0.5, 0.5]


def test_files_of_several_versions_are_one_for_duckdb(runs):
    """Version 1 had no column `variant`; by name it is empty there, and nothing else moves."""
    import pyarrow.parquet as pq

    file = Path("runs/one/one-joint/scores.parquet")
    pq.write_table(pq.read_table(file).drop_columns(["variant"]), file)
    means = duckdb.sql(BLOCKS["sql"][0]).fetchall()
    assert sorted(means, key=str) == [
        ("independent", "window_psnr", 31.0, 2),
        ("joint", "window_psnr", 41.0, 1),
        (None, "window_psnr", 41.0, 1),
    ]
