"""What the dashboard knows of one run: its card in short, what it may show of it, and the means of its scores."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from evaluation.cards import RunCard
from zoomlib.errors import InvalidInputError

CONFIG = "config.json"
SCORES = "scores*.parquet"
POSTER, SHEET, VIEW = "poster.png", "contact_sheet.png", "view.html"
SHOWN = (POSTER, SHEET, VIEW)
MOST_LEVELS = 10_000
MOST_ROWS = 1_000_000
"""A small file may unfold into rows without end."""
COLUMNS = pa.schema(
    {name: pa.string() for name in ("score", "scorer", "scorer_revision", "scope")}
    | {"level": pa.int32(), "value": pa.float64()}
)


@dataclass(frozen=True)
class Entry:
    """One run in the list.

    key: its folder below the root, as `story/id`. made_at: seconds since 1970, UTC. settings: every setting of its
    configuration as `path=value`. files: those of SHOWN, and its film, that are there. means: by column (`score`, or
    `score|scorer` where a model judged) the mean over what was scored. levels: by column the value of every level (or
    pair), None where there is none; a film's score has none. revisions: by scorer. stamp: what its files were when it
    was read. wrong: a sentence for each of its files that could not be read.
    """

    key: str
    id: str
    story: str
    prompts: tuple[str, ...]
    method: str
    variant: str
    seed: int
    model: str
    model_revision: str
    software: str
    made_at: float
    film: str | None
    settings: tuple[str, ...]
    files: tuple[str, ...]
    stamp: str
    means: Mapping[str, float] = field(default_factory=dict)
    levels: Mapping[str, list[float | None]] = field(default_factory=dict)
    revisions: Mapping[str, str | None] = field(default_factory=dict)
    wrong: tuple[str, ...] = ()

    def plain(self) -> dict[str, Any]:
        """As plain values; `restored` takes them back."""
        return {item.name: getattr(self, item.name) for item in fields(self)}  # asdict would copy every number


def restored(values: Mapping[str, Any]) -> Entry:
    """An entry from `Entry.plain`. Raises KeyError, TypeError or ValueError for anything else."""
    lists = {name: tuple(map(str, values[name])) for name in ("prompts", "settings", "files", "wrong")}
    means = {str(name): float(value) for name, value in values["means"].items()}
    if not all(map(math.isfinite, means.values())) or {"", ".", ".."} & {*str(values["key"]).split("/")}:
        raise ValueError("what was kept is no list of runs")
    levels = {str(name): list(row) for name, row in values["levels"].items()}
    revisions = {str(name): revision for name, revision in values["revisions"].items()}
    numbers = {"seed": int(values["seed"]), "made_at": float(values["made_at"])}
    texts = {item.name: str(values[item.name]) for item in fields(Entry) if item.type is str}
    film = None if values["film"] is None else str(values["film"])
    measured: dict[str, Any] = {"means": means, "levels": levels, "revisions": revisions}
    return Entry(**texts, **lists, **numbers, film=film, **measured)  # type: ignore[arg-type]


def entry_of(card: RunCard, key: str, stamp: str) -> Entry:
    """The entry of a run. A file of scores that cannot be read is told in `wrong`; the others count."""
    measured = _measured(card.folder)
    film = card.film if card.film is not None and is_file_name(card.film) else None
    files = tuple(name for name in (*SHOWN, film) if name is not None and (card.folder / name).is_file())
    return Entry(
        key=key,
        id=card.id,
        story=card.story,
        prompts=card.prompts,
        method=card.method,
        variant=card.variant,
        seed=card.seed,
        model=card.model,
        model_revision=card.model_revision,
        software=card.software,
        made_at=card.made_at.timestamp(),
        film=film if film in files else None,
        settings=tuple(leaves(card.config)),
        files=files,
        stamp=stamp,
        means=measured.means(),
        levels=measured.levels(),
        revisions=measured.revisions,
        wrong=tuple(measured.wrong),
    )


def is_file_name(name: str) -> bool:
    """Whether a name that a run's own files tell is the plain name of a file: it must not lead out of the folder."""
    return name not in {"", ".", ".."} and not {"/", "\\", "\0"} & set(name) and not name.startswith(".")


def column(score: str, scorer: str | None) -> str:
    """The name of a score's column: a score that a model gave is told apart by the model."""
    return f"{score}|{scorer}" if scorer else score


def leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """The settings of a configuration, `path=value` each."""
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}={value}"


@dataclass
class _Measured:
    """What the files of scores of a run hold: by column the values by level, None for those of no level."""

    values: dict[str, dict[int | None, float]] = field(default_factory=dict)
    revisions: dict[str, str | None] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def means(self) -> dict[str, float]:
        return {name: math.fsum(found.values()) / len(found) for name, found in self.values.items()}

    def levels(self) -> dict[str, list[float | None]]:
        return {name: row for name, found in self.values.items() if (row := _by_level(found))}


def _by_level(found: Mapping[int | None, float]) -> list[float | None]:
    """Values in the order of their levels; empty where they are of none."""
    levels = [level for level in found if level is not None]
    if len(levels) < len(found) or not 0 <= min(levels) <= max(levels) < MOST_LEVELS:
        return []
    return [found.get(level) for level in range(1 + max(levels))]


def _measured(folder: Path) -> _Measured:
    measured = _Measured()
    for path in sorted(folder.glob(SCORES)):
        try:
            for score, scorer, revision, scope, level, value in _rows(path):
                if scope != "set" and math.isfinite(value):
                    measured.values.setdefault(column(score, scorer), {})[level] = value
                    if scorer:
                        measured.revisions[scorer] = revision
        except (OSError, pa.ArrowException, TypeError, InvalidInputError) as error:
            measured.wrong.append(f"{path.name} cannot be read as scores: {str(error).splitlines()[0]:.200}")
    return measured


def _rows(path: Path) -> Iterator[tuple[str, str | None, str | None, str, int | None, float]]:
    # One thread: these files are small, and there are thousands of them.
    with pq.ParquetFile(path) as file:
        if missing := [name for name in COLUMNS.names if name not in file.schema_arrow.names]:
            raise InvalidInputError(f"columns {missing} are missing")
        if file.metadata.num_rows > MOST_ROWS:
            raise InvalidInputError(f"it has {file.metadata.num_rows:,} rows, no run has more than {MOST_ROWS:,}")
        table = file.read(columns=COLUMNS.names, use_threads=False).select(COLUMNS.names).cast(COLUMNS)
    yield from zip(*(column.to_pylist() for column in table.columns), strict=True)
