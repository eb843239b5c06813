"""No CSV of ours holds a cell that a spreadsheet would run."""

import csv
import gzip
import io

import pandas as pd
import pytest

from evaluation.comparison.data import files_of
from evaluation.dashboard.figures import written
from evaluation.spreadsheets import MARKS, without_formulas

HOSTILE = ['=HYPERLINK("http://x")', "+1", "-1", "@x", "\t=1", "\r=1"]
HARMLESS = ["joint", "a=b", "1-2", "", None]


def test_texts_that_begin_as_formulas_do_are_shown_and_all_else_stays():
    frame = pd.DataFrame({"=arm": HOSTILE + HARMLESS, "value": [-1.5] * 11})
    found = without_formulas(frame)
    assert list(found) == ["'=arm", "value"]
    assert list(found["'=arm"][:6]) == [f"'{text}" for text in HOSTILE]
    assert list(found["'=arm"][6:10]) == HARMLESS[:4]
    assert list(found["value"]) == [-1.5] * 11
    plain = pd.DataFrame({"arm": HARMLESS, "level": pd.array([-1, 2, None, 3, 4], "Int32")})
    assert without_formulas(plain) is plain


@pytest.mark.parametrize(
    "text",
    [
        lambda frame: written(frame, "csv").decode(),
        lambda frame: gzip.decompress(files_of(frame)["csv"]).decode(),
    ],
    ids=["dashboard", "comparison"],
)
def test_downloads_have_no_formulas(text):
    frame = pd.DataFrame({"arm": pd.Categorical(HOSTILE[:4]), "story": HOSTILE[:4], "value": [-1.0, 1.0, 2.0, -3.0]})
    rows = list(csv.DictReader(io.StringIO(text(frame))))
    assert [row["story"] for row in rows] == [f"'{text}" for text in HOSTILE[:4]]
    assert not any(row[name].startswith(MARKS) for row in rows for name in ("arm", "story"))
    assert [float(row["value"]) for row in rows] == [-1.0, 1.0, 2.0, -3.0]
