"""All runs under a folder are known, stay known between two starts, and change as the folder does."""

import gzip
import json
import os
import shutil
import threading

import pytest

from evaluation import read_scores
from evaluation.dashboard import kept
from evaluation.dashboard.index import Index
from tasks.cards import read_card
from tests.evaluation.dashboard.made import make_run, make_runs, make_sweep


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "runs"
    make_runs(folder)
    return folder


def looked(root, read=read_card):
    index = Index(root, read)
    index.refresh()
    return index


def unreadable(folder):
    raise AssertionError(f"{folder} was read again")


def test_every_run_is_known_with_the_means_of_its_scores(root):
    index = looked(root)
    assert sorted(entry.key for entry in index.entries()) == sorted(
        f"{p.parent.name}/{p.name}" for p in root.glob("a-*/*")
    )
    frame = read_scores(root)
    for entry in index.entries():
        own = frame[frame["run_id"] == entry.id]
        for name, mean in entry.means.items():
            score, _, scorer = name.partition("|")
            assert scorer == ("bundled" if score == "clip_score" else "")
            values = own[own["score"] == score]["value"]
            assert mean == pytest.approx(values.mean(), rel=1e-12)
            assert entry.levels[name] == list(values)
    assert "guidance.scale=2.0" in index.get("a-forest/000fffffffff").settings


def test_what_has_not_changed_is_not_read_again(root):
    index = looked(root)
    version, index.read = index.version, unreadable
    index.refresh()
    index.refresh(deep=True)
    assert index.version == version


def test_new_changed_and_deleted_runs_are_told(root):
    index = looked(root)
    before = index.version
    make_run(root, "a-moth/777fffffffff", story="A moth")
    make_run(root, "a-forest/000fffffffff", story="A forest", values={"seam": [3.0, 3.0, 3.0]})
    shutil.rmtree(root / "a-planet" / "100fffffffff")
    index.refresh()
    changes = index.changes(before)
    assert sorted(entry.key for entry in changes.entries) == ["a-forest/000fffffffff", "a-moth/777fffffffff"]
    assert changes.gone == ["a-planet/100fffffffff"]
    assert index.get("a-forest/000fffffffff").means["seam"] == 3.0
    assert index.changes(changes.version).entries == []


def test_a_file_that_changes_in_place_is_seen_by_a_deep_look(root):
    index = looked(root)
    path = root / "a-forest" / "000fffffffff" / "config.json"
    old = path.parent.stat()
    path.write_text(path.read_text().replace("A forest", "A jungle"))
    os.utime(path.parent, ns=(old.st_atime_ns, old.st_mtime_ns))
    index.refresh(deep=True)
    assert index.get("a-forest/000fffffffff").story == "A jungle"


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"run_id": 3}', "\udcff"], ids=["cut off", "a list", "too little", "no text"]
)
def test_a_damaged_run_is_told_and_ends_nothing(root, text):
    path = root / "a-forest" / "000fffffffff" / "config.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    index = looked(root)
    assert len(index) == 7
    assert list(index.damaged()) == ["a-forest/000fffffffff"]
    make_run(root, "a-forest/000fffffffff")
    index.refresh()
    assert len(index) == 8
    assert index.damaged() == {}


def test_a_truncated_table_is_told_and_the_others_of_the_run_count(root):
    place = root / "a-forest" / "000fffffffff"
    whole = (place / "scores.parquet").read_bytes()
    (place / "scores-video.parquet").write_bytes(whole[: len(whole) // 2])
    index = looked(root)
    assert index.get("a-forest/000fffffffff").means["seam"] == pytest.approx(3.7 / 3)
    assert "scores-video.parquet" in index.damaged()["a-forest/000fffffffff"]


def test_a_run_that_is_not_finished_is_neither_listed_nor_damaged(root):
    (root / "a-forest" / "unfinished" / "stack").mkdir(parents=True)
    (root / "_sets" / "abc").mkdir(parents=True)
    (root / "_sets" / "abc" / "config.json").write_text("{")
    index = looked(root)
    assert len(index) == 8
    assert index.damaged() == {}


def test_the_next_start_reads_nothing_again(root):
    first = looked(root)
    again = Index(root, unreadable)
    assert sorted(again.entries(), key=lambda e: e.key) == sorted(first.entries(), key=lambda e: e.key)
    again.refresh()
    assert len(again) == 8
    assert again.damaged() == {}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x1f\x8b broken",
        gzip.compress(b"{"),
        gzip.compress(b"[]"),
        gzip.compress(b'{"version": 1, "strings": [], "entries": [{}]}'),
    ],
    ids=["empty", "cut off", "half a text", "a list", "other entries"],
)
def test_a_damaged_memory_is_ignored(root, content):
    looked(root)
    (root / kept.PLACE).write_bytes(content)
    assert kept.load(root) == []
    assert len(looked(root)) == 8


def test_a_memory_of_another_version_is_ignored(root):
    looked(root)
    facts = json.loads(gzip.decompress((root / kept.PLACE).read_bytes()))
    (root / kept.PLACE).write_bytes(gzip.compress(json.dumps(facts | {"version": kept.VERSION + 1}).encode()))
    assert kept.load(root) == []


def test_writers_at_once_leave_a_whole_memory(root):
    entries = looked(root).entries()
    threads = [threading.Thread(target=lambda: [kept.save(root, entries) for _ in range(10)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert len(kept.load(root)) == 8
    assert [path.name for path in (root / kept.PLACE).parent.iterdir()] == [kept.PLACE.name]


def test_a_folder_that_is_not_there_is_empty_and_stays_away(tmp_path):
    index = looked(tmp_path / "nowhere")
    assert len(index) == 0
    assert not (tmp_path / "nowhere").exists()


def test_a_name_that_leads_out_of_the_folder_is_no_film(root):
    make_run(root, "a-forest/000fffffffff", files={"zoom./../../secret.mp4": "0"})
    (root / "secret.mp4").write_bytes(b"x")
    entry = looked(root).get("a-forest/000fffffffff")
    assert entry.film is None
    assert all("/" not in name for name in entry.files)


def test_a_sweep_is_told_with_what_is_done_and_what_failed(root):
    points = [
        ("plain", "A forest", 0, "a-forest/000fffffffff", None),
        ("plain", "A forest", 5, None, None),
        ("big", "A forest", 0, None, "out of memory"),
    ]
    make_sweep(root, points)
    index = looked(root)
    (sweep,) = index.sweeps()
    assert (sweep["done"], sweep["total"], sweep["runs"]) == (1, 3, {"a-forest/000fffffffff": "plain"})
    assert sweep["failed"] == [{"arm": "big", "story": "A forest", "seed": 0, "error": "out of memory"}]
    (root / "_sweeps" / "first-123" / "sweep.json").write_text("{")
    index.refresh()
    assert index.sweeps() == []
    assert list(index.damaged()) == ["_sweeps/first-123/sweep.json"]
