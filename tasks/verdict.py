"""Which of two versions of a story stays: what the scores of their drafts say."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from evaluation.table import Score

GAIN = 0.5
"""Points of 100 cos by which the rewritten levels must show the first version's words better than before."""
LOSS = 1.0
"""Points by which a draft may show its own words less well."""
LESS_AGREEMENT_DB = 1.0
MORE_SEAM = 0.1
"""About what another seed changes in drafts of the bundled model."""


@dataclass(frozen=True)
class Marks:
    """The scores of a version's draft.

    first: by level, 100 cos of the picture and the FIRST version's prompt: what the author asked for. own: of the
    pictures and the version's own prompts, the mean. agreement: of neighbouring levels in dB, the mean. seam: by how
    much steps across the windows' borders exceed those beside them, the mean; 0 is invisible. The last two are None
    where nothing was measured, as for a single level.
    """

    first: tuple[float, ...]
    own: float
    agreement: float | None = None
    seam: float | None = None

    def as_json(self) -> dict[str, float | None]:
        """The means as plain values."""
        values = {"first": _mean(self.first), "own": self.own, "agreement": self.agreement, "seam": self.seam}
        return {name: None if value is None else round(value, 4) for name, value in values.items()}


@dataclass(frozen=True)
class Verdict:
    """Whether a version is better than another, and why, in a few words."""

    better: bool
    reason: str


def marks_of(own: Sequence[Score], first: Sequence[Score]) -> Marks:
    """The marks from a draft's scores by its own prompts and by the first version's."""
    values = _by_name(own)
    agreement = values.get("estimate_psnr") or values.get("window_psnr")
    seams = [max(seam - 1, 0.0) for seam in values.get("seam", ())]
    return Marks(
        tuple(_by_name(first)["clip_score"]),
        _mean(values["clip_score"]),
        _mean(agreement) if agreement else None,
        _mean(seams) if seams else None,
    )


def verdict(candidate: Marks, best: Marks, rewritten: Collection[int]) -> Verdict:
    """Whether the candidate, which has new prompts for the levels `rewritten`, takes the best version's place.

    What counts is how well its pictures show what was asked for at first: a prompt that merely describes what a draft
    got wrong agrees with its own picture, and gains nothing here. Nor may it win at the cost of the other levels, or by
    levels that fit each other less.
    """
    gains = [after - before for after, before in zip(candidate.first, best.first, strict=True)]
    gain, overall, own = _mean([gains[level] for level in rewritten]), _mean(gains), candidate.own - best.own
    if gain < GAIN:
        return Verdict(False, f"what was rewritten shows the first prompts no better ({gain:+.2f} of {GAIN:+g} needed)")
    if overall < 0:
        return Verdict(False, f"the levels together show the first prompts worse ({overall:+.2f})")
    if own < -LOSS:
        return Verdict(False, f"its pictures show its own prompts worse ({own:+.2f}; {-LOSS:g} is allowed)")
    agreement = _change(candidate.agreement, best.agreement)
    if agreement < -LESS_AGREEMENT_DB:
        return Verdict(False, f"its levels agree less ({agreement:+.2f} dB; {-LESS_AGREEMENT_DB:g} is allowed)")
    seam = _change(candidate.seam, best.seam)
    if seam > MORE_SEAM:
        return Verdict(False, f"its seams show more ({seam:+.2f}; {MORE_SEAM:+g} is allowed)")
    return Verdict(True, f"what was rewritten shows the first prompts better ({gain:+.2f})")


def gained(candidate: Marks, best: Marks, level: int) -> bool:
    """Whether a level by itself shows the first version's words better than before."""
    return candidate.first[level] - best.first[level] >= GAIN


def _change(after: float | None, before: float | None) -> float:
    return 0.0 if after is None or before is None else after - before


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _by_name(scores: Iterable[Score]) -> Mapping[str, list[float]]:
    """The values of each score in the order of levels."""
    values: dict[str, list[float]] = {}
    for score in sorted(scores, key=lambda one: -1 if one.level is None else one.level):
        values.setdefault(score.score, []).append(score.value)
    return values
