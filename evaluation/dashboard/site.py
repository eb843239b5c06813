"""The answers of the dashboard.

What a request names is looked up among the runs that are known; no part of a request ever becomes part of a path.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from fastapi import HTTPException, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field

from evaluation.cards import RunCard, Selection
from evaluation.catalogue import ENTRIES
from evaluation.dashboard import figures
from evaluation.dashboard.details import details, files_of
from evaluation.dashboard.entries import POSTER, VIEW, Entry
from evaluation.dashboard.feed import Feed, Watch
from evaluation.dashboard.index import Index
from evaluation.dashboard.sweeps import SWEEPS
from evaluation.dashboard.thumbs import thumb
from evaluation.guard import HEADERS
from evaluation.page import resource

STATIC = {
    "style.css": "text/css",
    "run.css": "text/css",
    "icon.svg": "image/svg+xml",
    **dict.fromkeys(
        (
            "dom.js",
            "words.js",
            "runs.js",
            "filters.js",
            "facets.js",
            "table.js",
            "grid.js",
            "ranking.js",
            "pins.js",
            "keys.js",
            "main.js",
            "run.js",
        ),
        "text/javascript",
    ),
}
"""Files of these pages that are served under /static/."""
SHARED = {"tokens.css": "text/css", "dom.js": "text/javascript", "theme.js": "text/javascript"}
"""Files of all our pages that are served under /web/."""
STRICT = {
    "content-security-policy": HEADERS["content-security-policy"]
    + "; require-trusted-types-for 'script'; trusted-types 'none'"
}
BOXED = {"content-security-policy": "sandbox allow-scripts allow-downloads; frame-ancestors 'none'"}
"""For a run's own page: it works, but it is nobody here. Its own policy holds beside this."""
SHUT = {"content-security-policy": "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'"}
"""For files of runs that are looked at by themselves; browsers style the page that they put around them."""
FOREVER = {"cache-control": "private, max-age=31536000, immutable"}
MOST_COMPARED = 12


@dataclass(frozen=True)
class Readers:
    """How runs are read. card: of a run's folder. select: of runs and sweeps, by their folders."""

    card: Callable[[Path], RunCard]
    select: Callable[[Sequence[str], Path], Selection]


class Chosen(BaseModel):
    """Runs by their keys."""

    model_config = ConfigDict(extra="forbid")
    runs: list[str] = Field(max_length=100_000)


class Asked(Chosen):
    """A ranking. column: of the score. group: by what runs are told apart. sweep: the one whose names count."""

    column: str
    group: str = "variant"
    baseline: str | None = None
    sweep: str | None = None


class Site:
    """The pages of the runs under `root`, which need not be there yet."""

    def __init__(self, root: Path, readers: Readers) -> None:
        self.root, self.readers = root, readers
        self.index = Index(root, readers.card)
        self.feed = Feed(self.index)
        self.watch = Watch(self.index, figures.prepare)

    def home(self) -> Response:
        """The list of runs."""
        self.watch.asked()
        return _page("index.html")

    def run_page(self, story: str, run: str) -> Response:
        """The page of one run."""
        self._entry(story, run)
        return _page("run.html")

    def static(self, name: str) -> Response:
        """A style or script of these pages."""
        return _asset("evaluation.dashboard.files", name, STATIC)

    def shared(self, name: str) -> Response:
        """A style or script of all our pages."""
        return _asset("evaluation.web", name, SHARED)

    def news(self, since: str = "") -> Response:
        """What has changed since an earlier answer."""
        self.watch.asked()
        return Response(self.feed.news(since), media_type="application/json", headers={"content-encoding": "gzip"})

    def run(self, story: str, run: str) -> Response:
        """The facts of one run."""
        entry = self._entry(story, run)
        facts = details(entry, self.readers.card(self.root / entry.key))
        text = json.dumps(facts | {"scores": [asdict(known) for known in ENTRIES]})
        return Response(text, media_type="application/json")

    def ranking(self, asked: Asked) -> Response:
        """The ranking of chosen runs by a score, and the score by level."""
        entries = self._entries(asked.runs)
        named: dict[str, str] = next(
            (sweep["runs"] for sweep in self.index.sweeps() if sweep["folder"] == asked.sweep), {}
        )
        arms = figures.arms_of(entries, asked.group, named)
        facts = {
            "rows": figures.ranked(entries, asked.column, arms, asked.baseline),
            "levels": figures.profiles(entries, asked.column, arms),
        }
        return Response(json.dumps(facts), media_type="application/json")

    def all_scores(self, kind: str, runs: str = "") -> Response:
        """The rows of the runs whose keys are given, separated by commas; of all without any."""
        return self._scores(kind, self._entries(runs.split(",")) if runs else self.index.entries())

    def scores(self, kind: str, chosen: Chosen) -> Response:
        """The rows of chosen runs."""
        return self._scores(kind, self._entries(chosen.runs))

    def thumb(self, story: str, run: str) -> Response:
        """A small poster."""
        entry = self._entry(story, run)
        folder = self.root / entry.key
        inside = POSTER in entry.files and _inside(folder / POSTER, folder)
        content = thumb(folder / POSTER, entry.stamp) if inside else None
        if content is None:
            raise HTTPException(404)
        return Response(content, media_type="image/webp", headers=FOREVER)

    def file(self, story: str, run: str, name: str) -> Response:
        """A file of a run, one of those that its page offers; parts of it too, so that films can be sought."""
        entry = self._entry(story, run)
        card = self.readers.card(self.root / entry.key)
        offered = {**files_of(entry, card), **{f"stack/{path.name}": path for path in card.levels}}
        path = offered.get(name)
        if path is None or not path.is_file() or not _inside(path, card.folder):
            raise HTTPException(404)
        return FileResponse(path, headers=BOXED if name == VIEW else SHUT)

    def ready(self) -> Response:
        """Load what a comparison needs, as somebody is about to ask for one."""
        from evaluation.comparison.plots import scripts

        scripts()
        return Response("{}", media_type="application/json")

    def compare(self, runs: str = "", sweep: str = "") -> Response:
        """The comparison of a few runs, or of a whole sweep."""
        from evaluation import read_scores
        from evaluation.comparison import comparison_page
        from evaluation.dashboard.linked import linked

        folders = [str(self.root / entry.key) for entry in self._entries(filter(None, runs.split(",")))]
        known = {found["folder"] for found in self.index.sweeps()}
        folders += [str(self.root / SWEEPS / name) for name in [sweep] if name in known]
        if len(folders) > MOST_COMPARED:
            raise ValueError(f"At most {MOST_COMPARED} runs are compared here. `tenfold compare` takes any number.")
        selection = self.readers.select(folders, self.root)
        frame = read_scores([card.folder for card in selection.cards], on_damaged=figures.told)
        text = comparison_page(selection, frame, media=linked(selection.cards, self.root))
        return Response(text, media_type="text/html", headers={"content-security-policy": "frame-ancestors 'none'"})

    def _scores(self, kind: str, entries: Iterable[Entry]) -> Response:
        if kind not in figures.KINDS:
            raise HTTPException(404)
        content = figures.written(figures.rows_of(entries, self.root), kind)
        headers = {"content-disposition": f'attachment; filename="scores.{kind}"'}
        return Response(content, media_type=figures.KINDS[kind], headers=headers)

    def _entry(self, story: str, run: str) -> Entry:
        entry = self.index.get(f"{story}/{run}")
        if entry is None:
            raise HTTPException(404, "There is no such run here. It may have been deleted, or not be finished yet.")
        return entry

    def _entries(self, keys: Iterable[str]) -> list[Entry]:
        """The runs of these keys in their order; those that are gone meanwhile are left out."""
        return [entry for key in dict.fromkeys(keys) if (entry := self.index.get(key)) is not None]


def _inside(path: Path, folder: Path) -> bool:
    """Whether a file really lies in a run's folder, and is no link to another place."""
    return path.resolve().is_relative_to(folder.resolve())


def _asset(package: str, name: str, known: Mapping[str, str]) -> Response:
    if name not in known:
        raise HTTPException(404)
    return Response(resource(package, name), media_type=known[name], headers={"cache-control": "no-cache"})


def _page(name: str) -> Response:
    return Response(resource("evaluation.dashboard.files", name), media_type="text/html", headers=STRICT)
