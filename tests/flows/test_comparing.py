"""`tenfold compare` as a person runs it."""

import pandas as pd
import pytest
from typer.testing import CliRunner

from flows.cli import app
from tests.comparisons import ARMS, HOSTILE, make_sweep


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    make_sweep(folder, without=[(2, 1, 1)])
    return folder


def run(*words, width="100"):
    return CliRunner().invoke(app, ["compare", *map(str, words)], env={"COLUMNS": width, "NO_COLOR": "1"})


def test_the_ranking_is_told_and_the_page_is_written(root, tmp_path):
    done = run(
        "trial",
        "--out",
        root,
        "--to",
        tmp_path / "page.html",
        "--no-open",
        "--films",
        "none",
        "--csv",
        tmp_path / "rows.csv",
    )
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert "Text (clip_score), higher is better" in lines[0]
    joint = next(line for line in lines if " joint " in line)
    assert joint.split()[:3] == ["1", "joint", "61.38"]
    assert any("-9.75" in line and "0% of 6" in line for line in lines)
    assert "the model broke" in done.stdout
    assert "page.html (1." in done.stdout.replace("\n", "")
    assert "<!doctype html>" in (tmp_path / "page.html").read_text(encoding="utf-8")
    rows = pd.read_csv(tmp_path / "rows.csv")
    assert list(rows.columns[:3]) == ["arm", "schema_version", "run_id"]
    assert set(rows["arm"]) == set(ARMS)


def test_quiet_prints_the_place_alone(root):
    done = run(
        "trial",
        "--out",
        root,
        "--no-open",
        "--quiet",
        "--films",
        "none",
        "--baseline",
        ARMS[1],
        "--scores",
        "seam,clip_score",
    )
    assert done.exit_code == 0, done.output
    place = root / "_comparisons"
    (page,) = place.iterdir()
    assert done.stdout.strip() == str(page)
    text = page.read_text(encoding="utf-8")
    assert '"baseline":1' in text
    assert HOSTILE not in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing"], "What is 'nothing'?"),
        (["trial", "--baseline", "nobody"], "no arm 'nobody'"),
        (["trial", "--scores", "beauty"], "no score beauty"),
        (["trial", "--films", "none", "--to", "/nowhere/at/all.html"], "no folder /nowhere/at"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_a_paragraph(root, words, said):
    done = run(*words, "--out", root, "--no-open")
    assert done.exit_code == 2
    assert said in " ".join((done.stdout + done.stderr).split())
    assert "Traceback" not in done.output
