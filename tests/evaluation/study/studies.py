"""Studies and answers of known properties, without films."""

from datetime import UTC, datetime, timedelta
from random import Random

import pyarrow as pa

from evaluation.study.answers import SCHEMA, VERSION, Answers
from evaluation.study.design import Trial, trials
from evaluation.study.people import People, label
from evaluation.study.plan import SPOILED, Clip, Design, Pair, Study

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def study(arms=("joint", "outpaint"), stories=4, seeds=2, compared=None, catches=0, **design):
    """Every two arms (or those `compared`) on every story and seed, each clip two seconds long."""
    compared = compared or [(a, b) for i, a in enumerate(arms) for b in arms[i + 1 :]]
    spots = [(f"Story {number}", seed) for number in range(stories) for seed in range(seeds)]
    runs = {(arm, *spot): f"{arm}-{spot[0][-1]}-{spot[1]}" for arm in arms for spot in spots}
    clips = {run: Clip(run, run, arm, 2.0) for (arm, *_), run in runs.items()}
    pairs = tuple(
        Pair(f"{story[-1]}-{seed}-{a}-{b}", story, seed, (a, b), (runs[a, story, seed], runs[b, story, seed]))
        for story, seed in spots
        for a, b in compared
    )
    spoiled = tuple(list(clips.values())[:catches])
    clips |= {f"bad-{clip.id}": Clip(f"bad-{clip.id}", clip.run, SPOILED, 2.0, spoiled=True) for clip in spoiled}
    traps = tuple(
        Pair(f"trap-{clip.id}", "Story 0", 0, (clip.arm, SPOILED), (clip.id, f"bad-{clip.id}")) for clip in spoiled
    )
    plan = Design(**{"pairs": min(18, len(pairs)), "repeats": 0, "catches": catches, **design})
    return Study("0123456789ab", "test", "Which is better?", plan, tuple(arms), pairs, traps, clips)


def row(plan, slot, place, trial: Trial, side, seconds=3.0):
    """The answer of participant `slot` who chose `side`."""
    pair = plan.pair(trial.pair)
    arms, clips = (sides[::-1] if trial.swapped else sides for sides in (pair.arms, pair.clips))
    runs = [plan.clips[clip].run for clip in clips]
    return {
        "study": plan.id,
        "participant": label(slot),
        "place": place,
        "kind": trial.kind,
        "pair": pair.id,
        "story": pair.story,
        "seed": pair.seed,
        "arm_left": arms[0],
        "arm_right": arms[1],
        "run_left": runs[0],
        "run_right": runs[1],
        "chosen_side": side,
        "chosen_arm": arms[side == "right"],
        "shown_at": NOON,
        "answered_at": NOON + timedelta(seconds=seconds),
        "response_s": seconds,
        "plays": 1,
        "client": "wide mouse",
    }


def answered(plan, slot, chance, seed=0):
    """The answers of a participant; `chance(left, right)` that the left arm is chosen."""
    rng, rows = Random(f"{seed} {slot}"), []
    for place, trial in enumerate(trials(plan, slot)):
        arms = plan.pair(trial.pair).arms[:: -1 if trial.swapped else 1]
        side = "left" if rng.random() < chance(*arms) else "right"
        rows.append({"schema_version": VERSION, **row(plan, slot, place, trial, side)})
    return rows


def answers_of(plan, people, chance, seed=0, start=0):
    """The answers of so many participants, as `read_answers` gives them."""
    rows = [one for slot in range(start, start + people) for one in answered(plan, slot, chance, seed)]
    return pa.Table.from_pylist(rows, schema=SCHEMA).to_pandas()


def held(folder, plan, people, chance, seed=0):
    """A study held in `folder` by so many people."""
    crowd, answers = People(plan, folder), Answers(folder)
    for _ in range(people):
        slot = crowd.slot_of(crowd.admit())
        answers._write(slot, answered(plan, slot, chance, seed))
    return folder
