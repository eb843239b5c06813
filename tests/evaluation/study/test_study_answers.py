"""Answers on the disk: at once, once, and whole, whoever writes beside; ids that nobody can guess."""

import multiprocessing
import os
import signal

import duckdb
import pyarrow.parquet as pq
import pytest

from evaluation.study.answers import SCHEMA, Answers, ConflictError, read_answers
from evaluation.study.people import People, label
from tests.evaluation.study.studies import held, row, study
from zoomlib.errors import InvalidInputError

SPAWN = multiprocessing.get_context("spawn")


def asked(folder, plan):
    people = People(plan, folder)
    slot = people.slot_of(people.admit())
    return slot, people.trials(slot)


def test_answers_come_back_as_they_were_given(tmp_path):
    plan = study(repeats=2)
    slot, trials = asked(tmp_path, plan)
    given = [row(plan, slot, place, trial, "left", seconds=place + 0.25) for place, trial in enumerate(trials)]
    for place, answer in enumerate(given):
        assert Answers(tmp_path).record(slot, answer) == place + 1
    assert Answers(tmp_path).of(slot) == [{"schema_version": 1, **answer} for answer in given]
    frame, damaged = read_answers(tmp_path)
    assert damaged == ()
    assert frame["response_s"].tolist() == [answer["response_s"] for answer in given]


def test_the_same_answer_twice_counts_once_and_another_one_is_refused(tmp_path):
    plan = study()
    slot, trials = asked(tmp_path, plan)
    answers = Answers(tmp_path)
    answers.record(slot, row(plan, slot, 0, trials[0], "left"))
    assert answers.record(slot, row(plan, slot, 0, trials[0], "left", seconds=99)) == 1
    with pytest.raises(ConflictError, match="stands once it is given"):
        answers.record(slot, row(plan, slot, 0, trials[0], "right"))
    with pytest.raises(ConflictError, match="question 2 is open"):
        answers.record(slot, row(plan, slot, 2, trials[2], "left"))
    assert [one["response_s"] for one in answers.of(slot)] == [3.0]


def test_answers_are_read_without_our_code(tmp_path):
    plan = study()
    held(tmp_path, plan, 3, lambda left, right: 0.5)
    found = duckdb.sql(f"SELECT participant, count(*) FROM '{tmp_path}/answers/*.parquet' GROUP BY 1 ORDER BY 1")
    assert found.fetchall() == [(label(slot), plan.design.trials) for slot in range(3)]


def test_a_damaged_file_is_told_skipped_and_never_written_over(tmp_path):
    plan = study()
    held(tmp_path, plan, 3, lambda left, right: 0.5)
    path = tmp_path / "answers" / f"{label(1)}.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    before = path.read_bytes()
    frame, damaged = read_answers(tmp_path)
    assert set(frame["participant"]) == {label(0), label(2)}
    assert len(damaged) == 1
    assert path.name in damaged[0]
    trials = People(plan, tmp_path).trials(1)
    with pytest.raises(InvalidInputError, match="cannot be read"):
        Answers(tmp_path).record(1, row(plan, 1, 0, trials[0], "left"))
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "spoil", [lambda t: t.drop(["client"]), lambda t: t.rename_columns(["x", *t.column_names[1:]])]
)
def test_a_file_of_another_shape_is_told_and_skipped(tmp_path, spoil):
    held(tmp_path, study(), 1, lambda left, right: 0.5)
    path = tmp_path / "answers" / f"{label(0)}.parquet"
    pq.write_table(spoil(pq.read_table(path)), path)
    frame, damaged = read_answers(tmp_path)
    assert frame.empty
    assert "columns" in damaged[0]


def test_no_answers_are_an_empty_table(tmp_path):
    frame, damaged = read_answers(tmp_path)
    assert (len(frame), list(frame.columns), damaged) == (0, SCHEMA.names, ())


def take_part(folder, plan, slot, started, found):
    """Gives the same answers as another process at the same time, and hands out ids beside it."""
    started.wait()
    people, answers = People(plan, folder), Answers(folder)
    for place, trial in enumerate(people.trials(slot)):
        answers.record(slot, row(plan, slot, place, trial, "left"))
    found.put([people.admit() for _ in range(10)])


def test_two_writers_at_once_lose_nothing_and_give_no_id_twice(tmp_path):
    plan = study(repeats=2)
    slot, trials = asked(tmp_path, plan)
    started, found = SPAWN.Barrier(2), SPAWN.Queue()
    work = [SPAWN.Process(target=take_part, args=(tmp_path, plan, slot, started, found)) for _ in range(2)]
    for process in work:
        process.start()
    ids = found.get(timeout=60) + found.get(timeout=60)
    for process in work:
        process.join(60)
        assert process.exitcode == 0
    assert [one["place"] for one in Answers(tmp_path).of(slot)] == list(range(len(trials)))
    assert sorted(map(People(plan, tmp_path).slot_of, ids)) == list(range(1, 21))


def answer_until_killed(folder, plan, slot, told):
    answers, trials = Answers(folder), People(plan, folder).trials(slot)
    for place, trial in enumerate(trials):
        told.send(answers.record(slot, row(plan, slot, place, trial, "left")))


def test_a_killed_process_loses_no_answer_that_it_has_confirmed(tmp_path):
    plan = study(stories=9, pairs=18)
    slot, _ = asked(tmp_path, plan)
    here, there = SPAWN.Pipe(duplex=False)
    process = SPAWN.Process(target=answer_until_killed, args=(tmp_path, plan, slot, there))
    process.start()
    confirmed = [here.recv() for _ in range(5)][-1]
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    while here.poll():
        confirmed = here.recv()
    kept = Answers(tmp_path).of(slot)
    assert len(kept) in (confirmed, confirmed + 1)  # the last may have been filed and not yet told
    assert [one["place"] for one in kept] == list(range(len(kept)))


def test_ids_are_known_only_when_they_were_handed_out(tmp_path):
    plan = study()
    people = People(plan, tmp_path)
    own = people.admit()
    assert people.slot_of(own) == 0
    for foreign in ("", "0", "0-" + "a" * 24, people.id_of(1), own.upper(), "0" + own, own + "\n", f"../{own}"):
        assert people.slot_of(foreign) is None
    other = People(plan, tmp_path / "other")
    assert other.slot_of(own) is None
    assert other.id_of(0) != own


def test_a_study_gives_the_same_ids_and_order_after_a_restart(tmp_path):
    plan = study(repeats=2)
    ids = People(plan, tmp_path).invite(3)
    again = People(plan, tmp_path)
    assert again.invite(3) == ids
    assert again.invite(5)[:3] == ids
    assert [again.slot_of(one) for one in ids] == [0, 1, 2]
    assert People(plan, tmp_path).trials(1) == again.trials(1)
    assert len({again.admit() for _ in range(3)} | set(ids)) == 6


def test_the_secret_is_its_owners_alone_and_in_no_other_file(tmp_path):
    people = People(study(), tmp_path)
    people.invite(2)
    assert (tmp_path / "secret").stat().st_mode & 0o077 == 0
    own = (tmp_path / "secret").read_text()
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "secret"]
    assert files
    for path in files:
        text = path.read_bytes()
        assert own.encode() not in text
        assert not any(people.id_of(slot).encode() in text for slot in range(2))
