"""What flows show on Prefect's page: what came of a video, of a batch. A page that is away stops nothing."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from prefect import State, get_run_logger, runtime
from prefect.artifacts import acreate_markdown_artifact, acreate_table_artifact
from prefect.states import Completed, Failed

import prompts
from evaluation import read_scores
from evaluation.cards import Selection
from evaluation.ranking_text import escaped
from flows.desk import OUTCOME
from tasks.batch.outcome import Outcome
from tasks.batch.summary import Summary, time_of
from tasks.score_report import runs_table
from tasks.scoring import Outcome as Measured


@dataclass
class Told:
    """What a video's flow has come to; `facts` are there where it has come to an end."""

    facts: dict[str, Any] = field(default_factory=dict)


@asynccontextmanager
async def telling(title: str) -> AsyncIterator[Told]:
    """Show what comes of the video that the body makes, also where it fails; parents read it there."""
    told, began = Told(), time.monotonic()
    try:
        yield told
    except Exception as error:
        await show_outcome(title, Outcome.failure(error, time.monotonic() - began))
        raise
    await show_outcome(title, Outcome.of(told.facts, time.monotonic() - began))


async def show_outcome(title: str, outcome: Outcome) -> None:
    """A table of one row, whose last cell programs read."""
    row = {
        "video": title,
        "result": outcome.state,
        "time": time_of(outcome.seconds),
        "made": ", ".join(outcome.made),
        "why not": outcome.error or "",
        "run": outcome.run_id or "",
        "folder": outcome.folder or "",
        "outcome": json.dumps(outcome.as_json()),
    }
    key = f"{OUTCOME}{prompts.slug(title)}"
    await shown(lambda: acreate_table_artifact([row], key=key, description=f"{escaped(title)}: {outcome.state}"))


async def show_summary(summary: Summary) -> None:
    """The summary of a batch as a table and as a text."""
    key = f"{prompts.slug(summary.batch.title)}-{summary.batch.id}"
    await shown(
        lambda: acreate_table_artifact(summary.rows(), key=f"batch-{key}", description=summary.headline()),
        lambda: acreate_markdown_artifact(summary.markdown(), key=f"summary-{key}", description=summary.headline()),
    )


def concluded(summary: Summary, facts: dict[str, Any]) -> dict[str, Any] | State[dict[str, Any]]:
    """What a flow of many videos returns: plain facts; in a deployment a state that tells whether all are there."""
    if not runtime.deployment.id:
        return facts
    state = Completed if summary.exit_code == 0 else Failed
    return state(message=summary.headline(), data=facts)


async def evaluated(selection: Selection, outcomes: Sequence[Measured]) -> dict[str, Any] | State[dict[str, Any]]:
    """Show the scores of runs as a table, and what could not be measured as a text; returns as `concluded`."""
    failed = [one for one in outcomes if one.error]
    cards = selection.cards
    head, rows = runs_table(read_scores([card.folder for card in cards], on_damaged=lambda *_: None), cards)
    measured = sum(bool(one.made) for one in outcomes)
    told = f"{len(outcomes)} runs: {measured} measured now, {len(failed)} not as a whole"
    reasons = [f"- {escaped(one.subject.card.id)}: {escaped(str(one.error))}" for one in failed]
    text = "\n".join([f"# {escaped(selection.title)}", "", f"{told}.", "", *reasons]) + "\n"
    key = prompts.slug(selection.title)
    await shown(
        lambda: acreate_table_artifact(
            [dict(zip(head, row, strict=True)) for row in rows], key=f"scores-{key}", description=told
        ),
        lambda: acreate_markdown_artifact(text, key=f"evaluation-{key}", description=told),
    )
    facts = {"runs": [one.as_json() for one in outcomes]}
    if not runtime.deployment.id:
        return facts
    return (Failed if failed else Completed)(message=told, data=facts)


async def shown(*artifacts: Callable[[], Awaitable[Any]]) -> None:
    """Make artefacts; where the server is away it is logged, and what was made stays made."""
    for make in artifacts:
        try:
            await make()
        except Exception as error:
            get_run_logger().warning("Not shown on Prefect's page: %r", error)
