"""What the scores mean, and a few lines about a run for a terminal or a page."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Literal


@dataclass(frozen=True)
class Meaning:
    """How to read a score: which way is `better`, its `unit`, and a line for people."""

    better: Literal["higher", "lower", "one", "none"]
    unit: str
    text: str


MEANINGS: Mapping[str, Meaning] = {
    "clip_score": Meaning("higher", "", "image against its own prompt, 100 cos, by the named scorer"),
    "clip_margin": Meaning("higher", "", "own prompt's cosine less the best other level's"),
    "clip_rank": Meaning("lower", "", "rank of the own prompt among the story's, 1 is best"),
    "prompt_tokens": Meaning("none", "tokens", "length of the prompt in the scorer's tokens"),
    "prompt_truncated": Meaning("none", "", "1 where the scorer read only the prompt's beginning"),
    "window_psnr": Meaning("higher", "dB", "a level's window against the next level"),
    "window_ssim": Meaning("higher", "", "the same, structural similarity"),
    "estimate_psnr": Meaning("higher", "dB", "the same of the model's own estimates, before the last blend"),
    "delta_e": Meaning("lower", "Lab", "mean colour difference of window and next level"),
    "delta_e_sum": Meaning("lower", "Lab", "the same, summed from level 0"),
    "seam": Meaning("one", "", "step across the window's border over the step beside it; 1 is invisible"),
    "seam_worst": Meaning("one", "", "the same on the worst side"),
    "spectrum_slope": Meaning("none", "", "slope of the power spectrum; steeper is blurrier"),
    "log_speed_sd": Meaning("lower", "", "unevenness of the zoom's speed, 0 is constant"),
}


def summarise(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One entry per score of one run, in the order of MEANINGS (others are details and left out).

    Keys: score, mean, worst, worst_level (None where the score has no level or no better side), count, unit, better,
    text, scorer. `rows` have at least score and value; `read_scores(...).to_dict("records")` serves too.
    """
    by_score: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_score.setdefault(row["score"], []).append(row)
    return [_entry(score, meaning, by_score[score]) for score, meaning in MEANINGS.items() if score in by_score]


def _entry(score: str, meaning: Meaning, rows: list[Mapping[str, Any]]) -> dict[str, Any]:
    worst = None if meaning.better == "none" else max(rows, key=lambda row: _badness(meaning.better, row["value"]))
    return {
        "score": score,
        "mean": fmean(row["value"] for row in rows),
        "worst": None if worst is None else worst["value"],
        "worst_level": None if worst is None else _whole(worst.get("level")),
        "count": len(rows),
        "unit": meaning.unit,
        "better": meaning.better,
        "text": meaning.text,
        "scorer": rows[0].get("scorer"),
    }


def _whole(level: Any) -> int | None:
    try:
        return int(level)
    except (TypeError, ValueError):  # None, or the empty value of a data frame
        return None


def _badness(better: str, value: float) -> float:
    return {"higher": -value, "lower": value, "one": abs(value - 1)}[better]
