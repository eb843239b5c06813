"""Scores as tables for people, in the words of the catalogue."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from evaluation.cards import RunCard
from evaluation.catalogue import CATALOGUE, Entry

if TYPE_CHECKING:
    import pandas as pd

DETAILS = frozenset(
    (
        *("clip_rank", "clip_margin", "prompt_tokens", "prompt_truncated", "spectrum_slope", "window_ssim"),
        *("seam_top", "seam_bottom", "seam_left", "seam_right", "seam_worst", "colour_step", "delta_e_sum"),
    )
)
"""What tables leave out, another score being like it or made of it; the files hold it all."""
OF_ONE_RUN = DETAILS | {"blur", "colour_drift", "kept_change", "log_speed_sd", "keyframe_pop"}
"""What the table of many runs leaves out, to be narrow enough."""
PROMPT = 32
"""Letters of a prompt that are enough to know it by."""
WAYS = {"higher": "higher is better", "lower": "lower is better", "one": "near 1 is best", None: ""}
Table = tuple[tuple[str, ...], list[tuple[str, ...]]]

_ORDER = {name: place for place, name in enumerate(CATALOGUE)}
Column = tuple[str, str]
"""A score and who judged, an empty text where nobody did."""


def levels_table(frame: pd.DataFrame, card: RunCard) -> Table:
    """A row per level of one run, of pairs that of the wider one, with the mean of each column below.

    `frame`: its rows, as `read_scores` gives them.
    """
    rows = _shown(frame[frame["level"].notna()])
    columns, titles = _columns(rows)
    cells = {
        (key, int(level)): value for key, level, value in zip(_keys(rows), rows["level"], rows["value"], strict=True)
    }
    means = {key: rows["value"][[one == key for one in _keys(rows)]].mean() for key in columns}
    prompts = [text if len(text) <= PROMPT else f"{text[: PROMPT - 1]}…" for text in card.prompts]
    body = [
        (str(level), *(_cell(cells.get((key, level))) for key in columns), prompts[level])
        for level in range(len(card.prompts))
    ]
    return ("level", *titles, "prompt"), [*body, ("mean", *(_cell(means[key]) for key in columns), "")]


def whole_table(frame: pd.DataFrame) -> Table:
    """The scores of one run that belong to no level: of its film."""
    rows = _shown(frame[frame["level"].isna()])
    return ("score", "value", "", "what it is"), [
        (_entry(name).title, _cell(value), _entry(name).unit, _told(_entry(name)))
        for name, value in sorted(zip(rows["score"], rows["value"], strict=True), key=lambda one: _ORDER.get(one[0], 0))
    ]


def runs_table(frame: pd.DataFrame, cards: Sequence[RunCard]) -> Table:
    """A row per run with the means of its scores."""
    rows = frame[~frame["score"].isin(OF_ONE_RUN)]
    columns, titles = _columns(rows)
    values = defaultdict(list)
    for run_id, key, value in zip(rows["run_id"], _keys(rows), rows["value"], strict=True):
        values[run_id, key].append(value)
    means = {key: sum(found) / len(found) for key, found in values.items()}
    return ("story", "seed", "run", "by", *titles), [
        (card.story, str(card.seed), card.id, card.variant, *(_cell(means.get((card.id, key))) for key in columns))
        for card in cards
    ]


def _shown(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[~frame["score"].isin(DETAILS)]


def _keys(rows: pd.DataFrame) -> list[Column]:
    return list(zip(rows["score"], rows["scorer"].fillna(""), strict=True))


def _columns(rows: pd.DataFrame) -> tuple[list[Column], list[str]]:
    """The columns in the catalogue's order, and their titles; who judged is named where several did."""
    found = sorted(set(_keys(rows)), key=lambda key: (_ORDER.get(key[0], len(_ORDER)), key))
    several = {name for name, _ in found if sum(one == name for one, _ in found) > 1}
    return found, [_title(name) + (f" ({scorer})" if name in several else "") for name, scorer in found]


def _title(name: str) -> str:
    entry = _entry(name)
    return f"{entry.title} {entry.unit}".strip()


def _entry(name: str) -> Entry:
    return CATALOGUE.get(name) or Entry(name, name, "level", None, "", "")


def _told(entry: Entry) -> str:
    way = WAYS[entry.better]
    return f"{entry.about}; {way}" if way else entry.about


def _cell(value: float | None) -> str:
    if value is None or value != value:
        return ""
    return f"{value:.2f}" if abs(value) >= 1 or value == 0 else f"{value:.3f}"
