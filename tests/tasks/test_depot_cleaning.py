"""Freeing a depot: what no folder names goes, beside other machines and by the depot's own time alone."""

import json
import os
import shutil
import time
from pathlib import Path

import pytest

from tasks import begun
from tasks.cleaning import Cleaned
from tasks.depot.depot import Depot, Entry
from tasks.depot.marker import depot_of
from tasks.depot.roots import open_root
from tasks.depot_cleaning import GIVEN_UP_S, YOUNG_S, clean_depot
from tasks.errors import RefusedError
from tasks.events import StageMoved
from tasks.pipeline import run_zoom
from tests.doubles.painter import Studio
from tests.tasks.test_cleaning import CONFIG, stop_at
from tests.tasks.test_pipeline import contents, made, run, story

PASSING = ("leases", "probe", "begun")


class Machine:
    """One of several machines with the same depot, a local folder that is a store of fsspec."""

    def __init__(self, home: Path, name: str, monkeypatch) -> None:
        monkeypatch.setenv("TENFOLD_CACHE", str(home / name))
        self.there = home / "depot"
        self.root = open_root(f"file://{self.there}")
        self.depot: Depot = depot_of(self.root)

    def age(self, seconds: float) -> None:
        """As if everything in the depot had been written that long ago, by its own clock."""
        moment = time.time() - seconds
        for path in self.there.rglob("*"):
            if "leases" not in path.parts:  # which their holders write anew all the time
                os.utime(path, (moment, moment))

    def stored(self) -> set[str]:
        names = contents(self.there / ".cache")
        return {name for name in names if name.partition("/")[0] not in PASSING}


@pytest.fixture
def machine(tmp_path, monkeypatch) -> Machine:
    return Machine(tmp_path, "one", monkeypatch)


def test_what_a_folder_shows_stays_and_what_none_shows_goes_once_it_is_not_young(machine):
    run(machine.root)
    before = machine.stored()
    other = run(machine.root, "film.fps=4")
    shutil.rmtree(machine.there / other.run.folder.relative_to(machine.root))
    gone = machine.stored() - before
    assert clean_depot(machine.depot) == Cleaned()  # it may be on its way
    machine.age(YOUNG_S + 60)
    assert clean_depot(machine.depot, dry_run=True).files == len(gone)
    assert machine.stored() == before | gone
    assert clean_depot(machine.depot).files == len(gone)
    assert machine.stored() == before


def test_what_is_said_to_come_from_the_future_is_young(machine):
    other = run(machine.root)
    shutil.rmtree(machine.there / other.run.folder.relative_to(machine.root))
    before = machine.stored()
    machine.age(-1e6)
    assert clean_depot(machine.depot) == Cleaned()
    assert machine.stored() == before


def test_a_stopped_run_can_go_on_elsewhere_until_it_is_given_up(tmp_path, machine, monkeypatch):
    stop_at(machine.root, StageMoved, "sampling")
    assert list(machine.there.glob(".cache/work/*/files/*"))
    for age in (YOUNG_S, GIVEN_UP_S):
        machine.age(age + 60)
        kept = clean_depot(machine.depot)
        assert kept.files == 0
    assert (kept.stopped, kept.kept_bytes > 0) == (1, True)
    assert clean_depot(machine.depot, stopped=True).files == kept.kept_files
    assert machine.stored() == set()
    other = Machine(tmp_path, "other", monkeypatch)
    assert "sampling" in made(run(other.root))


def test_other_machines_tell_what_they_use_while_they_make(tmp_path, machine, monkeypatch):
    """Stages that a run in progress elsewhere has made stay, however long it takes."""
    kept, swept = [], []

    def clean_meanwhile(event) -> None:
        if isinstance(event, StageMoved) and event.stage == "video" and not swept:
            machine.age(YOUNG_S * 2)
            kept.append(machine.stored())
            swept.append(clean_depot(machine.depot, stopped=True))

    run_zoom(CONFIG, story(), machine.root, tools=Studio().tools(), on_event=clean_meanwhile)
    assert swept[0].files == 0
    assert any(name.startswith("manifests") for name in kept[0])
    assert not list((machine.there / ".cache" / "begun").glob("*"))
    machine.age(YOUNG_S * 2)
    assert clean_depot(machine.depot).files == 0
    other = Machine(tmp_path, "other", monkeypatch)
    assert made(run(other.root)) == []


def test_a_run_that_begins_between_two_looks_is_seen(machine, monkeypatch):
    other = run(machine.root)
    shutil.rmtree(machine.there / other.run.folder.relative_to(machine.root))
    machine.age(YOUNG_S * 2)
    keys, before = [path.stem for path in machine.there.glob(".cache/manifests/*.json")], machine.stored()
    entries = machine.depot.entries

    def told_late(prefix: str = ""):
        yield from entries(prefix)
        if prefix.endswith("/cas"):
            record = machine.there / ".cache" / begun.FOLDER / "late.json"
            record.parent.mkdir(exist_ok=True)
            record.write_text(json.dumps({"version": 1, "keys": keys}))

    monkeypatch.setattr(machine.depot, "entries", told_late)
    clean_depot(machine.depot)
    assert machine.stored() == before


def test_a_damaged_folder_stops_it_and_a_store_without_times_is_refused(machine, monkeypatch):
    report = run(machine.root)
    config = machine.there / report.run.folder.relative_to(machine.root) / "config.json"
    config.write_bytes(config.read_bytes()[:50])
    with pytest.raises(RefusedError, match="Nothing was removed"):
        clean_depot(machine.depot)
    entries = machine.depot.entries
    monkeypatch.setattr(
        machine.depot, "entries", lambda prefix="": (Entry(e.name, e.size, None) for e in entries(prefix))
    )
    with pytest.raises(RefusedError, match="does not tell when its files were written"):
        clean_depot(machine.depot)
