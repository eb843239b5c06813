"""`batch.json` and `summary.md`: what a batch was to make and what has come of it so far.

Both are written whole after every job, so that they are right however the batch ends; whatever makes the jobs (threads,
deployments, a cluster) tells of them here.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tasks.batch.outcome import Outcome, said
from tasks.batch.plan import BATCHES, Batch, Job, plan_batch
from tasks.batch.spec import BatchSpec
from tasks.batch.summary import Summary
from tasks.depot.roots import push
from tasks.errors import UNUSABLE, RefusedError
from tasks.events import Listener, RunEnded, RunStarted, ignore
from tasks.run import Tools
from tasks.store import write_bytes

FILE, SUMMARY = "batch.json", "summary.md"
VERSION = 1
FEWEST = 4


class Record:
    """Keeps the files of a batch up to date; may be told from any thread.

    only_failed: what the batch's file tells as done stays so, and only the other jobs are left to be made. keep: writes
    what is known by now; None for the files that this module names. by: who makes the batch, as a flow run's id: one
    that died and is started again goes on with what its file tells, times and costs with it.
    """

    def __init__(
        self,
        batch: Batch,
        on_event: Listener = ignore,
        *,
        only_failed: bool = False,
        keep: Callable[[Summary], None] | None = None,
        by: str = "",
    ) -> None:
        self.batch, self.on_event, self.keep, self.by = batch, on_event, keep or write_files, by
        self._lock, self._writing = threading.Lock(), threading.Lock()
        self._changes = self._written = 0
        before = _begun_before(batch, by)
        self.is_resumed = before is not None
        self._began = time.monotonic() - (before.seconds if before else 0.0)
        self._started = before.started if before else datetime.now(UTC)
        self._state, self._unkept = "in progress", ""
        earlier = done_before(batch) if only_failed or self.is_resumed else {}
        self._outcomes: dict[int, Outcome] = {
            job.number: Outcome("refused", job.refusal) if job.refusal is not None else earlier[job.key]
            for job in batch.jobs
            if job.refusal is not None or job.key in earlier
        }
        self._write()

    @property
    def left(self) -> tuple[Job, ...]:
        """The jobs of which nothing is known yet, in order."""
        with self._lock:
            return tuple(job for job in self.batch.jobs if job.number not in self._outcomes)

    def begin(self, job: Job) -> None:
        """A job is begun."""
        self.on_event(RunStarted(job.number, len(self.batch.jobs), job.name))

    def end(self, job: Job, outcome: Outcome) -> None:
        """A job that was begun has ended."""
        self.note({job.number: outcome})
        self._ended(job, outcome)

    def tell(self, job: Job, outcome: Outcome) -> None:
        """Tell the listener of a job that was there already, and is noted."""
        self.begin(job)
        self._ended(job, outcome)

    def _ended(self, job: Job, outcome: Outcome) -> None:
        self.on_event(RunEnded(job.number, len(self.batch.jobs), job.name, outcome.seconds, outcome.error))

    def note(self, outcomes: Mapping[int, Outcome]) -> None:
        """Keep the outcomes of jobs by their numbers, such as those that were found to be there already."""
        if not outcomes:
            return
        with self._lock:
            self._outcomes |= {number: self._relative(outcome) for number, outcome in outcomes.items()}
            self._changes += 1
            change = self._changes
        self._write(change)

    def summary(self) -> Summary:
        """What is known by now."""
        with self._lock:
            jobs = tuple((job, self._outcomes.get(job.number)) for job in self.batch.jobs)
            seconds = time.monotonic() - self._began
            return Summary(self.batch, self._state, jobs, self._started, seconds, self._unkept, self.by)

    def finish(self, *, stopped: bool = False) -> Summary:
        """Write the files for the last time. stopped: somebody ended the batch before all jobs were tried."""
        with self._lock:
            self._state = "stopped" if stopped else "done"
            self._changes += 1
        self._write(self._changes)
        push(self.batch.root, self.batch.folder)
        return self.summary()

    def _write(self, change: int = 0) -> None:
        """Bring the files up to date; a thread whose change another one has written meanwhile has nothing to do."""
        with self._writing:
            if change and self._written >= change:
                return
            with self._lock:
                self._written = self._changes
            try:
                self.keep(self.summary())
                self._unkept = ""
            except OSError as error:  # a full disk, or one that may only be read: the jobs go on, and it is told
                self._unkept = f"What is known of the batch could not be written: {said(error)}."

    def _relative(self, outcome: Outcome) -> Outcome:
        """The outcome with its folder relative to that of all runs, so that it holds on other machines too."""
        if outcome.folder is None:
            return outcome
        folder, root = Path(outcome.folder).absolute(), self.batch.root.absolute()
        return replace(outcome, folder=folder.relative_to(root).as_posix() if folder.is_relative_to(root) else None)


def write_files(summary: Summary) -> None:
    """Write what is known of a batch into its folder: for programs, and for people."""
    facts = summary.as_json()
    jobs = ",\n".join(json.dumps(job, ensure_ascii=False) for job in facts.pop("jobs"))  # a line each
    head = json.dumps({"version": VERSION, **facts}, ensure_ascii=False).removesuffix("}")
    write_bytes(summary.batch.folder / FILE, f'{head}, "jobs": [\n{jobs}\n]}}\n'.encode())
    write_summary(summary)


def write_summary(summary: Summary) -> None:
    """Write the part for people."""
    write_bytes(summary.batch.folder / SUMMARY, summary.markdown().encode())


@dataclass(frozen=True)
class Recorded:
    """A batch as its file tells it. outcomes: by the jobs' keys, of those that have ended. looked_up: the folder that
    its stories were looked up from. state, started, seconds, by: as in `Summary`."""

    spec: BatchSpec
    id: str
    looked_up: Path
    outcomes: Mapping[str, Outcome]
    state: str
    started: datetime
    seconds: float
    by: str = ""


def read_record(folder: Path) -> Recorded:
    """The batch in `folder`. Raises RefusedError for a file that is missing, damaged, or of another version."""
    path = folder / FILE
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        if facts["version"] != VERSION:
            raise ValueError(f"its version is {facts['version']}, not {VERSION}")
        spec, outcomes = BatchSpec.model_validate(facts["spec"]), _outcomes(facts["jobs"])
        times = datetime.fromisoformat(facts["started"]), float(facts["seconds"])
        by = str(facts.get("by", ""))
        return Recorded(spec, str(facts["id"]), Path(facts["looked_up"]), outcomes, str(facts["state"]), *times, by)
    except (*UNUSABLE, ValidationError) as error:
        raise RefusedError(f"{path} is not usable as a batch: {error!r:.300}. Run the batch again.") from error


def _outcomes(jobs: list[dict[str, Any]]) -> dict[str, Outcome]:
    return {str(job["key"]): Outcome.from_json(job["outcome"]) for job in jobs if job["outcome"] is not None}


def _begun_before(batch: Batch, by: str) -> Recorded | None:
    """What the batch's file tells, where the same one has begun to make it."""
    try:
        found = read_record(batch.folder) if by else None
    except RefusedError:
        return None
    return found if found is not None and found.by == by else None


def done_before(batch: Batch) -> dict[str, Outcome]:
    """By key the jobs that the batch's file tells as made or reused; none where there is no file yet."""
    try:
        found = read_record(batch.folder).outcomes
    except RefusedError:
        return {}
    return {key: outcome for key, outcome in found.items() if outcome.is_done}


def find_batch(name: str, root: Path) -> Path:
    """The folder of a batch: by its path, or under `root` by its id, its folder's name, or a beginning of either.

    Raises RefusedError where there is none.
    """
    path = Path(name)
    if (path / FILE).is_file():
        return path
    there = {folder.name: folder for folder in sorted((root / BATCHES).glob("*")) if (folder / FILE).is_file()}
    exact = [one for one in there if name in (one, one.rpartition("-")[2])]
    starts = [one for one in there if one.startswith(name) or one.rpartition("-")[2].startswith(name)]
    found = exact or (starts if len(name) >= FEWEST else [])
    if len(found) == 1:
        return there[found[0]]
    shown = ", ".join(found or [*there][:5]) or "none"
    which = "Several begin so" if found else f"There is no such batch under {root}; there are"
    raise RefusedError(f"Which batch is {name!r}? {which}: {shown}. Name one by its id or its folder.")


def summary_of(batch: Batch) -> Summary:
    """What the batch's file tells of its jobs. Raises RefusedError as `read_record`."""
    found = read_record(batch.folder)
    jobs = tuple((job, found.outcomes.get(job.key)) for job in batch.jobs)
    return Summary(batch, found.state, jobs, found.started, found.seconds)


def plan_again(folder: Path, root: Path, *, tools: Tools | None = None) -> Batch:
    """The batch in `folder` planned anew, to be kept there: mended stories are accepted now. Raises as `plan_batch`."""
    before = read_record(folder)
    batch = plan_batch(before.spec, root, folder=before.looked_up, tools=tools)
    return replace(batch, id=before.id, folder=folder)
