"""Stages of a store that mirrors a depot: made once for all machines, verified on the way, sent later where need be."""

import json
import shutil
import threading
import uuid

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from tasks import events
from tasks.depot import exchange, marker
from tasks.depot.depot import Depot
from tasks.depot.exchange import UNSENT
from tasks.depot.failures import AwayError, DepotError
from tasks.depot.leases import Timing
from tasks.depot.roots import depot_of
from tasks.run import CACHE
from tasks.stage import Made, StageKey, Workshop

KEY = StageKey("painting", "1", {"colour": "red"})
QUICK = Timing(beat_s=0.05, stale_s=0.4, poll_s=0.02, copy_s=0.1)


class Painting:
    """A stage's body that counts how often it works, in steps that it keeps."""

    def __init__(self, steps=1, stops_at=None):
        self.steps, self.stops_at, self.begun_at = steps, stops_at, []

    def __call__(self, work):
        state = work / "state.json"
        done = json.loads(state.read_text()) if state.exists() else 0
        self.begun_at.append(done)
        for step in range(done, self.steps):
            if step == self.stops_at:
                raise KeyboardInterrupt
            state.write_text(str(step + 1))
        (work / "picture.png").write_bytes(b"red" * 100)
        (work / "facts.json").write_text("{}")
        return Made({"picture.png": work / "picture.png", "facts": work / "facts.json"}, {"steps": self.steps})


@pytest.fixture
def workshops(machine, memory):
    """The workshops of machines a and b."""
    return [Workshop(machine(name, memory) / CACHE, QUICK) for name in "ab"]


@pytest.fixture
def noted():
    """What users are told."""
    told = []
    with events.listening(lambda event: told.append(event.text) if isinstance(event, events.StageNoted) else None):
        yield told


def depot_at(workshop):
    return depot_of(workshop.root.parent)


def stored(depot):
    return sorted(entry.name for entry in depot.entries())


def test_one_machine_makes_and_the_other_finds(workshops):
    a, b = workshops
    made, was_made = a.make(KEY, Painting())
    assert was_made
    assert stored(depot_at(a)) == sorted(
        [f".cache/manifests/{KEY.digest}.json", *(f".cache/{artifact.path}" for artifact in made.artifacts.values())]
    )  # neither leases nor checkpoints are left
    painting = Painting()
    found, was_made = b.make(KEY, painting)
    assert (found, was_made, painting.begun_at) == (made, False, [])
    assert all(b.store.is_intact(artifact) for artifact in made.artifacts.values())
    assert b.recall(KEY.digest) == b.find(KEY) == made
    assert not (b.root / "work").exists()


def test_looking_fetches_nothing(workshops):
    a, b = workshops
    assert b.peek(KEY) is None
    made, _ = a.make(KEY, Painting())
    assert b.peek(KEY) == made
    assert {path.name for path in b.root.iterdir()} <= {"depot.json"}


def test_single_contents_are_fetched_by_their_hash(workshops):
    a, b = workshops
    picture = a.make(KEY, Painting())[0].artifacts["picture.png"]
    path = b.content(picture.sha256, "png")
    assert path is not None
    assert path.read_bytes() == b"red" * 100
    assert b.content("0" * 64, "png") is None


def test_both_at_once_make_it_once(workshops):
    paintings, waits = [Painting(), Painting()], []
    threads = [
        threading.Thread(target=workshop.make, args=(KEY, painting), kwargs={"on_wait": lambda: waits.append(1)})
        for workshop, painting in zip(workshops, paintings, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sorted(painting.begun_at for painting in paintings) == [[], [0]]


def damages(depot, manifest):
    """Ways in which what a depot holds can be damaged, by name."""
    name, picture = f".cache/manifests/{KEY.digest}.json", f".cache/{manifest.artifacts['picture.png'].path}"
    content = depot.read(name)
    other = json.loads(content) | {"inputs": {"colour": "blue"}}
    led_out = json.loads(content)
    led_out["artifacts"]["facts"]["path"] = "../../../../outside"
    return {
        "a byte": lambda: depot.write(picture, b"reD" + b"red" * 99),
        "truncated": lambda: depot.write(picture, b"red"),
        "gone": lambda: depot.delete([picture]),
        "manifest truncated": lambda: depot.write(name, content[:40]),
        "manifest empty": lambda: depot.write(name, b""),
        "manifest of another": lambda: depot.write(name, json.dumps(other).encode()),
        "manifest that leads out": lambda: depot.write(name, json.dumps(led_out).encode()),
    }


@pytest.mark.parametrize(
    "damage",
    [
        *("a byte", "truncated", "gone", "manifest truncated", "manifest empty", "manifest of another"),
        "manifest that leads out",
    ],
)
def test_damage_in_the_depot_is_noticed_and_mended(workshops, damage):
    a, b = workshops
    made, _ = a.make(KEY, Painting())
    damages(depot_at(a), made)[damage]()
    assert b.find(KEY) is None
    painting = Painting()
    again, was_made = b.make(KEY, painting)
    assert (was_made, painting.begun_at, again.artifacts) == (True, [0], made.artifacts)
    shutil.rmtree(a.root / "cas")
    assert a.find(KEY) == again  # what was damaged there has been replaced


def test_force_makes_it_again_for_all(workshops):
    a, b = workshops
    a.make(KEY, Painting())
    painting = Painting()
    assert b.make(KEY, painting, force=True)[1]
    assert painting.begun_at == [0]


def test_another_machine_goes_on_from_the_checkpoint(workshops):
    a, b = workshops
    with pytest.raises(KeyboardInterrupt):
        a.make(KEY, Painting(steps=5, stops_at=3))
    painting = Painting(steps=5)
    assert b.make(KEY, painting)[1]
    assert painting.begun_at == [3]
    assert not [name for name in stored(depot_at(b)) if "work" in name or "leases" in name]


def test_whoever_came_further_is_gone_on_from(workshops):
    a, b = workshops
    for workshop, stops_at in ((a, 2), (b, 4)):
        with pytest.raises(KeyboardInterrupt):
            workshop.make(KEY, Painting(steps=6, stops_at=stops_at))
    painting = Painting(steps=6)
    a.make(KEY, painting)  # its own checkpoint is the older one
    assert painting.begun_at == [4]


def test_ones_own_later_checkpoint_is_not_replaced(workshops):
    a, _ = workshops
    with pytest.raises(KeyboardInterrupt):
        a.make(KEY, Painting(steps=6, stops_at=2))
    (a.root / "work" / KEY.digest / "state.json").write_text("5")  # killed before the next copy
    painting = Painting(steps=6)
    a.make(KEY, painting)
    assert painting.begun_at == [5]


@pytest.mark.parametrize("lost", ["copied.json", "files/state.json"])
def test_a_copy_with_holes_is_none(workshops, lost):
    a, b = workshops
    with pytest.raises(KeyboardInterrupt):
        a.make(KEY, Painting(steps=5, stops_at=3))
    depot_at(a).delete([f".cache/work/{KEY.digest}/{lost}"])
    painting = Painting(steps=5)
    assert b.make(KEY, painting)[1]
    assert painting.begun_at == [0]


def test_a_copy_cannot_lead_out_of_the_work_folder(workshops):
    _, b = workshops
    facts = {"count": 9, "files": ["../../outside", "/outside", ".hidden", "state.json"]}
    depot = depot_at(b)
    depot.write(f".cache/work/{KEY.digest}/copied.json", json.dumps(facts).encode())
    for name in ("../../outside", "state.json"):
        depot.write(f".cache/work/{KEY.digest}/files/{name}", b"4")
    painting = Painting(steps=5)
    b.make(KEY, painting)
    assert painting.begun_at == [4]
    assert not list(b.root.parent.parent.rglob("outside"))


def fail(monkeypatch, depot, *names, error=AwayError("the network is down")):
    def refused(*_, **__):
        raise error

    for name in names:
        monkeypatch.setattr(depot, name, refused)


def test_what_could_not_be_sent_is_sent_by_the_next_who_finds_it(workshops, noted, monkeypatch):
    a, b = workshops
    depot = depot_at(a)
    with monkeypatch.context() as down:
        fail(down, depot, "upload", error=DepotError("the quota is used up"))
        assert a.make(KEY, Painting())[1]
    assert any("quota is used up" in text and "sent" in text for text in noted)
    assert [path.name for path in (a.root / UNSENT).iterdir()] == [KEY.digest]
    assert b.find(KEY) is None  # the manifest comes last, so that nothing half is found

    painting = Painting()
    assert not a.make(KEY, painting)[1]
    assert (painting.begun_at, list((a.root / UNSENT).iterdir())) == ([], [])
    assert b.find(KEY) is not None


def test_a_store_that_goes_away_in_the_middle_is_done_without(workshops, noted, monkeypatch):
    a, b = workshops
    a.make(StageKey("painting", "1", {"colour": "blue"}), Painting())
    with monkeypatch.context() as down:
        fail(down, depot_at(a), "read", "write", "create", "size", "entries", "download", "upload", "delete")
        assert a.make(KEY, Painting())[1]
        assert not a.make(KEY, Painting())[1]
        assert a.peek(KEY) is not None
    assert any("other machines do not know" in text for text in noted)
    assert b.find(KEY) is None
    a.make(KEY, Painting())
    assert b.find(KEY) is not None


def test_a_store_that_never_answered_is_an_error_before_any_work(workshops, monkeypatch):
    a, _ = workshops
    depot_at(a).was_reached = False
    fail(monkeypatch, depot_at(a), "read")
    painting = Painting()
    with pytest.raises(AwayError):
        a.make(KEY, painting)
    assert painting.begun_at == []


class Careless(MemoryFileSystem):
    """A store that knows no conditions, and says nothing."""

    def pipe_file(self, path, value, mode="overwrite", **kwargs):
        return super().pipe_file(path, value, mode="overwrite", **kwargs)


def test_a_store_without_conditional_writes_says_once_what_it_cannot_promise(workshops, noted, monkeypatch):
    careless = Depot(f"memory://{uuid.uuid4().hex}", Careless(skip_instance_cache=True))
    monkeypatch.setattr(marker, "open_depot", lambda url: careless)
    monkeypatch.setattr(exchange, "_TOLD", set())
    a, b = workshops
    for workshop in (a, b, a):
        workshop.make(KEY, Painting())
        workshop.make(KEY, Painting(), force=True)
    told = [text for text in noted if "cannot promise" in text]
    assert len(told) == 1
    assert "Nothing is damaged" in told[0]
    # One after the other it is as good as any.
    painting = Painting()
    assert not b.make(KEY, painting)[1]


def test_leases_that_are_only_advice_still_keep_most_from_working_twice(workshops, monkeypatch):
    careless = Depot(f"memory://{uuid.uuid4().hex}", Careless(skip_instance_cache=True))
    monkeypatch.setattr(marker, "open_depot", lambda url: careless)
    for workshop in workshops:
        workshop.timing = Timing(beat_s=0.1, stale_s=3.0, poll_s=0.3)  # the longer, the surer
    test_both_at_once_make_it_once(workshops)
