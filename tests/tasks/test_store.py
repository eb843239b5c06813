"""Contents under their own hash: put and get are inverse, damage is seen, writes are whole."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.store import Artifact, Store, artifact_of, replacing, sha256_of, write_bytes


def stored(tmp_path: Path, content: bytes = b"a level", name: str = "level.png") -> tuple[Store, Artifact]:
    file = tmp_path / name
    file.write_bytes(content)
    store = Store(tmp_path / "store")
    return store, store.put(file)


def test_an_artifact_is_named_by_its_content(tmp_path):
    store, artifact = stored(tmp_path)
    assert artifact.sha256 == hashlib.sha256(b"a level").hexdigest() == sha256_of(store.path(artifact))
    assert artifact.path == f"cas/{artifact.sha256[:2]}/{artifact.sha256}.png"
    assert (artifact.size, artifact.kind) == (7, "png")


def test_put_and_copy_out_are_inverse(tmp_path):
    store, artifact = stored(tmp_path, bytes(range(256)))
    assert store.copy_out(artifact, tmp_path / "deep" / "copy.png")
    assert (tmp_path / "deep" / "copy.png").read_bytes() == bytes(range(256))
    assert not store.copy_out(artifact, tmp_path / "deep" / "copy.png")


@pytest.mark.parametrize(
    "damage", [lambda p: p.unlink(), lambda p: p.write_bytes(b"a lewel"), lambda p: p.write_bytes(b"a")]
)
def test_damage_is_seen_and_put_mends_it(tmp_path, damage):
    store, artifact = stored(tmp_path)
    damage(store.path(artifact))
    assert not store.is_intact(artifact)
    assert stored(tmp_path)[1] == artifact
    assert store.is_intact(artifact)


def test_a_changed_copy_is_replaced_and_the_store_keeps_its_own(tmp_path):
    store, artifact = stored(tmp_path)
    copy = tmp_path / "copy.png"
    store.copy_out(artifact, copy)
    copy.write_bytes(b"a Level")
    assert store.is_intact(artifact)
    assert store.copy_out(artifact, copy)
    assert copy.read_bytes() == b"a level"


@given(st.text("0123456789abcdef", min_size=64, max_size=64), st.integers(0, 2**40), st.sampled_from(["png", "mp4"]))
def test_references_survive_json(sha256, size, kind):
    artifact = artifact_of(sha256, size, kind)
    assert Artifact.from_json(artifact.as_json()) == artifact


@pytest.mark.parametrize(
    "change",
    [
        {"path": "../../etc/passwd"},
        {"path": "/etc/passwd"},
        {"sha256": "0" * 63},
        {"sha256": "G" * 64},
        {"kind": "../png"},
        {"size": "7"},
        {"extra": 1},
    ],
)
def test_a_reference_cannot_leave_the_store(tmp_path, change):
    _, artifact = stored(tmp_path)
    with pytest.raises((ValueError, TypeError)):
        Artifact.from_json(artifact.as_json() | change)


def test_a_failed_write_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    target = tmp_path / "file"
    write_bytes(target, b"old")

    def interrupted() -> None:
        with replacing(target) as temporary:
            temporary.write_bytes(b"half")
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        interrupted()
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
