"""Depots: the same files under the same names in memory, in folders and in a real S3 service; and what goes wrong."""

import errno
import os
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

import pytest
from botocore.exceptions import EndpointConnectionError
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import given
from hypothesis import strategies as st

from tasks.depot import failures
from tasks.depot.depot import REST_S, Depot, open_depot
from tasks.depot.failures import AwayError, DepotError, retried
from tasks.depot.names import is_url, slug_of, url_of
from tasks.depot.roots import depot_of, open_root, shown
from tasks.depot.synced import is_plain
from tasks.errors import RefusedError


@pytest.fixture(params=["memory", "file", "s3"])
def depot(request, tmp_path):
    if request.param == "file":
        return open_depot((tmp_path / "depot").as_uri())
    return open_depot(request.getfixturevalue(request.param))


def test_files_by_name(depot, tmp_path):
    file, target = tmp_path / "sent", tmp_path / "fetched"
    file.write_bytes(b"x" * 1000)
    assert (depot.size("a/b/c.png"), depot.read("a/b/c.png"), list(depot.entries())) == (None, None, [])
    assert not depot.download("a/b/c.png", target)
    assert not target.exists()

    depot.upload(file, "a/b/c.png")
    depot.write(".cache/manifests/m.json", b"{}")
    depot.write(".cache/manifests/m.json", b"[1]")

    assert depot.size("a/b/c.png") == 1000
    assert depot.size("a/b") is None
    assert depot.read(".cache/manifests/m.json") == b"[1]"
    assert depot.download("a/b/c.png", target)
    assert target.read_bytes() == file.read_bytes()
    assert {(e.name, e.size) for e in depot.entries()} == {("a/b/c.png", 1000), (".cache/manifests/m.json", 3)}
    assert [e.name for e in depot.entries("a")] == ["a/b/c.png"]
    assert abs(next(depot.entries("a")).modified - time.time()) < 600
    assert (depot.folders(), depot.folders("a"), depot.folders("none")) == ([".cache", "a"], ["a/b"], [])

    depot.delete(["a/b/c.png", "never/there"])
    assert [e.name for e in depot.entries()] == [".cache/manifests/m.json"]


def test_only_one_of_several_creates_a_file(depot):
    assert depot.conditional
    with ThreadPoolExecutor(8) as pool:
        created = [*pool.map(lambda n: depot.create("lease/1.json", str(n).encode()), range(8))]
    assert created.count(True) == 1
    assert depot.read("lease/1.json") == str(created.index(True)).encode()
    assert [e.name for e in depot.entries()] == ["lease/1.json"]  # nothing is left of trying


class Careless(MemoryFileSystem):
    """A store that knows no conditions, and says nothing."""

    def pipe_file(self, path, value, mode="overwrite", **kwargs):
        return super().pipe_file(path, value, mode="overwrite", **kwargs)


def test_a_store_that_ignores_conditions_is_found_out():
    depot = Depot(f"memory://{uuid.uuid4().hex}", Careless(skip_instance_cache=True))
    assert not depot.conditional
    assert depot.create("a", b"1")
    assert not depot.create("a", b"2")  # it is looked for first: right, unless two do so at once
    assert depot.read("a") == b"1"


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("s3://bucket/runs/", "s3://bucket/runs"),
        ("S3A://bucket//runs/./x", "s3://bucket/runs/x"),
        ("gcs://bucket", "gs://bucket"),
        ("file:///data/runs", "file:///data/runs"),
        ("memory://x", "memory://x"),
        (Path("s3://bucket/runs"), "s3://bucket/runs"),  # as options of the command line come
        (Path("file:///data/runs"), "file:///data/runs"),
    ],
)
def test_a_place_has_one_name(name, url):
    assert is_url(name)
    assert url_of(name) == url == url_of(url)


@pytest.mark.parametrize("name", ["runs", "./s3:x", "/data/runs", Path("runs"), Path("c:/runs"), "", "a b://c"])
def test_folders_are_no_urls(name):
    assert not is_url(name)
    assert open_root(name) == Path(name)


@pytest.mark.parametrize(
    "name", ["s3://", "s3:///", "file://relative/x", "s3://bucket/../x", "nosuchstore://x", "s3://[bucket/x"]
)
def test_no_places(name):
    with pytest.raises(RefusedError):
        open_root(name)


@pytest.mark.parametrize(
    "name",
    ["s3://AKIAKEY:sesame@b/x", "s3://sesame@b/x", "sftp://me:sesame@h/x", "s3://b/x?key=sesame", "gs://b#sesame"],
)
def test_secrets_in_urls_are_refused_and_not_repeated(name, tmp_path, monkeypatch):
    monkeypatch.setenv("TENFOLD_CACHE", str(tmp_path))
    with pytest.raises(RefusedError) as refused:
        open_root(name)
    assert "sesame" not in str(refused.value)
    assert not list(tmp_path.iterdir())


@given(st.text(max_size=60))
def test_names_never_lead_anywhere_else(text):
    try:
        url = url_of(f"s3://{text}")
    except RefusedError:
        return
    assert url_of(url) == url
    assert ".." not in url.split("/")
    assert set(slug_of(url)) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


@given(st.text(max_size=40))
def test_plain_names_stay_in_their_folder(name):
    if is_plain(name):
        assert not PurePosixPath(name).is_absolute()
        assert ".." not in PurePosixPath(name).parts
        assert os.path.normpath(f"/folder/{name}").startswith("/folder/")


def test_a_mirror_says_whose_it_is(machine, memory):
    root, other = machine("a", memory), machine("b", memory)
    assert root != other
    assert root == machine("a", f"{memory}/")
    assert (depot_of(root), depot_of(root.parent)) == (depot_of(other), None)
    assert (shown(root), shown(root.parent)) == (memory, str(root.parent))


@pytest.mark.parametrize("damage", ["", "{}", "[]", '{"version": 2, "url": "memory://x"}', '{"version": 1, "url": 3}'])
def test_a_damaged_marker_does_not_make_a_mirror_a_folder_of_its_own(machine, memory, damage):
    root = machine("a", memory)
    (root / ".cache" / "depot.json").write_text(damage)
    with pytest.raises(RefusedError, match="damaged"):
        depot_of(root)


def test_a_bucket_that_is_not_there(s3):
    with pytest.raises(DepotError, match="bucket does not exist"):
        open_depot("s3://no-such-bucket-here/x").write("a", b"")


def test_no_credentials(s3, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    with pytest.raises(DepotError, match="AWS_ACCESS_KEY_ID") as failed:
        open_depot(f"{s3}/another").read("a")
    assert not isinstance(failed.value, AwayError)


def test_a_store_without_its_package(monkeypatch):
    import fsspec

    def missing(*_, **__):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec, "filesystem", missing)
    with pytest.raises(RefusedError, match=r"tenfold\[s3\]"):
        open_depot(f"s3://{uuid.uuid4().hex}")


@pytest.mark.parametrize("error", [TimeoutError("late"), EndpointConnectionError(endpoint_url="x"), OSError("reset")])
def test_what_passes_by_itself_is_tried_again(error):
    answers = [error, error, b"there"]

    def act():
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert retried(act, "x://y", "reading", (0, 0)) == b"there"


@pytest.mark.parametrize(
    "error", [PermissionError("no"), OSError("Forbidden: x"), ValueError("odd"), NotImplementedError()]
)
def test_what_does_not_pass_is_told_at_once(error):
    calls = []

    def act():
        calls.append(1)
        raise error

    with pytest.raises(DepotError):
        retried(act, "x://y", "reading", (0, 0))
    assert len(calls) == 1


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EDQUOT])
def test_a_full_disk_here_is_no_fault_of_the_store(number):
    def act():
        raise OSError(number, os.strerror(number))

    with pytest.raises(OSError, match=os.strerror(number)):
        retried(act, "x://y", "reading", (0, 0))


def test_a_store_that_is_away_is_not_waited_for_at_every_file(monkeypatch):
    waited, now = [], [100.0]
    monkeypatch.setattr(failures.time, "sleep", waited.append)
    monkeypatch.setattr("tasks.depot.depot.time.monotonic", lambda: now[0])
    filesystem = MemoryFileSystem(skip_instance_cache=True)
    monkeypatch.setattr(filesystem, "cat_file", lambda path: (_ for _ in ()).throw(TimeoutError("late")), raising=False)
    depot = Depot("memory://away", filesystem)
    with pytest.raises(AwayError):
        depot.read("a")
    assert waited == [*failures.WAITS_S]
    for _ in range(3):
        with pytest.raises(AwayError):
            depot.read("a")
    assert waited == [*failures.WAITS_S]
    now[0] += REST_S
    with pytest.raises(AwayError):
        depot.read("a")
    assert len(waited) == len(failures.WAITS_S) + 1  # asked once more, and not for long
