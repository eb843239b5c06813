"""What the page knows: plain values of runs, arms and scores, and what is to be said honestly about them."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evaluation.cards import RunCard, Selection
from evaluation.catalogue import CATALOGUE
from evaluation.configurations import settings
from evaluation.presets import OTHER_MODELS, PRESETS, Preset
from evaluation.spreadsheets import without_formulas
from evaluation.statistics import in_order, rankings
from zoomlib.errors import InvalidInputError
from zoomlib.methods import method_names, reads_prompts

if TYPE_CHECKING:
    import pandas as pd

_REVISION = 8


def with_arms(frame: pd.DataFrame, selection: Selection) -> pd.DataFrame:
    """The selection's rows of a long-form frame, with their arm as the first column, arms as ordered categories.

    Raises InvalidInputError where no row is left.
    """
    import pandas as pd

    known = frame[frame["run_id"].isin(list(selection.arms))]
    if known.empty:
        raise InvalidInputError("None of these runs has scores. Score them first: tenfold score RUN...")
    arm = pd.Categorical(known["run_id"].map(dict(selection.arms)), categories=list(selection.arm_names))
    kept = known.drop(columns="arm", errors="ignore").reset_index(drop=True)
    kept.insert(0, "arm", pd.Series(arm))
    return kept


def preset_of(selection: Selection) -> Preset | None:
    """The preset that the runs follow, where it is known."""
    return PRESETS.get(selection.preset or "")


def baseline_of(selection: Selection, frame: pd.DataFrame, asked: str | None = None) -> str:
    """The arm that others are compared with: the asked one, the preset's, or else the first that has scores.

    Raises InvalidInputError for an asked one that has none.
    """
    having = set(frame["arm"].astype(str))
    if asked is not None and asked not in having:
        raise InvalidInputError(f"There is no arm {asked!r} with scores. The arms are: {', '.join(sorted(having))}.")
    preset = preset_of(selection)
    wanted = [asked or "", preset.baseline if preset else "", *selection.arm_names]
    return next(arm for arm in wanted if arm in having)


def ordered_scores(frame: pd.DataFrame, preset: Preset | None, only: Sequence[str] = ()) -> list[str]:
    """The scores that are told, those that decide first. Raises InvalidInputError for `only` what is not there."""
    there = set(frame["score"].unique())
    if unknown := [name for name in only if name not in there]:
        raise InvalidInputError(
            f"These runs have no score {', '.join(unknown)}. They have: {', '.join(in_order(there))}."
        )
    first = [name for name in (preset.scores if preset else ()) if name in there]
    return list(only) or list(dict.fromkeys([*first, *in_order(there)]))


def scene_of(
    selection: Selection, frame: pd.DataFrame, *, baseline: str, scores: Sequence[str], notes: Sequence[str] = ()
) -> dict[str, Any]:
    """Everything but pictures, films and files, as JSON can hold it. frame: as `with_arms` gives it."""
    cards, preset = selection.cards, preset_of(selection)
    stories = list(dict.fromkeys(card.story for card in cards))
    told = list(dict.fromkeys(card.prompts for card in cards))
    tables = rankings(frame, scores, baseline=baseline)
    return {
        "title": selection.title,
        "asks": preset.asks if preset else "",
        "reading": preset.reading if preset else "",
        "arms": list(selection.arm_names),
        "baseline": list(selection.arm_names).index(baseline),
        "stories": stories,
        "seeds": sorted({card.seed for card in cards}),
        "prompts": [list(prompts) for prompts in told],
        "runs": [_run(card, selection, stories, told) for card in cards],
        "scores": _scores(frame, tables, cards, preset),
        "settings": _settings(cards),
        "published": OTHER_MODELS,
        "facts": _facts(selection, frame),
        "notes": [*_notes(selection, frame), *notes],
        "rows": len(frame),
    }


def files_of(frame: pd.DataFrame) -> dict[str, bytes]:
    """The data for download: the frame as CSV, packed with gzip, and as Parquet.

    Values read back are the same, but for texts in the CSV that a spreadsheet would take for formulas.
    """
    text = without_formulas(frame).to_csv(index=False, lineterminator="\r\n")
    parquet = io.BytesIO()
    frame.astype({"arm": str}).to_parquet(parquet, index=False, compression="zstd")
    return {"csv": gzip.compress(text.encode("utf-8"), mtime=0), "parquet": parquet.getvalue()}


def _run(card: RunCard, selection: Selection, stories: list[str], told: list[tuple[str, ...]]) -> dict[str, Any]:
    return {
        "id": card.id,
        "story": stories.index(card.story),
        "arm": list(selection.arm_names).index(selection.arms[card.id]),
        "seed": card.seed,
        "prompts": told.index(card.prompts),
        "method": card.method,
        "variant": card.variant,
        "model": card.model,
        "made": card.made_at.strftime("%Y-%m-%d %H:%M UTC"),
        "p": card.p if isinstance(card.p, float) else list(card.p),
    }


def _scores(
    frame: pd.DataFrame, tables: pd.DataFrame, cards: Sequence[RunCard], preset: Preset | None
) -> list[dict[str, Any]]:
    """One entry per score and scorer: words, the ranking, and the values as columns with runs by their number."""
    number = {card.id: i for i, card in enumerate(cards)}
    keys = ["score", "scorer", "scorer_revision"]
    groups = {_key(key): rows for key, rows in frame.groupby(keys, sort=False, dropna=False)}
    several = {key[0] for key in groups if sum(key[0] == other[0] for other in groups) > 1}
    found = []
    for key, table in tables.groupby(keys, sort=False, dropna=False):
        name, scorer, revision = _key(key)
        rows, entry = groups[name, scorer, revision], CATALOGUE.get(name)
        title = entry.title if entry else name
        found.append(
            {
                "name": name,
                "key": f"{name}@{scorer}@{revision}" if name in several else name,
                "title": f"{title} ({scorer} {(revision or '')[:_REVISION]})" if name in several else title,
                "scope": str(rows["scope"].iloc[0]),
                "better": entry.better if entry else None,
                "unit": entry.unit if entry else "",
                "about": entry.about if entry else "",
                "scorer": scorer,
                "revision": revision,
                "decides": bool(preset and name in preset.scores),
                "ranking": _plain(table.drop(columns=keys)),
                "anchors": _anchors(preset, name),
                "run": [number[run] for run in rows["run_id"]],
                "level": [None if level != level else int(level) for level in rows["level"].astype("float64")],
                "value": [float(value) for value in rows["value"]],
            }
        )
    return found


def _key(key: Any) -> tuple[str, str | None, str | None]:
    name, *scorer = key
    first, second = (value if isinstance(value, str) else None for value in scorer)
    return str(name), first, second


def _anchors(preset: Preset | None, score: str) -> list[dict[str, Any]]:
    of = preset.anchors if preset else ()
    return [{"arm": one.arm, "value": one.value, "about": one.about} for one in of if one.score == score]


def _settings(cards: Sequence[RunCard]) -> dict[str, Any]:
    """Configurations as a table of numbers: for each setting, which of `values` each run has."""
    leaves = [dict(settings(card.config)) for card in cards]
    names = list(dict.fromkeys(name for one in leaves for name in one))
    values: dict[str, int] = {}
    rows = [[values.setdefault(one.get(name, "–"), len(values)) for one in leaves] for name in names]
    return {"names": names, "values": list(values), "rows": rows}


def _facts(selection: Selection, frame: pd.DataFrame) -> list[list[str]]:
    """What was compared, in words."""
    cards = selection.cards
    stories, seeds = {card.story for card in cards}, sorted({card.seed for card in cards})
    models = dict.fromkeys(f"{card.model} ({card.model_revision[:_REVISION]})" for card in cards)
    scorers = frame[["scorer", "scorer_revision"]].dropna().drop_duplicates().itertuples(index=False)
    software = dict.fromkeys(card.software for card in cards)
    days = sorted(card.made_at.strftime("%Y-%m-%d") for card in cards)
    return [
        ["Runs", f"{len(cards)} in {_many(len(selection.arm_names), 'arm')}"],
        ["Stories", f"{len(stories)}: {', '.join(sorted(stories))}"],
        ["Seeds", ", ".join(map(str, seeds))],
        ["Model", "; ".join(models)],
        ["Scorer", "; ".join(f"{name} ({str(revision)[:_REVISION]})" for name, revision in scorers) or "none"],
        ["Software", ", ".join(software)],
        ["Made", days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"],
    ]


def _notes(selection: Selection, frame: pd.DataFrame) -> list[str]:
    cards, arms = selection.cards, selection.arms
    stories = len({card.story for card in cards})
    notes = [
        f"Intervals are of 95 %, over {_many(stories, 'story', 'stories')}: pictures and seeds of one "
        "story are not independent." + (" With so few stories they are rough." if 1 < stories < 8 else "")
        if stories > 1
        else "There is one story only: no interval can be told, and nothing can be said of other stories."
    ]
    notes += [*_uncovered(cards, arms, selection.arm_names), *_unlike(cards)]
    if frame["scorer"].eq("bundled").any():
        notes.append(
            "Text was judged by the small scorer that ships with Tenfold: its values tell arms apart, but are not to "
            "be compared with CLIP scores in papers."
        )
    blind = sorted({card.method for card in cards if card.method in method_names() and not reads_prompts(card.method)})
    if blind:
        notes.append(
            f"{_list(blind)} reads no prompts: its text scores tell how near its pictures come to them by chance, and "
            "its place in a ranking by them says nothing."
        )
    unscored = [card.id for card in cards if card.id not in set(frame["run_id"])]
    notes += [f"Without scores: {_list(unscored)}."] if unscored else []
    return [*notes, *(f"Missing: {one}" for one in selection.missing)]


def _uncovered(cards: Sequence[RunCard], arms: Mapping[str, str], names: Sequence[str]) -> Iterable[str]:
    """Arms that lack runs which others have: differences are then over what two arms have in common."""
    points = dict.fromkeys((card.story, card.seed) for card in cards)
    for arm in names:
        having = {(card.story, card.seed) for card in cards if arms[card.id] == arm}
        lacking = [f"{story}, seed {seed}" for story, seed in points if (story, seed) not in having]
        if lacking:
            yield f"{arm} lacks {len(lacking)} of {len(points)} runs that others have: {_list(lacking)}."


def _unlike(cards: Sequence[RunCard]) -> Iterable[str]:
    """In what else than their arms runs of one story differ."""
    if len({(card.model, card.model_revision) for card in cards}) > 1:
        yield "The runs are of several models: differences are of models and methods together."
    for story in dict.fromkeys(card.story for card in cards):
        group = [card for card in cards if card.story == story]
        if len({len(card.prompts) for card in group}) > 1:
            yield f"{story} was drawn with different numbers of levels: compare its means with care."
        elif len({card.prompts for card in group}) > 1:
            yield f"{story} was drawn with different prompts: text scores are of each run's own."
        if len({json.dumps(card.p) for card in group}) > 1:
            yield f"{story} was drawn with different zoom factors."


def _plain(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON can hold them: no NaN, no numpy."""
    return json.loads(table.to_json(orient="records", double_precision=12))  # type: ignore[no-any-return]


def _many(number: int, one: str, more: str | None = None) -> str:
    return f"{number} {one if number == 1 else more or one + 's'}"


def _list(names: Sequence[str], shown: int = 6) -> str:
    rest = len(names) - shown
    return "; ".join(names[:shown]) + (f"; and {rest} more" if rest > 0 else "")
