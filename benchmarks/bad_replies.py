"""Share of sound schedules over bad replies of a language model: as they came, after the first round, after repair.

    python -m benchmarks.bad_replies [--each] [--json]

Every reply of tests/doubles/bad_replies.py is sent, for several ready stories, by a service on this machine, over HTTP:
by a model that repairs rightly what it is asked to, by one that repairs every other level and leaves the rest as it
was, and by one that sends the same fault every time; four rounds each. As it came: what `json.loads`, the story format
and the checks make of the text, with nothing else done. A schedule is sound when it has all levels that were asked for,
of their widths, and no check finds a fault. --each prints every reply.
"""

import argparse
import json
import logging
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from prompts.checks import WIDTH_TOLERANCE
from prompts.errors import PlanError, ServiceError
from prompts.library import load_story
from prompts.schedule import TextLimit, check_schedule
from prompts.schedule.tokens import clip_limit
from prompts.service.client import connect
from prompts.story import Story
from prompts.writer import Round, write
from tests.doubles.bad_replies import REPLIES
from tests.doubles.openai_server import Reply, serving
from tests.doubles.schedule_model import Model, schedule_of, wish_of

COUNTED = ("as_it_came", "first_round", "skilled", "half", "stubborn")
STORIES = ("city-to-gear", "meadow-to-bee", "ocean-to-plankton", "mountain-to-snowflake")


@dataclass(frozen=True)
class Outcome:
    """What came of one reply: whether the schedule was sound as it came, after the first round, and in the end.

    skilled, half, stubborn: in the end, with a model that repairs all, half, nothing; rounds: that the first took.
    """

    reply: str
    story: str
    as_it_came: bool
    first_round: bool
    skilled: bool
    half: bool
    stubborn: bool
    rounds: int


def sound(story: Story, right: Story, limit: TextLimit) -> bool:
    """Whether the story has the levels of the right one, of the same widths, and no fault."""
    widths = [(mine.width_m, level.width_m) for mine, level in zip(story.levels, right.levels, strict=False)]
    same = all(mine and width and abs(mine / width - 1) < WIDTH_TOLERANCE for mine, width in widths)
    return len(story.levels) == len(right.levels) and same and not check_schedule(story, limit)


def as_it_came(name: str, right: Story, limit: TextLimit) -> bool:
    """Whether the reply is a sound schedule for a program that only parses it."""
    said = REPLIES[name](schedule_of(right))
    try:
        found = json.loads((said.text or "") if isinstance(said, Reply) else said)
        levels = [{"prompt": row["prompt"], "width_m": row["width_m"]} for row in found["levels"]]
        told = {key: found[key] for key in ("title", "viewpoint", "style", "negative")}
        return sound(Story.model_validate({**told, "p": right.p, "levels": levels}), right, limit)
    except (ValueError, LookupError, TypeError, RecursionError):
        return False


def written(name: str, right: Story, limit: TextLimit, skill: float) -> tuple[bool, list[Round]]:
    """Whether a sound story came of it in the end, and the rounds."""
    rounds: list[Round] = []
    with serving(Model(right, REPLIES[name], skill)) as server:
        service = connect("writer", base_url=server.url, key="none", retries=0)
        try:
            story = write(wish_of(right), service, limit=limit, on_round=rounds.append).story
        except (PlanError, ServiceError):
            return False, rounds
    return sound(story, right, limit), rounds


def outcomes(limit: TextLimit) -> Iterator[Outcome]:
    """One after the other."""
    for story in STORIES:
        right = load_story(story)
        for name in REPLIES:
            (skilled, rounds), (half, _), (stubborn, _) = (written(name, right, limit, skill) for skill in (1, 0.5, 0))
            came, first = as_it_came(name, right, limit), bool(rounds) and rounds[0].valid
            yield Outcome(name, story, came, first, skilled, half, stubborn, len(rounds))


def shown(found: list[Outcome], each: bool) -> Iterator[str]:
    """The table, in Markdown."""
    yield "| replies | as they came | first round | repair | half repaired | nothing repaired | rounds |"
    yield "|---|---|---|---|---|---|---|"
    for name in [*(dict.fromkeys(o.reply for o in found) if each else ()), "all", "all but the right one"]:
        rows = [o for o in found if name in (o.reply, "all") or (name.startswith("all but") and o.reply != "right")]
        counts = (sum(getattr(o, key) for o in rows) for key in COUNTED)
        shares = " | ".join(f"{count / len(rows):.0%}" for count in counts)
        yield f"| {name} ({len(rows)}) | {shares} | {sum(o.rounds for o in rows) / len(rows):.2f} |"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--each", action="store_true", help="every reply, over the stories")
    parser.add_argument("--json", action="store_true", help="one object")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    os.environ.pop("OPENAI_BASE_URL", None)
    began = time.perf_counter()
    found = list(outcomes(clip_limit()))
    if options.json:
        print(json.dumps([asdict(outcome) for outcome in found]))
    else:
        print(*shown(found, options.each), sep="\n")
        print(f"\n{len(REPLIES)} replies for {len(STORIES)} stories, {time.perf_counter() - began:.0f} s")
