"""A wish to a story by a language model: drafts are checked, faulty levels go back with the reason, a few times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from prompts import checks
from prompts.errors import PlanError, ReplyError, ServiceError
from prompts.request import PlanRequest
from prompts.schedule import TextLimit, Violation
from prompts.service.asking import Service
from prompts.service.question import Message, Reply
from prompts.story import Story
from prompts.writer.brief import LEVELS, SCHEDULE, Brief, again
from prompts.writer.draft import Row, line, read_draft, title_of
from prompts.writer.frame import framed
from prompts.writer.record import Asked, OnRound, Round, Written
from prompts.writer.repair import Checked, asked_for, patched, settled
from prompts.writer.sketch import Sketch, faults_of, sketched

if TYPE_CHECKING:
    from prompts.seeing.caption import Caption

ROUNDS = 4
LEAST_TOKENS, TOKENS_PER_LEVEL = 4096, 160  # of a reply: a model's thoughts count too
MORE, MOST = 2, 4  # times as many tokens as the last reply, and as the first, where one was cut off

NO_VIEWPOINT = Violation(
    None,
    "viewpoint",
    "The schedule names no viewpoint, and levels seen from anywhere do not meet.",
    "Say in 'viewpoint' from where everything is seen.",
)
REMEDY = "Allow more rounds (plan.rounds), name another model, or plan without one (--planner offline)."


def write(
    request: PlanRequest,
    service: Service,
    *,
    limit: TextLimit | None = None,
    rounds: int = ROUNDS,
    banned: Sequence[str] = (),
    opening: Caption | None = None,
    on_round: OnRound | None = None,
) -> Written:
    """The story that the model writes, which passes all checks.

    At most `rounds` questions are asked; a reply that cannot be used counts as one. limit: what the text encoder reads.
    opening: a photograph's caption, which becomes level 0, with its width, viewpoint and style. on_round is told of
    each round when it ends, also where no story comes of it. Raises PlanError with the best draft and its faults where
    some are left; ServiceError (BudgetError) where the service fails before there is a draft.
    """
    if request.vocabulary == "bundled":
        raise PlanError("The few words of the bundled model are planned offline. Leave the language model out.")
    brief, notes = _briefed(request, limit, banned, opening)
    desk = _Desk(brief, service, on_round)
    for number in range(1, rounds + 1):
        desk.round(number)
        if desk.work is not None and not desk.work.faults:
            return Written(desk.work.sketch.story(), tuple(desk.rounds), notes)
    if desk.work is None:
        raise PlanError(f"{service.model} gave no usable reply in {_times(rounds)}. {desk.reason} {REMEDY}")
    raise _failed(desk.work, f"{service.model} wrote no schedule without faults in {_times(rounds)}.")


def parse_reply(text: str, request: PlanRequest | None = None) -> Story:
    """The story that a reply holds as it is, without asking again for what is wrong with it.

    Raises ReplyError for a text without levels, without a scale, or with levels missing; PlanError for a wish that
    cannot be had.
    """
    request = _stated(request or PlanRequest(), None)
    sketch, _ = sketched(read_draft(text), framed(request)[0], request)
    if missing := sketch.missing():
        raise ReplyError(f"{len(missing)} of {len(sketch.rows)} levels are missing, the first is level {missing[0]}.")
    return sketch.story()


def first_question(
    request: PlanRequest, limit: TextLimit | None = None, banned: Sequence[str] = (), opening: Caption | None = None
) -> tuple[list[Message], int]:
    """The first conversation that `write` would send, and the most tokens of a reply; nothing is asked."""
    brief, _ = _briefed(request, limit, banned, opening)
    return brief.first(1, ""), _most_tokens(brief)


def _briefed(
    request: PlanRequest, limit: TextLimit | None, banned: Sequence[str], opening: Caption | None
) -> tuple[Brief, tuple[str, ...]]:
    """What the model is told, and notes for the user."""
    request = _stated(request, opening)
    frame, notes = framed(request, opening)
    return Brief(request, frame, limit, tuple(banned), opening), notes


def _most_tokens(brief: Brief) -> int:
    return max(LEAST_TOKENS, TOKENS_PER_LEVEL * (brief.frame.levels or checks.MAX_LEVELS // 2))


def _stated(request: PlanRequest, opening: Caption | None) -> PlanRequest:
    """The wish with what holds for the whole story as a story may have it: its own words, else the photograph's."""
    stated = {name: getattr(request, name) for name in ("viewpoint", "style", "negative")}
    seen = {} if opening is None else {"viewpoint": opening.viewpoint, "style": opening.style}
    told = {name: seen.get(name) if said is None else said for name, said in stated.items()}
    words = {name: line(said, checks.MAX_WORDS) for name, said in told.items() if said is not None}
    return request.model_copy(update=words | {"title": title_of(request.title) or None})


class _Desk:
    """The work on one story: the best schedule so far, the rounds, and why the last reply was of no use."""

    def __init__(self, brief: Brief, service: Service, on_round: OnRound | None) -> None:
        self.brief, self.service, self.on_round = brief, service, on_round
        self.work: Checked | None = None
        self.rounds: list[Round] = []
        self.reason = ""
        self.max_tokens = _most_tokens(brief)

    def round(self, number: int) -> None:
        """Ask once, and keep what came if it is better. Raises what keeps the service from any answer."""
        kind: Asked = "draft" if self.work is None else "levels"
        reply: Reply | None = None
        try:
            reply = self._ask(number)
            found = self._read(reply)
        except ReplyError as error:
            self.reason = str(error)
            if reply is not None:
                self.service.forget(reply.digest)
            self._allow_for(reply.cut_off if reply else error.cut_off)
            self._record(Round(number, kind, reply.digest if reply else error.digest, False, (self.reason,), ()))
        except ServiceError as error:
            if self.work is None:
                raise
            raise _failed(self.work, str(error), remedy="") from None
        else:
            self._allow_for(reply.cut_off)
            self.reason, self.work = "", replace(found, changes=())
            faults = tuple(str(fault) for fault in found.faults)
            self._record(Round(number, kind, reply.digest, not faults, faults, found.changes))

    def _ask(self, number: int) -> Reply:
        """For a whole schedule, or for the faulty levels of the one that there is."""
        brief = self.brief
        if self.work is None:
            messages, form = brief.first(number, self.reason), SCHEDULE
        else:
            asked = asked_for(self.work, brief.request.text) | brief.fixed() | again(number, self.reason)
            messages, form = brief.messages(asked, LEVELS), LEVELS
        return self.service.ask(messages, form=form, max_tokens=self.max_tokens)

    def _allow_for(self, cut_off: bool) -> None:
        """More tokens for the next reply, where this one had too few: models may think for longer than they write."""
        if cut_off:
            self.max_tokens = min(MORE * self.max_tokens, MOST * _most_tokens(self.brief))

    def _read(self, reply: Reply) -> Checked:
        """What the reply makes of the schedule. Raises ReplyError."""
        enough = self.work is not None and bool(self.work.about_all())
        draft = read_draft(reply.text, may_be_empty=enough, cut_off=reply.cut_off)
        if self.work is None:
            sketch, changes = sketched(draft, self.brief.frame, self.brief.request)
            return settled(_opened(sketch, self.brief.opening), self._check, changes)
        kept = {name: getattr(self.brief.request, name) for name in ("viewpoint", "style")}
        return patched(self.work, draft, self._check, kept)

    def _check(self, sketch: Sketch) -> tuple[Violation, ...]:
        found = faults_of(sketch, self.brief.limit, self.brief.banned)
        unsaid = not sketch.viewpoint and self.brief.request.viewpoint is None
        return (NO_VIEWPOINT, *found) if unsaid else found

    def _record(self, done: Round) -> None:
        self.rounds.append(done)
        if self.on_round is not None:
            self.on_round(done)


def _opened(sketch: Sketch, opening: Caption | None) -> Sketch:
    """The schedule with the photograph's words as its level 0."""
    if opening is None or not (prompt := line(opening.prompt, checks.MAX_PROMPT)):
        return sketch
    return sketch.with_rows({0: Row(prompt, width_m=sketch.width_m(0))})


def _failed(work: Checked, message: str, remedy: str = REMEDY) -> PlanError:
    faults = tuple(str(fault) for fault in work.faults)
    count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
    return PlanError(f"{message} The best draft has {count}. {remedy}".rstrip(), work.sketch.story(), faults)


def _times(rounds: int) -> str:
    return "1 round" if rounds == 1 else f"{rounds} rounds"
