"""A stage is made once, found while it is whole, and made again when anything of it is damaged."""

import json
import threading
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tasks.stage import Made, Manifest, StageKey, Workshop, canonical_json, locked

KEY = StageKey("paint", "1", {"colour": "red", "size": [2, 3]})


def paint(work: Path) -> Made:
    (work / "red.png").write_bytes(b"red")
    (work / "blue.png").write_bytes(b"blue")
    return Made({"red": work / "red.png", "blue": work / "blue.png"}, {"pixels": 6})


def refuse(work: Path) -> Made:
    raise AssertionError("this stage must not be made")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(json_values)
def test_canonical_json_is_json_and_ignores_the_order_of_keys(value):
    def reversed_keys(item):
        if isinstance(item, dict):
            return {name: reversed_keys(item[name]) for name in reversed(item)}
        return [reversed_keys(x) for x in item] if isinstance(item, list) else item

    assert json.loads(canonical_json(value)) == value
    assert canonical_json(reversed_keys(value)) == canonical_json(value)


@pytest.mark.parametrize(
    "value",
    [torch.zeros(1), {1: "one"}, (1, 2), {3}, Path("a"), float("nan"), float("inf"), b"bytes", torch.float32],
    ids=str,
)
def test_what_json_cannot_hold_exactly_is_refused(value):
    with pytest.raises((TypeError, ValueError)):
        canonical_json({"inputs": [value]})


@pytest.mark.parametrize(
    "other",
    [
        StageKey("draw", "1", KEY.inputs),
        StageKey("paint", "2", KEY.inputs),
        StageKey("paint", "1", {"colour": "red", "size": [3, 2]}),
    ],
)
def test_every_part_of_a_key_counts(other):
    assert other.digest != KEY.digest


def test_a_stage_is_made_once(tmp_path):
    manifest, made = Workshop(tmp_path).make(KEY, paint)
    assert made
    assert manifest.facts == {"pixels": 6}
    again, made = Workshop(tmp_path).make(KEY, refuse)
    assert not made
    assert again == manifest
    assert Manifest.from_json(manifest.as_json()) == manifest
    assert not list((tmp_path / "work").iterdir())


def test_looking_for_a_stage_writes_nothing(tmp_path):
    assert Workshop(tmp_path / "new").find(KEY) is None
    assert not (tmp_path / "new").exists()


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    "damage", [Path.unlink, flip, lambda path: path.write_bytes(b"")], ids=["gone", "flipped", "empty"]
)
@pytest.mark.parametrize("which", ["artifact", "manifest"])
def test_a_damaged_stage_is_made_again(tmp_path, damage, which):
    workshop = Workshop(tmp_path)
    manifest, _ = workshop.make(KEY, paint)
    path = next((tmp_path / "manifests").iterdir())
    damage(workshop.store.path(manifest.artifacts["blue"]) if which == "artifact" else path)
    again, made = workshop.make(KEY, paint)
    assert made
    assert again.artifacts == manifest.artifacts
    assert workshop.find(KEY) is not None


def test_a_manifest_of_another_key_does_not_count(tmp_path):
    workshop = Workshop(tmp_path)
    workshop.make(KEY, paint)
    other = StageKey("paint", "1", {"colour": "blue"})
    (tmp_path / "manifests" / f"{KEY.digest}.json").rename(tmp_path / "manifests" / f"{other.digest}.json")
    assert workshop.find(other) is None


def test_an_interrupted_body_finds_its_work_again(tmp_path):
    workshop = Workshop(tmp_path)

    def killed(work: Path) -> Made:
        (work / "checkpoint").write_text("step 3")
        raise KeyboardInterrupt

    def resumed(work: Path) -> Made:
        assert (work / "checkpoint").read_text() == "step 3"
        return paint(work)

    with pytest.raises(KeyboardInterrupt):
        workshop.make(KEY, killed)
    assert workshop.find(KEY) is None
    assert workshop.make(KEY, resumed)[1]


def test_force_starts_from_nothing_and_makes_again(tmp_path):
    workshop = Workshop(tmp_path)
    workshop.make(KEY, paint)
    (tmp_path / "work" / KEY.digest).mkdir(parents=True)
    (tmp_path / "work" / KEY.digest / "checkpoint").write_text("old")
    seen = []

    def painted(work: Path) -> Made:
        seen.extend(work.iterdir())
        return paint(work)

    assert workshop.make(KEY, painted, force=True)[1]
    assert seen == []


def test_the_second_of_two_makers_waits_and_takes_what_the_first_made(tmp_path):
    made, waited, entered, go = [], [], threading.Event(), threading.Event()

    def slow(work: Path) -> Made:
        entered.set()
        assert go.wait(10)
        return paint(work)

    def first() -> None:
        made.append(Workshop(tmp_path).make(KEY, slow)[1])

    def second() -> None:
        made.append(Workshop(tmp_path).make(KEY, refuse, on_wait=go.set)[1])
        waited.append(True)

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    threads[0].start()
    assert entered.wait(10)
    threads[1].start()
    for thread in threads:
        thread.join(10)
    assert sorted(made) == [False, True]
    assert waited == [True]


def test_a_lock_is_free_again_after_an_error(tmp_path):
    with pytest.raises(RuntimeError), locked(tmp_path / "lock"):
        raise RuntimeError
    waited = []
    with locked(tmp_path / "lock", on_wait=lambda: waited.append(True)):
        assert waited == []
