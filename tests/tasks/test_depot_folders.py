"""Folders of runs and what stands beside them, in a depot and in its mirrors."""

import hashlib
import json
import shutil

import pytest

from tasks import events
from tasks.depot.failures import AwayError, DepotError
from tasks.depot.leases import FOLDER
from tasks.depot.roots import (
    depot_of,
    in_turn,
    is_finished,
    pull,
    pull_run,
    pull_runs,
    push,
    runs_in,
    send_all,
    sharing,
)
from tasks.finished import find_run, read_finished
from tasks.selection import select
from tasks.specs import RunConfig, with_settings
from tests.doubles.painter import Studio
from tests.tasks.test_pipeline import BASE, story

RUN = "a-story/0123456789ab"


def write(root, name=RUN, files=None):
    """A folder as a run leaves it: `config.json` names the hashes of the others."""
    folder = root / name
    files = {"story.yaml": b"title: A story", "stack/level_00.png": b"pixels"} if files is None else files
    for file, content in files.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(content)
    hashes = {file: hashlib.sha256(content).hexdigest() for file, content in files.items()}
    (folder / "config.json").write_text(json.dumps({"run_id": folder.name, "files": hashes}))
    return folder


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def roots(machine, memory):
    return machine("a", memory), machine("b", memory)


@pytest.fixture
def noted():
    told = []
    with events.listening(lambda event: told.append(event.text) if isinstance(event, events.StageNoted) else None):
        yield told


def fail(monkeypatch, root, *names, error=AwayError("the network is down")):
    def refused(*_, **__):
        raise error

    for name in names:
        monkeypatch.setattr(depot_of(root), name, refused)


def test_what_one_machine_writes_another_reads(roots):
    a, b = roots
    with sharing(a, a / RUN):
        folder = write(a)
    assert (is_finished(a, RUN), is_finished(b, RUN), is_finished(b, "a-story/none")) == (True, True, False)
    assert list(runs_in(depot_of(b))) == [RUN]
    assert pull(b, RUN)
    assert contents(b / RUN) == contents(folder)
    assert list(depot_of(a).entries(FOLDER)) == []


def test_local_folders_of_runs_are_left_alone(tmp_path):
    with sharing(tmp_path, tmp_path / RUN):
        folder = write(tmp_path)
    before = contents(tmp_path)
    assert push(tmp_path, folder)
    pull_runs(tmp_path)
    pull_run(tmp_path, "0123")
    send_all(tmp_path)
    assert is_finished(tmp_path, RUN)
    assert contents(tmp_path) == before


def test_what_is_damaged_or_gone_there_is_sent_anew(roots):
    a, b = roots
    with sharing(a, a / RUN):
        folder = write(a)
    depot, sizes = depot_of(a), {"story.yaml": 14, "stack/level_00.png": 6}
    for other in (b, a):  # by one that has never seen it, and by the one that has sent it
        depot.write(f"{RUN}/story.yaml", b"half")
        depot.delete([f"{RUN}/stack/level_00.png"])
        assert is_finished(other, RUN)
        assert not is_finished(other, RUN, sizes)
        with sharing(other, other / RUN):
            write(other)
        assert is_finished(other, RUN, sizes)
        assert depot.read(f"{RUN}/story.yaml") == contents(folder)["story.yaml"]
        depot.write(f"{RUN}/config.json", b'{"run_id": "01')
        assert not is_finished(other, RUN, sizes)
        with sharing(other, other / RUN):
            pass
        assert is_finished(other, RUN, sizes)


def test_only_changes_travel(roots, monkeypatch):
    a, _ = roots
    write(a)
    push(a, a / RUN)
    sent = []
    upload = depot_of(a).upload
    monkeypatch.setattr(depot_of(a), "upload", lambda file, name: sent.append(name) or upload(file, name))
    push(a, a / RUN)
    assert sent == []
    (a / RUN / "renders").mkdir()
    (a / RUN / "renders" / "small.mp4").write_bytes(b"film")
    (a / RUN / "renders" / ".small.x.part").write_bytes(b"half a film")
    send_all(a)
    assert sent == [f"{RUN}/renders/small.mp4"]


def test_config_json_goes_last_and_comes_last(roots, monkeypatch):
    a, b = roots
    write(a)
    with monkeypatch.context() as down:
        upload = depot_of(a).upload
        down.setattr(
            depot_of(a), "upload", lambda file, name: fail_on(file, "config.json") or upload(file, name), raising=True
        )
        assert not push(a, a / RUN)
    assert (pull(b, RUN), is_finished(b, RUN)) == (False, False)
    push(a, a / RUN)
    with monkeypatch.context() as down:
        fail(down, b, "download")
        with pytest.raises(DepotError):
            pull(b, RUN)
    assert not (b / RUN / "config.json").exists()
    assert pull(b, RUN)


def fail_on(file, name):
    if file.name == name:
        raise AwayError("the network is down")


def test_what_could_not_be_sent_is_sent_at_the_next_command(roots, noted, monkeypatch):
    a, b = roots
    depot_of(a).was_reached = True
    with monkeypatch.context() as down:
        fail(down, a, "read", "write", "create", "entries", "upload", "delete", "size")
        with sharing(a, a / RUN):
            folder = write(a)
    assert any("not yet in memory://" in text and "sent by the next command" in text for text in noted)
    assert not pull(b, RUN)
    assert pull(a, RUN)  # what is here is the later one
    send_all(a)
    assert pull(b, RUN)
    assert contents(b / RUN) == contents(folder)


def test_two_machines_write_one_folder_one_after_the_other(roots):
    a, b = roots
    with sharing(a, a / RUN):
        write(a)
    with sharing(b, b / RUN):  # finds what the other wrote
        before = contents(b / RUN)
        write(b, files={"story.yaml": b"title: A story", "scores.parquet": b"rows"})
    assert before == contents(a / RUN)
    with sharing(a, a / RUN):
        assert (a / RUN / "scores.parquet").read_bytes() == b"rows"


def test_a_damaged_file_in_the_depot_is_not_taken(roots):
    a, b = roots
    write(a)
    push(a, a / RUN)
    depot_of(a).write(f"{RUN}/stack/level_00.png", b"pixelz")
    with pytest.raises(DepotError, match="damaged"):
        pull(b, RUN)
    assert not (b / RUN / "stack" / "level_00.png").exists()
    with sharing(b, b / RUN):  # who makes it again mends it for all
        write(b)
    shutil.rmtree(a / RUN)
    pull_run(a, RUN)
    assert contents(a / RUN) == contents(b / RUN)


def test_what_was_deleted_or_changed_in_a_mirror_comes_back(roots):
    a, b = roots
    write(a)
    push(a, a / RUN)
    pull(b, RUN)
    (b / RUN / "story.yaml").unlink()
    (b / RUN / "stack" / "level_00.png").write_bytes(b"PIXELS")
    pull(b, RUN)
    assert contents(b / RUN) == contents(a / RUN)


def test_answers_of_people_that_were_not_sent_yet_are_kept(roots):
    """Folders without a `config.json`, as studies: what was changed here is not replaced by what is there."""
    a, b = roots
    for name, text in (("study.json", b"{}"), ("answers.jsonl", b"1\n")):
        (a / "_studies" / "one").mkdir(parents=True, exist_ok=True)
        (a / "_studies" / "one" / name).write_bytes(text)
    send_all(a)
    assert pull(b, "_studies/one")
    (b / "_studies" / "one" / "answers.jsonl").write_bytes(b"1\n2\n")
    assert pull(b, "_studies/one")
    assert (b / "_studies" / "one" / "answers.jsonl").read_bytes() == b"1\n2\n"
    send_all(b)
    pull(a, "_studies/one")
    assert (a / "_studies" / "one" / "answers.jsonl").read_bytes() == b"1\n2\n"


def test_names_that_lead_out_are_not_fetched(roots):
    a, b = roots
    write(a)
    push(a, a / RUN)
    for name in ("../../../outside", ".hidden", "x/../../../../outside"):
        depot_of(a).write(f"{RUN}/{name}", b"")
    pull(b, RUN)
    assert contents(b / RUN) == contents(a / RUN)
    for name in ("../outside", "a/../../outside", "/outside", ".cache/cas", ""):
        assert not pull(b, name)
    assert not list(b.parent.parent.rglob("outside"))


@pytest.mark.parametrize("name", ["0123456789ab", "0123", "a-story", "a-story/0123456789ab"])
def test_a_name_brings_what_it_means(roots, name):
    a, b = roots
    for run in (RUN, "other/ffff00000000"):
        write(a, run)
        push(a, a / run)
    pull_run(b, name)
    assert [path.parent.name for path in b.glob("*/*/config.json")] == ["0123456789ab"]
    pull_run(b, str(b))
    assert len([*b.glob("*/*/config.json")]) == 2


def test_machines_begin_a_list_of_jobs_at_different_places(machine, memory, tmp_path):
    jobs = [*range(100)]
    taken = [in_turn(machine(name, memory), jobs) for name in "abcdef"]
    assert all(sorted(order) == jobs for order in taken)
    assert len({order[0] for order in taken}) > 1
    assert in_turn(machine("a", memory), jobs) == taken[0]
    assert (in_turn(tmp_path, jobs), in_turn(tmp_path, [])) == (jobs, [])


def test_a_record_of_what_was_sent_that_is_damaged_only_costs_time(roots):
    a, b = roots
    write(a)
    push(a, a / RUN)
    for path in (a / ".cache" / "synced").iterdir():
        path.write_text('{"version": 1, "name": "../..", "files": {"x": [1]}}')
    (a / RUN / "story.yaml").write_bytes(b"title: Another")
    write(a, files={"story.yaml": b"title: Another"})
    send_all(a)
    pull(b, RUN)
    assert (b / RUN / "story.yaml").read_bytes() == b"title: Another"


def test_a_run_of_one_machine_goes_on_elsewhere(machine, memory):
    """The whole of it: made on one machine, found, read and compared on others."""
    from tasks.pipeline import run_zoom

    config = with_settings(RunConfig(), [*BASE, "scores.video=false", "film.fps=2"])
    made = run_zoom(config, story(), machine("a", memory), tools=Studio().tools())
    studio = Studio()
    found = run_zoom(config, story(), machine("b", memory), tools=studio.tools())
    assert (studio.loaded, [stage.stage for stage in found.stages if stage.made], found.restored) == ([], [], ())
    assert contents(found.run.folder) == contents(made.run.folder)

    c = machine("c", memory)
    assert find_run(made.run.id[:6], c) == c / made.run.folder.relative_to(made.run.root)
    assert read_finished(made.run.id, c).sampled == made.results["sampling"].artifacts["sampled"].sha256
    d = machine("d", memory)
    assert [card.id for card in select([memory], d, fewest=1).cards] == [made.run.id]
