"""A file is read once, and again whenever anything about it has changed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks import hashes
from tasks.hashes import FILE, Memo, sha256_of, stamped
from tasks.store import Store, artifact_of, copied

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def reads(monkeypatch) -> list[Path]:
    """The files that are read to be hashed."""
    read = []
    monkeypatch.setattr(hashes, "sha256_of", lambda path: read.append(path) or sha256_of(path))
    return read


@pytest.fixture
def calm(monkeypatch) -> None:
    """All changes lie far enough back."""
    monkeypatch.setattr(hashes, "_is_settled", lambda sign: True)


@pytest.fixture
def file(tmp_path) -> Path:
    path = tmp_path / "level.png"
    path.write_bytes(b"a level")
    return path


def test_an_unchanged_file_is_read_once_by_all_processes(tmp_path, file, reads, calm):
    memo = Memo(tmp_path / FILE)
    assert memo.sha256(file) == memo.sha256(file) == sha256_of(file)
    memo.flush()
    assert Memo(tmp_path / FILE).sha256(file) == sha256_of(file)
    assert reads == [file]


def rewritten(path: Path) -> None:
    path.write_bytes(b"a lewel")


def rewritten_with_its_old_times(path: Path) -> None:
    stat = path.stat()
    path.write_bytes(b"a lewel")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def replaced(path: Path) -> None:
    stat, other = path.stat(), path.with_name("other")
    other.write_bytes(b"a lewel")
    os.utime(other, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    other.replace(path)


def behind_a_link(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(b"a lewel")
    path.unlink()
    path.symlink_to(other)


@pytest.mark.parametrize("change", [rewritten, rewritten_with_its_old_times, replaced, behind_a_link])
def test_every_change_is_noticed_though_the_size_is_the_same(tmp_path, file, change):
    """Right after the look, too, within one tick of the kernel's clock."""
    memo = Memo(tmp_path / FILE)
    for _ in range(20):
        file.unlink()
        file.write_bytes(b"a level")
        assert memo.sha256(file) == sha256_of(file)
        change(file)
        assert memo.sha256(file) == sha256_of(file)


def test_what_the_store_has_just_written_is_known_and_a_change_at_once_is_noticed(tmp_path, file, reads):
    artifact = artifact_of(sha256_of(file), 7, "png")
    store = Store(tmp_path / "store")
    for _ in range(20):
        copied(file, store.path(artifact), artifact)
        reads.clear()
        assert store.is_intact(artifact)
        assert reads == []
        store.path(artifact).write_bytes(b"a lewel")
        assert not store.is_intact(artifact)


def test_a_stamp_that_the_file_system_has_rounded_is_not_trusted(tmp_path, file, reads):
    memo = Memo(tmp_path / FILE)
    stamp = stamped(file)
    os.utime(file, ns=(stamp // 10**9 * 10**9,) * 2)
    memo.written(file, "0" * 64, stamp)
    assert memo.sha256(file) == sha256_of(file)


@given(st.binary(max_size=200))
def test_a_damaged_memo_is_done_without_and_made_anew(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("memo")
    file = folder / "file"
    file.write_bytes(b"a level")
    (folder / FILE).write_bytes(content)
    memo = Memo(folder / FILE)
    assert memo.sha256(file) == sha256_of(file)
    memo.written(file, sha256_of(file), stamped(file))
    memo.flush()
    memo.prune()
    assert Memo(folder / FILE).sha256(file) == sha256_of(file)


def test_where_no_memo_can_be_files_are_read(file, reads):
    memo = Memo(file / "no folder" / FILE)
    memo.written(file, sha256_of(file), stamped(file))
    memo.flush()
    assert memo.sha256(file) == sha256_of(file)


def test_what_is_gone_is_forgotten_and_the_memo_stays_bounded(tmp_path, calm, monkeypatch):
    memo = Memo(tmp_path / FILE)
    paths = [tmp_path / str(number) for number in range(10)]
    for path in paths:
        path.write_bytes(b"a level")
        memo.sha256(path)
    paths[0].unlink()
    memo.prune()
    assert (memo._known(str(paths[0])), memo._known(str(paths[1]))) == (None, memo._known(str(paths[1])))
    monkeypatch.setattr(hashes, "MOST", 4)
    memo.sha256(tmp_path / FILE)
    memo.flush()
    left = memo._opened(make=False).execute("SELECT count(*) FROM hashes").fetchone()[0]
    assert left <= 4


def test_a_forked_process_opens_the_memo_for_itself(tmp_path, file, calm):
    code = """
import os, sys
from pathlib import Path
from tasks.hashes import Memo
memo, file = Memo(Path(sys.argv[1])), Path(sys.argv[2])
first = memo.sha256(file); memo.flush(); memo.sha256(file)
child = os.fork()
if child == 0:
    os._exit(0 if memo.sha256(file) == first else 1)
sys.exit(os.waitpid(child, 0)[1] or memo.sha256(file) != first)
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path / FILE), str(file)], cwd=ROOT, check=True, timeout=60)
