"""Folders from strangers: whatever lies in one of them, all others are shown, and nothing from outside is."""

import gzip
import json
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from evaluation.dashboard import entries
from evaluation.dashboard.feed import Feed
from evaluation.dashboard.index import Index
from evaluation.dashboard.kept import PLACE
from evaluation.dashboard.linked import linked
from evaluation.dashboard.site import Readers, Site
from evaluation.table import SCHEMA
from tasks.cards import read_card
from tasks.selection import select
from tests.evaluation.dashboard.made import make_run, make_sweep

GOOD, BAD = "good/000fffffffff", "bad/111fffffffff"


def told(root):
    """What a page would be told of the runs under `root`."""
    index = Index(root, read_card)
    index.refresh()
    return json.loads(gzip.decompress(Feed(index).news()), parse_constant=pytest.fail)


def with_column(place, name, values):
    table = pq.read_table(place / "scores.parquet")
    at = table.column_names.index(name)
    pq.write_table(table.set_column(at, name, pa.array(values * len(table))), place / "scores.parquet")


def many_rows(place):
    table = pa.table({name: pa.array(["a"] * 50, pa.string()) for name in SCHEMA.names})
    pq.write_table(table, place / "scores.parquet")


def rewritten(place, old, new):
    path = place / "config.json"
    path.write_text(path.read_text().replace(old, new))


WRONG = {
    "names in bytes": lambda place: with_column(place, "score", [b"\xff"]),
    "names that are numbers": lambda place: with_column(place, "score", [1]),
    "values in words": lambda place: with_column(place, "value", ["much"]),
    "too many rows": many_rows,
    "no text": lambda place: rewritten(place, '"A forest"', '"\\ud800"'),
    "an endless seed": lambda place: rewritten(place, '"seed": 0', '"seed": 1e999'),
    "depth": lambda place: (place / "config.json").write_text('{"a":' * 100_000),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_one_hostile_run_never_ends_the_list(tmp_path, monkeypatch, wrong):
    monkeypatch.setattr(entries, "MOST_ROWS", 40)
    make_run(tmp_path, GOOD)
    WRONG[wrong](make_run(tmp_path, BAD))
    facts = told(tmp_path)
    assert GOOD in [row["key"] for row in facts["rows"]]
    assert list(facts["damaged"]) == [BAD] * (wrong != "names that are numbers")


def test_a_folder_whose_name_is_no_text_never_ends_the_list(tmp_path):
    make_run(tmp_path, GOOD)
    make_run(tmp_path, BAD).rename(os.fsdecode(os.fsencode(tmp_path / "bad") + b"/\xff"))
    assert GOOD in [row["key"] for row in told(tmp_path)["rows"]]


@pytest.mark.parametrize("text", ['{"points":' + "[" * 100_000, '{"points": [{"arm": 1, "story": 2, "seed": 1e999}]}'])
def test_a_hostile_sweep_is_told_as_damaged(tmp_path, text):
    make_run(tmp_path, GOOD)
    make_sweep(tmp_path, [("a", "b", 0, GOOD, None)])
    (tmp_path / "_sweeps" / "first-123" / "sweep.json").write_text(text)
    facts = told(tmp_path)
    assert [row["key"] for row in facts["rows"]] == [GOOD]
    assert list(facts["damaged"]) == ["_sweeps/first-123/sweep.json"]


def test_what_was_kept_is_read_anew_where_it_is_not_of_us(tmp_path):
    root = tmp_path / "runs"
    make_run(root, GOOD)
    Index(root, read_card).refresh()
    facts = json.loads(gzip.decompress((root / PLACE).read_bytes()))
    assert Index(root, read_card).get(GOOD) is not None  # known before the first look
    for change in ({"key": "../outside"}, {"means": {"seam": float("inf")}}, {"prompts": [99]}, {"seed": float("inf")}):
        kept = {**facts, "entries": [{**facts["entries"][0], **change}]}
        (root / PLACE).write_bytes(gzip.compress(json.dumps(kept).encode()))
        index = Index(root, read_card)
        assert not index.entries(), change
        index.refresh()
        assert index.get(GOOD).means["seam"] > 0


def test_a_poster_that_leads_out_of_its_folder_is_not_shown(tmp_path):
    root = tmp_path / "runs"
    place = make_run(root, GOOD)
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "private.png")
    (place / "poster.png").unlink()
    (place / "poster.png").symlink_to(tmp_path / "private.png")
    site = Site(root, Readers(read_card, select))
    site.index.refresh()
    assert "poster.png" in site.index.get(GOOD).files
    with pytest.raises(Exception, match="404"):
        site.thumb(*GOOD.split("/"))


def test_a_film_that_leads_out_of_its_folder_is_none(tmp_path):
    place = make_run(tmp_path, GOOD, files={"zoom./../../../secret.mp4": "0"})
    assert read_card(place).film is None


@pytest.mark.parametrize("film", [None, "fast", [1]])
def test_a_strange_configuration_is_compared_all_the_same(tmp_path, film):
    card = read_card(make_run(tmp_path, GOOD, config={"film": film}))
    assert linked([card], tmp_path).in_step
