"""Runs that leave a folder and come to another: alone they are whole, and nothing wrong or different comes in."""

import json
import os
import shutil
import signal
import stat
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks import arrival, transfer
from tasks.arrival import Arrival, checked, take_over
from tasks.cleaning import clean
from tasks.continuation import extended
from tasks.errors import RefusedError
from tasks.finished import read_finished, read_run
from tasks.parcel_reading import reading
from tasks.parcels import INDEX, Item, parse_index
from tasks.pipeline import run_zoom
from tasks.places import Here
from tasks.verify import verify
from tests.doubles.painter import Studio
from tests.tasks.kept import everything, kept_root, run_folder
from tests.tasks.test_pipeline import flip, made, run


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    return kept_root(tmp_path_factory.mktemp("home") / "runs")


@pytest.fixture(scope="module")
def exported(home, tmp_path_factory) -> dict[str, Path]:
    """The run as a folder and as an archive."""
    folder = tmp_path_factory.mktemp("exported")
    return {kind: export(home, folder / name) for kind, name in (("folder", "one"), ("zip", "one.zip"))}


def export(root: Path, target: Path) -> Path:
    transfer.perform(transfer.planned(root, [run_folder(root).name], str(target)))
    return target


def take(source: Path, root: Path, *runs: str) -> Arrival:
    with reading(str(source)) as reader:
        found = checked(reader, root, runs)
        take_over(reader, found)
    return found


def shown(root: Path) -> dict[str, bytes]:
    return {name: content for name, content in everything(root).items() if name != INDEX}


def test_what_is_exported_stands_alone(home, exported, tmp_path):
    root = Path(shutil.copytree(exported["folder"], tmp_path / "alone"))
    assert shown(root) == shown(home)
    assert verify(Here(root)).damages == []
    assert made(run(root)) == []
    more = extended(read_finished(run_folder(root).name, root), 1)
    report = run_zoom(more.config, more.story, root, tools=Studio().tools())
    assert len(report.run.story.levels) == 4
    assert clean(root).files == 0


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_export_and_import_are_inverse(home, exported, tmp_path, kind):
    found = take(exported[kind], tmp_path / "runs")
    assert found.there == 0
    assert everything(tmp_path / "runs") == shown(home)
    assert made(run(tmp_path / "runs")) == []
    again = take(exported[kind], tmp_path / "runs")
    assert (again.items, again.there) == ([], len(found.items))


def test_the_same_runs_make_the_same_archive(home, exported, tmp_path):
    assert export(home, tmp_path / "again.zip").read_bytes() == exported["zip"].read_bytes()


def test_a_depot_holds_an_export_too(home, tmp_path, monkeypatch):
    monkeypatch.setenv("TENFOLD_CACHE", str(tmp_path / "cache"))
    url = f"file://{tmp_path}/bucket"
    transfer.perform(transfer.planned(home, [run_folder(home).name], url))
    with reading(url) as reader:
        take_over(reader, checked(reader, tmp_path / "runs"))
    assert everything(tmp_path / "runs") == shown(home)
    with pytest.raises(RefusedError, match="holds something already"):
        transfer.planned(home, [run_folder(home).name], url)


def test_what_comes_to_a_depot_is_seen_by_others(exported, tmp_path, monkeypatch):
    from tasks.depot.roots import open_root

    url = f"file://{tmp_path}/bucket"
    monkeypatch.setenv("TENFOLD_CACHE", str(tmp_path / "one"))
    take(exported["zip"], open_root(url))
    monkeypatch.setenv("TENFOLD_CACHE", str(tmp_path / "other"))
    assert made(run(open_root(url))) == []


def test_what_the_store_has_lost_is_said_and_the_rest_exported(tmp_path):
    root = kept_root(tmp_path / "runs")
    shutil.rmtree(root / ".cache")
    planned = transfer.planned(root, [run_folder(root).name], str(tmp_path / "one"))
    assert "7 of 7 stages are no longer in the store" in planned.notes[0]
    transfer.perform(planned)
    take(tmp_path / "one", tmp_path / "other")
    assert read_run(run_folder(root).name, tmp_path / "other").stack


def test_damaged_runs_are_not_exported_and_nothing_is_replaced(home, exported, tmp_path):
    root = kept_root(tmp_path / "runs")
    name = run_folder(root).name
    with pytest.raises(RefusedError, match="there already, and is not replaced"):
        transfer.planned(root, [name], str(exported["folder"]))
    with pytest.raises(RefusedError, match="there already, and is not replaced"):
        transfer.planned(root, [name], str(exported["zip"]))
    with pytest.raises(RefusedError, match="There is no such run"):
        transfer.planned(root, ["0123456789"], str(tmp_path / "new"))
    flip(run_folder(root) / "zoom.mp4")
    with pytest.raises(RefusedError, match=f"was changed after it was made.*verify {name} --mend"):
        transfer.planned(root, [name], str(tmp_path / "new"))
    (run_folder(root) / "zoom.mp4").unlink()
    with pytest.raises(RefusedError, match="is missing"):
        transfer.planned(root, [name], str(tmp_path / "new"))
    assert not (tmp_path / "new").exists()


def test_an_export_that_fails_leaves_nothing_and_leftovers_go(home, tmp_path, monkeypatch):
    for target in (tmp_path / "one", tmp_path / "one.zip"):
        planned = transfer.planned(home, [run_folder(home).name], str(target))

        def stop(done: int, total: int) -> None:
            if done > total / 2:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            transfer.perform(planned, stop)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / ".one.0123.part").mkdir()  # of a killed process
    export(home, tmp_path / "one")
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def killed_at(share: float, source: Path, root: Path) -> None:
    """A process that takes it over, killed once that share of it is there."""

    def die(done: int, total: int) -> None:
        if done >= total * share:
            os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:
        try:
            with reading(str(source)) as reader:
                take_over(reader, checked(reader, root), die)
        finally:
            os._exit(0)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_killed_while_importing_nothing_looks_finished_and_it_is_begun_anew(home, exported, tmp_path, kind):
    root = tmp_path / "runs"
    for share in (0.1, 0.5, 0.9):
        killed_at(share, exported[kind], root)
        assert not list(root.glob("*/*/config.json"))
        assert clean(root).bytes == 0  # what has come is not swept away
    take(exported[kind], root)
    assert shown(root).items() >= shown(home).items()
    assert clean(root).files == 0
    assert not list(root.glob(".cache/begun/*"))
    assert made(run(root)) == []


def test_something_else_is_never_replaced(exported, tmp_path):
    root = kept_root(tmp_path / "runs")
    (run_folder(root) / "notes.txt").write_text("mine")
    take(exported["folder"], root)
    assert (run_folder(root) / "notes.txt").read_text() == "mine"
    (run_folder(root) / "story.yaml").write_text("mine")
    (run_folder(root) / "zoom.mp4").unlink()
    before = everything(root)
    with pytest.raises(RefusedError, match=r"story\.yaml under .* is there already and is something else"):
        take(exported["folder"], root)
    assert everything(root) == before


def test_what_is_damaged_in_the_store_is_put_right_by_what_comes(home, exported, tmp_path):
    root = kept_root(tmp_path / "runs")
    for path in [*(root / ".cache/cas").glob("*/*"), *(root / ".cache/manifests").glob("*")]:
        flip(path)
    take(exported["zip"], root)
    assert everything(root) == everything(home)


def rewritten(source: Path, target: Path, change) -> Path:
    """An archive with other files: `change` gets and returns them by name, ahead of the index."""
    with zipfile.ZipFile(source) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in change(files).items():
            archive.writestr(name, content)
    return target


def named(files: dict[str, bytes], **changes: bytes) -> dict[str, bytes]:
    """With more files, of which the index tells as it should."""
    import hashlib

    index = json.loads(files[INDEX])
    more = {name.replace("__", "/").replace("--", "."): content for name, content in changes.items()}
    index["files"] |= {name: [len(one), hashlib.sha256(one).hexdigest()] for name, one in more.items()}
    return files | more | {INDEX: json.dumps(index).encode()}


def config_of(files: dict[str, bytes]) -> str:
    return next(name for name in files if name.endswith("config.json"))


def with_config(files: dict[str, bytes], **changes) -> dict[str, bytes]:
    name = config_of(files)
    return named(files, **{name: json.dumps(json.loads(files[name]) | changes).encode()})


def without(files: dict[str, bytes], end: str) -> dict[str, bytes]:
    index = json.loads(files[INDEX])
    gone = {name for name in files if name.endswith(end)}
    index["files"] = {name: told for name, told in index["files"].items() if name not in gone}
    return {name: one for name, one in files.items() if name not in gone} | {INDEX: json.dumps(index).encode()}


WRONG = {
    "outside": (lambda files: named(files, **{"story/../../../evil.txt": b"x"}), "no file of a run"),
    "absolute": (lambda files: named(files, **{"/tmp/evil.txt": b"x"}), "no file of a run"),
    "backslash": (lambda files: named(files, **{"story\\..\\evil\\a.txt": b"x"}), "no file of a run"),
    "hidden": (lambda files: named(files, **{"story/run/.bashrc": b"x"}), "no file of a run"),
    "beside runs": (lambda files: named(files, **{"_sweeps/a/sweep.json": b"x"}), "no file of a run"),
    "marker": (lambda files: named(files, **{".cache/depot.json": b"{}"}), "no file of a run"),
    "content under another name": (
        lambda files: named(files, **{f".cache/cas/aa/{'b' * 64}.png": b"x"}),
        "no file of a run",
    ),
    "not told": (lambda files: files | {"story/run/more.txt": b"x"}, "does not hold what its index tells"),
    "told and missing": (lambda files: {n: c for n, c in files.items() if "zoom.mp4" not in n}, "does not hold what"),
    "changed": (lambda files: files | {config_of(files): files[config_of(files)] + b" "}, "is damaged, or was changed"),
    "no index": (lambda files: {n: c for n, c in files.items() if n != INDEX}, "is no export"),
    "index damaged": (lambda files: files | {INDEX: files[INDEX][:100]}, "is damaged"),
    "newer": (
        lambda files: files | {INDEX: b'{"version": 2, "software": "tenfold 9"}'},
        r"version 2 \(by 'tenfold 9'\)",
    ),
    "newer configuration": (lambda files: with_config(files, config={"wonders": 1}), "cannot be used by this version"),
    "another run's": (lambda files: with_config(files, run_id="other"), "it is that of run 'other'"),
    "no film": (lambda files: without(files, "zoom.mp4"), "is missing, or not what the run made"),
    "no contents": (lambda files: without(files, ".safetensors"), "is missing, or not what its stage made"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_refused_before_anything_is_written(exported, tmp_path, wrong):
    change, said = WRONG[wrong]
    source = rewritten(exported["zip"], tmp_path / "wrong.zip", change)
    with pytest.raises(RefusedError, match=said):
        take(source, tmp_path / "runs")
    assert [path.name for path in tmp_path.iterdir()] == ["wrong.zip"]


def test_links_are_refused(exported, tmp_path):
    def link(files: dict[str, bytes]) -> dict[str, bytes]:
        return files

    source = rewritten(exported["zip"], tmp_path / "link.zip", link)
    with zipfile.ZipFile(source, "a") as archive:
        told = zipfile.ZipInfo("story/run/link")
        told.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(told, "/etc/passwd")
    with pytest.raises(RefusedError, match="is a link"):
        take(source, tmp_path / "runs")
    folder = Path(shutil.copytree(exported["folder"], tmp_path / "folder"))
    film = run_folder(folder) / "zoom.mp4"
    film.rename(tmp_path / "film")
    film.symlink_to(tmp_path / "film")
    with pytest.raises(RefusedError, match="is a link"):
        take(folder, tmp_path / "runs")
    film.unlink()
    os.mkfifo(film)
    with pytest.raises(RefusedError, match="is no plain file"):
        take(folder, tmp_path / "runs")
    (tmp_path / "runs").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "runs" / run_folder(folder).parent.name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RefusedError, match="leads out of"):
        take(exported["zip"], tmp_path / "runs")
    assert not list((tmp_path / "elsewhere").iterdir())


def test_an_archive_that_says_less_than_it_holds_fills_no_disk(exported, tmp_path):
    """A member that unpacks to more than the index tells is not unpacked further."""

    def bomb(files: dict[str, bytes]) -> dict[str, bytes]:
        film = next(name for name in files if name.endswith("zoom.mp4"))
        return files | {film: bytes(1 << 24)}

    with pytest.raises(RefusedError, match="is damaged, or was changed"):
        take(rewritten(exported["zip"], tmp_path / "bomb.zip", bomb), tmp_path / "runs")


@pytest.mark.parametrize("content", [b"", b"PK", b"no archive"])
def test_what_is_no_archive_is_refused(tmp_path, content):
    (tmp_path / "file.zip").write_bytes(content)
    with pytest.raises(RefusedError, match="cannot be read as an archive"):
        take(tmp_path / "file.zip", tmp_path / "runs")
    with pytest.raises(RefusedError, match="There is no"):
        take(tmp_path / "none", tmp_path / "runs")
    with pytest.raises(RefusedError, match="holds no tenfold-export"):
        take(tmp_path, tmp_path / "runs")


def test_chosen_runs_come_alone(exported, tmp_path):
    with pytest.raises(RefusedError, match="holds no run 'other'; it has"):
        take(exported["zip"], tmp_path / "runs", "other")
    name = run_folder(exported["folder"]).name
    assert take(exported["zip"], tmp_path / "runs", name, name).runs == [f"test-story/{name}"]


@given(st.text(max_size=30))
def test_no_name_leads_outside(name):
    root = Path("/somewhere/runs")
    try:
        arrival._check_name(name, "it")
    except RefusedError:
        return
    assert (root / os.path.normpath(root / name)).is_relative_to(root)
    assert os.path.normpath(root / name) == str(root / name)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5), lambda x: st.lists(x) | st.dictionaries(st.text(max_size=5), x)
    )
)
def test_any_index_is_read_or_refused(value):
    for facts in (value, {"version": 1, "files": value, "runs": value}):
        try:
            index = parse_index(json.dumps(facts).encode(), "it")
        except RefusedError:
            continue
        assert all(isinstance(item, Item) for item in index.items.values())
