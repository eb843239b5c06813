"""The scores of many stacks in a stream: decoded ahead in threads, embedded in full batches over stacks, in bounded
memory."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from evaluation.measures import Measure
from evaluation.networks.text_image import Scorer, score_text
from evaluation.scoring import score_stack
from evaluation.table import Score
from zoomlib.errors import InvalidInputError
from zoomlib.stack import ZoomStack


@dataclass(frozen=True, eq=False)
class Job:
    """One stack to be scored: its prompts, one per level, and what else `score_stack` is to be told, by keyword."""

    stack: ZoomStack
    prompts: Sequence[str]
    more: Mapping[str, Any] = field(default_factory=dict)


Outcome = list[Score] | InvalidInputError
"""What became of a job: its scores, or why there are none."""


@dataclass(eq=False)
class _Prepared:
    """A job whose scores without a model are there, and its levels as the scorer wants them."""

    job: Job
    scores: list[Score]
    pixels: Tensor | None


def score_stacks(
    jobs: Iterable[Callable[[], Job]],
    scorer: Scorer | None = None,
    measures: Sequence[Measure] = (),
    *,
    plain: bool = True,
    threads: int | None = None,
    ahead: int = 8,
) -> Iterator[Outcome]:
    """What `score_stack` gives of each job, in their order.

    plain: whether the scores that need no model are among them; False for stacks that have those already.

    jobs: functions that read a stack; they run in `threads` (one per core when None), at most `ahead` of them at a
    time and no sooner than needed, so that memory does not grow with their number. A job that raises InvalidInputError
    has that error as its outcome; the others go on. Other exceptions end the stream.
    """
    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        coming = iter(jobs)
        begun: deque[Future[_Prepared | InvalidInputError]] = deque()
        try:
            waiting: list[_Prepared | InvalidInputError] = []
            while True:
                begun.extend(pool.submit(_prepare, job, scorer, plain) for job in islice(coming, ahead - len(begun)))
                if not begun:
                    break
                waiting.append(begun.popleft().result())
                if _pictures(waiting) >= (scorer.batch if scorer else 1) or len(waiting) >= ahead:
                    yield from _finish(waiting, scorer, measures)
                    waiting = []
            yield from _finish(waiting, scorer, measures)
        finally:
            for future in begun:
                future.cancel()


def _prepare(job: Callable[[], Job], scorer: Scorer | None, plain: bool) -> _Prepared | InvalidInputError:
    try:
        made = job()
        if scorer is not None and len(made.prompts) != len(made.stack):
            raise InvalidInputError(
                f"Expected one prompt per level; got {len(made.stack)} levels, {len(made.prompts)} prompts."
            )
        pixels = None if scorer is None else scorer.preprocess(made.stack.levels.expand(-1, 3, -1, -1))
        return _Prepared(made, score_stack(made.stack, made.prompts, **made.more) if plain else [], pixels)
    except InvalidInputError as error:
        return error


def _pictures(waiting: Sequence[_Prepared | InvalidInputError]) -> int:
    return sum(len(one.job.stack) for one in waiting if isinstance(one, _Prepared))


def _finish(
    waiting: Sequence[_Prepared | InvalidInputError], scorer: Scorer | None, measures: Sequence[Measure]
) -> Iterator[Outcome]:
    embedded = iter(_embedded([one for one in waiting if isinstance(one, _Prepared)], scorer))
    for one in waiting:
        yield one if isinstance(one, InvalidInputError) else _judged(one, next(embedded), scorer, measures)


def _embedded(prepared: Sequence[_Prepared], scorer: Scorer | None) -> list[Tensor | None]:
    """The levels' embeddings (L, D) of each stack, all through the model in full batches."""
    pixels = [one.pixels for one in prepared if one.pixels is not None]
    if scorer is None or not pixels:
        return [None] * len(prepared)
    together = torch.cat([scorer.embed_pixels(part) for part in torch.split(torch.cat(pixels), scorer.batch)])
    return list(torch.split(together, [len(part) for part in pixels]))


def _judged(one: _Prepared, embedded: Tensor | None, scorer: Scorer | None, measures: Sequence[Measure]) -> Outcome:
    stack, prompts = one.job.stack, one.job.prompts
    try:
        text = [] if scorer is None else score_text(scorer, stack.levels, prompts, embedded=embedded)
        return [*text, *one.scores, *(score for measure in measures for score in measure.score(stack, embedded))]
    except InvalidInputError as error:
        return error
