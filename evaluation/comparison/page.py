"""The page of a comparison: its template, style and scripts, filled with data, plots, pictures and films."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evaluation.cards import Selection
from evaluation.comparison.data import baseline_of, files_of, ordered_scores, preset_of, scene_of, with_arms
from evaluation.comparison.media import FPS, SECONDS_PER_LEVEL, Media, Source
from evaluation.comparison.plots import scripts, specifications
from evaluation.page import blobs, data, page, resource

if TYPE_CHECKING:
    import pandas as pd

WEB, FILES = "evaluation.web", "evaluation.comparison.files"
SHARED_STYLES, SHARED_SCRIPTS = (
    ("tokens.css", "parts.css"),
    ("dom.js", "theme.js", "table.js", "plots.js", "lockstep.js", "lightbox.js"),
)
STYLES = ("style.css",)
SCRIPTS = (
    "state.js",
    "values.js",
    "ranking.js",
    "scores.js",
    "sets.js",
    "sheets.js",
    "films.js",
    "settings.js",
    "runs.js",
    "main.js",
)
"""In their order: each may use what stands before it."""
OWN = "img-src data: blob:; media-src blob:"
SERVED = "img-src 'self' data: blob:; media-src 'self' blob:"


def comparison_page(
    selection: Selection,
    frame: pd.DataFrame,
    *,
    media: Media | None = None,
    baseline: str | None = None,
    scores: Sequence[str] = (),
    sets: Sequence[Mapping[str, Any]] = (),
    notes: Sequence[str] = (),
) -> str:
    """One HTML file in which the runs of `selection` are compared; it needs nothing beside it and asks no network.

    frame: long-form scores (`evaluation.table`) of at least these runs. media: pictures and films; without, there are
    none. Those given as addresses are asked from the page's own server: then the page is no longer one file. baseline:
    the arm that others are compared with. scores: those that are shown, all when empty. sets: scores of
    sets of their pictures, one row each with arm, title, better, value, low, high, pictures, stories, runs, levels,
    extractor, reference and notes. notes: further sentences that
    a reader should know. Raises InvalidInputError where no run has scores, for a score that nobody has and for a
    baseline that is no arm.
    """
    media, rows = media or Media(), with_arms(frame, selection)
    against = baseline_of(selection, rows, baseline)
    wanted = ordered_scores(rows, preset_of(selection), scores)
    scene = scene_of(selection, rows, baseline=against, scores=wanted, notes=[*notes, *media.notes])
    scene |= {"sets": list(sets), **_media(selection, media)}
    contents = [*_embedded(selection, media), *((f"data-{name}", content) for name, content in files_of(rows).items())]
    addressed = any(isinstance(one, str) for one in _sources(media))
    return page(
        resource(FILES, "page.html"),
        title=f"{selection.title} · comparison",
        styles=[resource(WEB, name) for name in SHARED_STYLES] + [resource(FILES, name) for name in STYLES],
        scripts=[scripts(), _program()],
        parts={
            "SCENE": data("scene", scene),
            "PLOTS": data("plots", specifications(selection.arm_names, scene["stories"])),
            "BLOBS": blobs(contents),
        },
        sources=SERVED if addressed else OWN,
    )


def _program() -> str:
    shared = [resource(WEB, name) for name in SHARED_SCRIPTS]
    return "\n".join([*shared, *(resource(FILES, name) for name in SCRIPTS)])


def _media(selection: Selection, media: Media) -> dict[str, Any]:
    """Where the page finds the pictures and films of each run: the id of an embedded one, or an address."""
    return {
        "pictures": [
            [_place(f"picture-{i}-{level}", one) for level, one in enumerate(media.pictures.get(card.id, ()))]
            for i, card in enumerate(selection.cards)
        ],
        "films": [_place(f"film-{i}", media.films.get(card.id)) for i, card in enumerate(selection.cards)],
        "inStep": media.in_step,
        "fps": FPS,
        "secondsPerLevel": SECONDS_PER_LEVEL,
    }


def _place(name: str, one: Source | None) -> Mapping[str, str] | None:
    if one is None:
        return None
    return {"url": one} if isinstance(one, str) else {"id": name}


def _embedded(selection: Selection, media: Media) -> Iterator[tuple[str, bytes]]:
    for i, card in enumerate(selection.cards):
        for level, one in enumerate(media.pictures.get(card.id, ())):
            if isinstance(one, bytes):
                yield f"picture-{i}-{level}", one
        film = media.films.get(card.id)
        if isinstance(film, bytes):
            yield f"film-{i}", film


def _sources(media: Media) -> list[Source]:
    pictures = [one for levels in media.pictures.values() for one in levels if one is not None]
    return [*pictures, *media.films.values()]
