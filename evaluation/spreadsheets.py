"""CSV that spreadsheets show and never run: they take a cell that begins with one of a few marks for a formula."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

MARKS = ("=", "+", "-", "@", "\t", "\r")


def shown_as_text(value: object) -> object:
    """A cell's value; a text that begins as formulas do has an apostrophe before it. Numbers stay."""
    return f"'{value}" if isinstance(value, str) and value.startswith(MARKS) else value


def without_formulas(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with `shown_as_text` in all its cells and names of columns; itself where nothing needs it."""
    from pandas.api.types import is_numeric_dtype

    for name in frame.columns:
        column = frame[name]
        if is_numeric_dtype(column.dtype):
            continue
        found = {one for one in column.dropna().unique() if shown_as_text(one) is not one}
        if found:
            frame = frame.assign(**{name: column.astype(object).map(shown_as_text)})
    return frame.rename(columns=shown_as_text) if any(map(_marked, frame.columns)) else frame


def _marked(name: object) -> bool:
    return shown_as_text(name) is not name
