"""From what a batch asks for to jobs that are accepted or refused, each for itself. Nothing is written."""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import prompts
from prompts import Story
from prompts.errors import StoryError
from prompts.request import PlanRequest
from tasks.batch.outcome import said
from tasks.batch.spec import BatchSpec
from tasks.errors import RefusedError
from tasks.named import is_wish
from tasks.named import wish as wished
from tasks.plan import prepare
from tasks.planning import find_plan
from tasks.remembered import remembering
from tasks.run import Run, Tools
from tasks.services import services_for, using
from tasks.specs import RunConfig
from tasks.stage import canonical_json
from tasks.sweep_spec import places_of
from tasks.told import drawn, suited

BATCHES = "_batches"
MAX_JOBS = 20_000


@dataclass(frozen=True)
class Source:
    """What a story comes from: its place or the words of a wish. One of the three is there."""

    name: str
    story: Story | None = None
    wish: str | None = None
    refusal: str | None = None


@dataclass(frozen=True)
class Job:
    """One video of a batch. number: from 1. name: for people, no two alike. source: the story's place, or a wish.

    run: accepted; None for a refusal, and for a wish of which the story is still to be planned or refined.
    refusal: why it cannot be made; None where it can.
    """

    number: int
    name: str
    source: str
    method: str
    seed: int
    config: RunConfig
    story: Story | None = None
    wish: PlanRequest | None = None
    run: Run | None = None
    refusal: str | None = None

    @property
    def key(self) -> str:
        """What it is called in the batch's file: the same in every plan of the batch."""
        return canonical_json([self.source, self.method, self.seed])

    @property
    def asked(self) -> Story | PlanRequest:
        """What its flow is given. Raises ValueError for a job whose story cannot be read."""
        asked = self.story or self.wish
        if asked is None:
            raise ValueError(f"{self.name} has neither story nor wish: {self.refusal}")
        return asked


@dataclass(frozen=True)
class Batch:
    """Everything that a batch will make, accepted or refused.

    folder: where its record and summary are written. config: whose services all jobs ask. notes: what was merged, a
    sentence each. spec, looked_up: what was asked for, and the folder its stories were looked up from; None for jobs of
    another making, as a sweep's.
    """

    title: str
    id: str
    root: Path
    folder: Path
    config: RunConfig
    jobs: tuple[Job, ...]
    notes: tuple[str, ...] = ()
    spec: BatchSpec | None = None
    looked_up: Path | None = None

    @property
    def accepted(self) -> tuple[Job, ...]:
        """The jobs that can be made."""
        return tuple(job for job in self.jobs if job.refusal is None)


def plan_batch(spec: BatchSpec, root: Path, *, folder: Path = Path(), tools: Tools | None = None) -> Batch:
    """Accept or refuse every job of a batch. folder: from which the paths of stories are looked up.

    Jobs that would be the same work stay with the first. Raises RefusedError where no job at all can be made, and for
    settings that no run has.
    """
    config = spec.configured()
    sources = [source for name in dict.fromkeys(spec.stories) for source in _sources(name, folder)]
    ways = [*itertools.product(spec.methods or (config.method,), spec.seeds or (config.seed,))]
    if len(sources) * len(ways) > MAX_JOBS:
        raise RefusedError(
            f"{len(sources)} stories in {len(ways)} ways are more than {MAX_JOBS:,} videos. Make several batches of it."
        )
    with using(services_for(config, root)):  # one for all
        tools = remembering(tools or Tools())
        jobs, notes = _merged(_named(_jobs(sources, ways, config, root, tools)))
    if all(job.refusal is not None for job in jobs):
        raise RefusedError(_nothing(jobs))
    asked = [spec.model_dump(mode="json"), [job.key for job in jobs]]
    digest = hashlib.sha256(canonical_json(asked).encode()).hexdigest()[:8]
    place = root / BATCHES / f"{prompts.slug(spec.title)}-{digest}"
    return Batch(spec.title, digest, root, place, config, jobs, notes, spec, folder.absolute())


def _nothing(jobs: tuple[Job, ...]) -> str:
    reasons = Counter(job.refusal for job in jobs)
    reason, count = reasons.most_common(1)[0]
    which = (
        ""
        if len(jobs) == 1
        else f"None of {len(jobs)} jobs can be made. "
        if len(reasons) == 1
        else (f"None of {len(jobs)} jobs can be made; {count} of them for this reason: ")
    )
    return f"{which}{reason}."


def _sources(name: str, folder: Path) -> Iterator[Source]:
    """The stories that one entry of a batch stands for; what cannot be read is one with its reason."""
    if name == "-":
        yield Source(name, refusal="A batch reads nothing from standard input: give names, files or folders")
    elif is_wish(name, folder):
        yield Source(name, wish=name)
    else:
        try:
            places = places_of(name, folder)
        except RefusedError as error:
            yield Source(name, refusal=said(error))
            return
        yield from (_read(place, folder) for place in places)


def _read(place: str, folder: Path) -> Source:
    """The story at a place, which is called as seen from the folder that it was looked up from."""
    path = Path(place)
    name = path.relative_to(folder).as_posix() if path.is_relative_to(folder) else place
    try:
        return Source(name, prompts.load_story(place))
    except (StoryError, OSError) as error:
        return Source(name, refusal=said(error))


def _jobs(
    sources: Iterable[Source], ways: Iterable[tuple[str, int]], config: RunConfig, root: Path, tools: Tools | None
) -> Iterator[Job]:
    ways = [*ways]
    for source in sources:
        for method, seed in ways if source.refusal is None else ways[:1]:  # what cannot be read is told once
            own = config.model_copy(update={"method": method, "seed": seed})
            job = Job(0, source.name, source.name, method, seed, own, source.story, refusal=source.refusal)
            yield job if source.refusal is not None else _decided(job, source, root, tools)


def _decided(job: Job, source: Source, root: Path, tools: Tools | None) -> Job:
    """The job with its run, or with the reason why there can be none."""
    title = job.story.title if job.story else source.name
    job = replace(job, name=f"{title}, {job.method}, seed {job.seed}")
    try:
        return _accepted_wish(job, source.wish, root, tools) if source.wish is not None else _accepted(job, root, tools)
    except Exception as error:  # whatever it is, it is this job's
        return replace(job, refusal=said(error))


def _accepted(job: Job, root: Path, tools: Tools | None) -> Job:
    run = prepare(drawn(job.config), job.asked, root, tools)  # type: ignore[arg-type]  # a story
    if not job.config.plan.refine:
        return replace(job, run=run)
    services_for(job.config, root).seeing()
    return job


def _accepted_wish(job: Job, text: str, root: Path, tools: Tools | None) -> Job:
    """A wish, with the run of its story where nobody is asked for it, or was before."""
    wish = wished(text=text, seed=job.seed, p=job.config.p)
    job = replace(job, config=job.config.model_copy(update={"p": None}), wish=wish)  # p is the story's
    services = services_for(job.config, root)
    plan = find_plan(suited(wish, job.config, services, tools), job.config, services)
    if plan is None or job.config.plan.refine:
        return job
    return replace(job, run=prepare(drawn(job.config), plan.story, root, tools, told={"plan": plan.facts}))


def _named(jobs: Iterable[Job]) -> list[Job]:
    """Jobs in their order, with names that no two have."""
    jobs = [*jobs]
    often = Counter(job.name for job in jobs)
    told = [replace(job, name=f"{job.name} ({job.source})") if often[job.name] > 1 else job for job in jobs]
    seen: Counter[str] = Counter()
    for at, job in enumerate(told):
        seen[job.name] += 1
        if seen[job.name] > 1:
            told[at] = replace(job, name=f"{job.name} {seen[job.name]}")
    return told


def _merged(jobs: Iterable[Job]) -> tuple[tuple[Job, ...], tuple[str, ...]]:
    """The jobs, numbered, without those that would be the same work as one before them."""
    first: dict[str, Job] = {}
    notes = []
    for job in jobs:
        before = first.setdefault(job.key if job.run is None else job.run.id, job)
        if before is not job:
            notes.append(f"{job.name} is the same work as {before.name}, which is made once.")
    return tuple(replace(job, number=number) for number, job in enumerate(first.values(), 1)), tuple(notes)
