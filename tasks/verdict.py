"""Which of two versions of a story stays: what the scores of their drafts say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from evaluation.table import Score

GAIN = 0.1
"""Points of 100 cos by which a draft must show the first version's words better than the best draft so far."""
LOSS = 1.0
"""Points of 100 cos by which it may show its own words less well."""
LESS_AGREEMENT_DB = 0.5
MORE_SEAM = 0.05


@dataclass(frozen=True)
class Marks:
    """The scores of a version's draft, each the mean over its levels.

    first: 100 cos of the pictures and the FIRST version's prompts: what the author asked for. own: of the pictures and
    the version's own prompts. agreement: dB, of neighbouring levels. seam: how far the steps across the windows'
    borders are from none, 0 is invisible. The last two are None where nothing was measured, as for a single level.
    """

    first: float
    own: float
    agreement: float | None = None
    seam: float | None = None

    def as_json(self) -> dict[str, float | None]:
        """Plain values."""
        return {name: None if value is None else round(value, 4) for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Verdict:
    """Whether a version is better than another, and why, in a sentence."""

    better: bool
    reason: str


def marks_of(own: Sequence[Score], first: Sequence[Score]) -> Marks:
    """The marks from a draft's scores by its own prompts and by the first version's."""
    values = _means(own)
    agreement = values.get("estimate_psnr", values.get("window_psnr"))
    seams = [abs(score.value - 1) for score in own if score.score == "seam"]
    seam = sum(seams) / len(seams) if seams else None
    return Marks(_means(first)["clip_score"], values["clip_score"], agreement, seam)


def verdict(candidate: Marks, best: Marks) -> Verdict:
    """Whether the candidate takes the best version's place.

    What counts is how well its pictures show what was asked for at first: a prompt that merely describes what a draft
    got wrong agrees with its own picture, and gains nothing here. Nor may it win by levels that fit each other less.
    """
    gain, loss = candidate.first - best.first, best.own - candidate.own
    if gain < GAIN:
        return Verdict(False, f"its pictures show the first prompts no better ({gain:+.2f}; {GAIN:g} is needed)")
    if loss > LOSS:
        return Verdict(False, f"its pictures show its own prompts worse ({-loss:+.2f}; {-LOSS:g} is allowed)")
    agreement = _change(candidate.agreement, best.agreement)
    if agreement < -LESS_AGREEMENT_DB:
        return Verdict(False, f"its levels agree less ({agreement:+.2f} dB; {-LESS_AGREEMENT_DB:g} is allowed)")
    seam = _change(candidate.seam, best.seam)
    if seam > MORE_SEAM:
        return Verdict(False, f"its seams show more ({seam:+.3f}; {MORE_SEAM:g} is allowed)")
    return Verdict(True, f"its pictures show the first prompts better ({gain:+.2f})")


def _change(after: float | None, before: float | None) -> float:
    return 0.0 if after is None or before is None else after - before


def _means(scores: Iterable[Score]) -> Mapping[str, float]:
    values: dict[str, list[float]] = {}
    for score in scores:
        values.setdefault(score.score, []).append(score.value)
    return {name: sum(found) / len(found) for name, found in values.items()}
