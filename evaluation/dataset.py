"""The Parquet files of many runs, found and read together, whatever version wrote them."""

import os
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from evaluation.table import SCHEMA
from zoomlib.errors import InvalidInputError

if TYPE_CHECKING:
    import pandas as pd

FIRST, LAST = "scores", ".parquet"
SETS = "_sets"
"""Of the folders that are no story's, the one that holds scores: those of whole sets of pictures."""
REQUIRED = ("run_id", "story", "method", "seed", "scope", "score", "value")
"""What the first version had and no row does without: a file that lacks one of them is not ours."""
WORKERS = 4

OnDamaged = Callable[[Path, str], None]
"""Is told of a file that was left out, and why, in words."""


class DamagedScoresWarning(UserWarning):
    """A file of scores was left out, being cut off, damaged or another program's."""


def read_scores(
    source: "str | Path | Sequence[str | Path]",
    *,
    columns: Sequence[str] | None = None,
    on_damaged: OnDamaged | None = None,
) -> "pd.DataFrame":
    """The scores under a folder, of a file, or of several of them, as one DataFrame in SCHEMA's columns and types.

    All `scores*.parquet` in any depth, but in no hidden folder nor one that begins with "_" and is not `SETS`. Every
    file counts once, and so does a run that lies in two folders: its newer file of a name. A column that an older file
    lacks is empty there, `variant` then being the method; a column that only a newer file has comes after SCHEMA's. No
    file gives an empty frame.

    columns: those to read, in their order; all when None. A file that is cut off, damaged or not ours is left out:
    `on_damaged` is told of it, or a DamagedScoresWarning is given. Raises InvalidInputError for a place that is not
    there.
    """
    report = on_damaged or _warn
    places = [source] if isinstance(source, (str, Path)) else source
    paths = list(dict.fromkeys(path for place in places for path in score_files(Path(place))))
    wanted = None if columns is None else [name for name in SCHEMA.names if name in {*columns, "run_id", "method"}]
    with ThreadPoolExecutor(WORKERS) as pool:
        read = list(pool.map(lambda path: _read(path, wanted), paths))
    tables: dict[Path, pa.Table] = {}
    schema = _schema(wanted)
    for path, found in zip(paths, read, strict=True):
        if isinstance(found, str):
            report(path, found)
        elif found is not None:
            try:
                schema = pa.unify_schemas([schema, found.schema])
                tables[path] = found
            except pa.ArrowException as error:
                report(path, _words(error))
    kept = [tables[path] for path in _newest(tables)]
    frame = _frame(pa.concat_tables([schema.empty_table(), *kept], promote_options="default"))
    return frame if columns is None else frame[list(columns)]


def score_files(place: Path) -> Iterator[Path]:
    """The files of scores at a place, which may be one of them, in the order of their names, by their real paths.

    Raises InvalidInputError for one that is not there.
    """
    if not place.exists():
        raise InvalidInputError(f"There is no {place} to read scores from. Score a run, or name its folder.")
    if place.is_file():
        yield place.resolve()
    else:
        yield from _below(str(place.resolve()), set())


def _below(folder: str, seen: set[str]) -> Iterator[Path]:
    real = os.path.realpath(folder)
    if real in seen:  # links may go round
        return
    seen.add(real)
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError:  # gone meanwhile, or none of ours to open
        return
    for entry in found:
        if entry.is_dir():
            if not entry.name.startswith((".", "_")) or entry.name == SETS:
                yield from _below(entry.path, seen)
        elif entry.name.startswith(FIRST) and entry.name.endswith(LAST):
            yield Path(os.path.realpath(entry.path))


def _schema(wanted: Sequence[str] | None) -> pa.Schema:
    """SCHEMA, or of it the wanted columns, with room for what older files lack."""
    return pa.schema([field.with_nullable(True) for field in SCHEMA if wanted is None or field.name in wanted])


def _read(path: Path, wanted: Sequence[str] | None) -> pa.Table | str | None:
    """A file's rows in SCHEMA's columns and types, or why there are none; None for a file that has gone meanwhile."""
    try:
        with pq.ParquetFile(path) as file:
            names = set(file.schema_arrow.names)
            if lacking := [name for name in REQUIRED if name not in names]:
                return f"no file of scores: it has no column {', '.join(lacking)}"
            columns = None if wanted is None else [name for name in wanted if name in names]
            table = file.read(columns=columns, use_threads=False)
        table, schema = table.replace_schema_metadata(None), _schema(wanted)
        written = [(field.name, field.type) for field in table.schema]
        return table if written == [(field.name, field.type) for field in schema] else _conform(table, schema)
    except FileNotFoundError:
        return None
    except (OSError, pa.ArrowException) as error:
        return _words(error)


def _words(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _conform(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """`table` with the schema's columns first, in its types, empty where it has none; then its own."""
    names = table.column_names
    known = [
        table[field.name].cast(field.type) if field.name in names else pa.nulls(len(table), field.type)
        for field in schema
    ]
    if "variant" in schema.names and "variant" not in names:
        known[schema.names.index("variant")] = table["method"].cast(pa.string())
    extra = [name for name in names if name not in SCHEMA.names]
    fields = [*schema, *(table.schema.field(name) for name in extra)]
    return pa.Table.from_arrays([*known, *(table[name] for name in extra)], schema=pa.schema(fields))


def _newest(tables: dict[Path, pa.Table]) -> list[Path]:
    """The files without those of a run that lies elsewhere too, written earlier."""
    same: dict[tuple[str, frozenset[str]], list[Path]] = defaultdict(list)
    for path, table in tables.items():
        same[path.name, frozenset(table["run_id"].unique().to_pylist())].append(path)
    older = {
        path
        for paths in same.values()
        if len(paths) > 1
        for path in sorted(paths, key=lambda path: -_written(path))[1:]
    }
    return [path for path in tables if path not in older and len(tables[path])]


def _written(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _frame(table: pa.Table) -> "pd.DataFrame":
    import pandas as pd

    # Levels stay whole numbers, with an empty value where a score has none, whatever rows are read together.
    integers = {pa.int32(): pd.Int32Dtype()}
    frame: pd.DataFrame = table.to_pandas(types_mapper=integers.get)
    return frame


def _warn(path: Path, why: str) -> None:
    warnings.warn(
        f"{path} was left out: {why}. `tenfold score` measures that run again.", DamagedScoresWarning, stacklevel=3
    )
