"""What a batch has come to: a text for people, rows for a page, plain values for its file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from evaluation.ranking_text import counted, escaped
from tasks.batch.outcome import STATES, Outcome
from tasks.batch.plan import Batch, Job
from tasks.services import spent_in_all
from tasks.stage import Json

UNFINISHED = "left"
DONE, FAILED, REFUSED = 0, 1, 2
COLUMNS = ("job", "result", "time", "evaluations", "tiles", "GPU time", "language models", "run", "made or why not")


@dataclass(frozen=True)
class Summary:
    """A batch, and of every job what became of it: None of one that was not tried or not ended.

    state: in progress, done or stopped. started: when, by this machine's clock. seconds: since then. unkept: why this
    could not be written into the batch's folder; empty where it was. by: the id of the flow run that makes it; empty
    without one.
    """

    batch: Batch
    state: str
    jobs: tuple[tuple[Job, Outcome | None], ...]
    started: datetime
    seconds: float
    unkept: str = ""
    by: str = ""

    @property
    def exit_code(self) -> int:
        """0 where all videos are there, 1 where one failed or was left, 2 where all that is missing was refused."""
        states = {_state(outcome) for _, outcome in self.jobs}
        return FAILED if {"failed", UNFINISHED} & states else REFUSED if "refused" in states else DONE

    def count(self, state: str) -> int:
        """How many jobs have ended so, or were left."""
        return sum(_state(outcome) == state for _, outcome in self.jobs)

    @property
    def missing(self) -> tuple[tuple[Job, Outcome], ...]:
        """The jobs that failed or were refused."""
        return tuple((job, outcome) for job, outcome in self.jobs if outcome is not None and not outcome.is_done)

    @property
    def spent(self) -> dict[str, Json]:
        """What language models took for all jobs together."""
        return spent_in_all(outcome.spent for outcome in self._outcomes if outcome.spent)

    @property
    def _outcomes(self) -> list[Outcome]:
        return [outcome for _, outcome in self.jobs if outcome is not None]

    @property
    def notes(self) -> tuple[str, ...]:
        """What else a person should know, a sentence each."""
        return (*self.batch.notes, *([self.unkept] if self.unkept else []))

    def headline(self) -> str:
        """All of it in a line."""
        told = ", ".join(f"{self.count(state)} {state}" for state in (*STATES, UNFINISHED) if self.count(state))
        return f"{counted(len(self.jobs), 'video', 'videos')}: {told}; {self.costs()}."

    def costs(self) -> str:
        """Time, evaluations of the model, tiles of planes, time of GPUs and what language models took, as words."""
        evaluations = sum(outcome.evaluations for outcome in self._outcomes)
        tiles = sum(outcome.tiles for outcome in self._outcomes)
        gpu_s = sum(outcome.gpu_seconds for outcome in self._outcomes)
        told = [time_of(self.seconds)]
        told += [f"{evaluations:,} evaluations"] if evaluations or not tiles else []
        told += [f"{tiles:,} tiles of planes"] if tiles else []
        told += [f"GPU {time_of(gpu_s)}"] if gpu_s else []
        told += [f"language models {asked}"] if (asked := cost_of(self.spent)) else []
        return ", ".join(told)

    def rows(self) -> list[dict[str, str]]:
        """One row of texts for each job, by column, for a table."""
        return [dict(zip(COLUMNS, _row(job, outcome), strict=True)) for job, outcome in self.jobs]

    def markdown(self) -> str:
        """The summary as a file or an artefact for people; words of strangers are escaped."""
        lines = [
            f"# {escaped(self.batch.title)}",
            "",
            f"{self.headline()} Begun {self.started:%Y-%m-%d %H:%M} UTC; {self.state}.",
            "",
            *_table(COLUMNS, [tuple(row.values()) for row in self.rows()]),
        ]
        if self.notes:
            lines += ["", *(f"- {escaped(note)}" for note in self.notes)]
        if self.batch.spec is not None and (self.missing or self.count(UNFINISHED)):
            lines += ["", f"What is missing, and nothing else: `tenfold batch --failed {self.batch.id}`."]
        return "\n".join(lines) + "\n"

    def as_json(self) -> dict[str, Json]:
        """Plain values for `batch.json`."""
        return {
            "id": self.batch.id,
            "title": self.batch.title,
            "state": self.state,
            "started": self.started.isoformat(timespec="seconds"),
            "seconds": round(self.seconds, 3),
            "by": self.by,
            "counts": {state: self.count(state) for state in (*STATES, UNFINISHED)},
            "looked_up": None if self.batch.looked_up is None else str(self.batch.looked_up),
            "spec": None if self.batch.spec is None else self.batch.spec.model_dump(mode="json"),
            "notes": list(self.notes),
            "jobs": [_job(job, outcome) for job, outcome in self.jobs],
        }

    def facts(self) -> dict[str, Json]:
        """Plain values for whoever started the batch: where it is, the counts, and why what is missing is."""
        return {
            "batch": self.batch.id,
            "folder": str(self.batch.folder),
            "counts": {state: self.count(state) for state in (*STATES, UNFINISHED)},
            "missing": {job.name: outcome.error for job, outcome in self.missing},
            "exit_code": self.exit_code,
        }


def _job(job: Job, outcome: Outcome | None) -> dict[str, Json]:
    return {
        "number": job.number,
        "name": job.name,
        "key": job.key,
        "source": job.source,
        "method": job.method,
        "seed": job.seed,
        "run": None if job.run is None else job.run.id,
        "outcome": None if outcome is None else outcome.as_json(),
    }


def _state(outcome: Outcome | None) -> str:
    return UNFINISHED if outcome is None else outcome.state


def _row(job: Job, outcome: Outcome | None) -> tuple[str, ...]:
    if outcome is None:
        return (job.name, UNFINISHED, "", "", "", "", "", "" if job.run is None else job.run.id, "")
    told = outcome.error or ", ".join(outcome.made)
    work = (f"{count:,}" if count else "" for count in (outcome.evaluations, outcome.tiles))
    gpu = time_of(outcome.gpu_seconds) if outcome.gpu_seconds else ""
    took = time_of(outcome.seconds) if outcome.seconds else ""
    return (job.name, outcome.state, took, *work, gpu, cost_of(outcome.spent), outcome.run_id or "", told)


def cost_of(spent: Mapping[str, Json]) -> str:
    """What language models took, in short; empty where none was asked."""
    if not spent or not (spent["requests"] or spent["cached"]):
        return ""
    tokens = spent["prompt_tokens"] + spent["completion_tokens"]
    money = "price unknown" if spent["cost"] is None else f"{spent['cost']:.4f} {spent['currency']}"
    return f"{counted(spent['requests'], 'request', 'requests')}, {tokens:,} tokens, {money}"


def time_of(seconds: float) -> str:
    """A time as people write it: 3.2 s, 4 min 10 s, 2 h 5 min."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    used = [at for at in range(len(head)) if at == 0 or any(row[at] for row in rows)]
    lines = [head, ["---"] * len(head), *([escaped(text) for text in row] for row in rows)]
    return ["| " + " | ".join(line[at] for at in used) + " |" for line in lines]
