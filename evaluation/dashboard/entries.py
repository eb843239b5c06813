"""What the dashboard knows of one run: its card in short, what it may show of it, and the means of its scores."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
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
COLUMNS = ["score", "scorer", "scope", "level", "value"]


@dataclass(frozen=True)
class Entry:
    """One run in the list.

    key: its folder below the root, as `story/id`. made_at: seconds since 1970, UTC. settings: every setting of its
    configuration as `path=value`. files: those of SHOWN, and its film, that are there. means: by column (`score`, or
    `score|scorer` where a model judged) the mean over what was scored. levels: by column the value of every level (or
    pair), None where there is none; empty for scores of the film. stamp: what its files were when it was read.
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
    wrong: tuple[str, ...] = ()

    def plain(self) -> dict[str, Any]:
        """As plain values; `restored` takes them back."""
        return asdict(self)


def restored(values: Mapping[str, Any]) -> Entry:
    """An entry from `Entry.plain`. Raises KeyError, TypeError or ValueError for anything else."""
    lists = {name: tuple(map(str, values[name])) for name in ("prompts", "settings", "files", "wrong")}
    means = {str(name): float(value) for name, value in values["means"].items()}
    levels = {str(name): list(row) for name, row in values["levels"].items()}
    numbers = {"seed": int(values["seed"]), "made_at": float(values["made_at"])}
    texts = {item.name: str(values[item.name]) for item in fields(Entry) if item.type is str}
    film = None if values["film"] is None else str(values["film"])
    return Entry(**texts, **lists, **numbers, film=film, means=means, levels=levels)  # type: ignore[arg-type]


def entry_of(card: RunCard, key: str, stamp: str) -> Entry:
    """The entry of a run. A file of scores that cannot be read is told in `wrong`; the others count."""
    means, levels, wrong = _measured(card.folder, len(card.prompts))
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
        means=means,
        levels=levels,
        wrong=tuple(wrong),
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


def _measured(folder: Path, count: int) -> tuple[dict[str, float], dict[str, list[float | None]], list[str]]:
    values: dict[str, dict[int | None, float]] = {}
    wrong = []
    for path in sorted(folder.glob(SCORES)):
        try:
            for score, scorer, scope, level, value in _rows(path):
                if scope != "set" and math.isfinite(value):
                    values.setdefault(column(score, scorer), {})[level] = value
        except (OSError, pa.ArrowException, KeyError, TypeError, InvalidInputError) as error:
            wrong.append(f"{path.name} cannot be read as scores: {str(error).splitlines()[0]:.200}")
    means = {name: math.fsum(found.values()) / len(found) for name, found in values.items()}
    levels = {
        name: [found.get(level) for level in range(max(count, 1 + max(k for k in found if k is not None)))]
        for name, found in values.items()
        if None not in found and max(k for k in found if k is not None) < 10_000
    }
    return means, levels, wrong


def _rows(path: Path) -> Iterator[tuple[str, str | None, str, int | None, float]]:
    # One thread: these files are small, and there are thousands of them.
    table = pq.ParquetFile(path).read(columns=COLUMNS, use_threads=False).to_pydict()
    if missing := [name for name in COLUMNS if name not in table]:
        raise InvalidInputError(f"columns {missing} are missing")
    yield from zip(*(table[name] for name in COLUMNS), strict=True)
