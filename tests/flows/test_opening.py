"""`--out` and TENFOLD_RUNS as URLs: the mirror that a command works in, and what is sent at its end."""

import uuid
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows import opening
from flows.app import sending
from flows.cli import app
from tasks.depot.failures import AwayError
from tasks.depot.roots import depot_of


@pytest.fixture
def url(tmp_path, monkeypatch):
    monkeypatch.setenv("TENFOLD_CACHE", str(tmp_path))
    monkeypatch.setattr(opening, "_OPENED", {})
    return f"memory://{uuid.uuid4().hex}"


@pytest.mark.parametrize("kind", [str, Path])  # options come as paths, which lose a slash
def test_the_folder_of_all_runs_may_be_a_url(url, kind, monkeypatch):
    root = opening.root_of(kind(url))
    assert depot_of(root).url == url
    monkeypatch.setenv("TENFOLD_RUNS", url)
    assert opening.root_of(None) == root
    monkeypatch.delenv("TENFOLD_RUNS")
    assert opening.root_of(None) == Path("runs")


def test_what_a_command_has_written_is_sent_at_its_end_also_when_it_fails(url):
    page = opening.root_of(url) / "_comparisons" / "two" / "index.html"
    page.parent.mkdir(parents=True)
    page.write_text("page")
    with pytest.raises(ZeroDivisionError), sending():
        raise ZeroDivisionError
    assert depot_of(opening.root_of(url)).read("_comparisons/two/index.html") == b"page"


def test_a_store_that_is_away_at_the_end_is_told_and_changes_nothing(url, monkeypatch, capsys):
    def away(*_):
        raise AwayError("the network is down.")

    with sending():
        root = opening.root_of(url)
        (root / "story" / "run").mkdir(parents=True)
        (root / "story" / "run" / "zoom.mp4").write_bytes(b"film")
        monkeypatch.setattr(depot_of(root), "upload", away)
    assert "not yet in memory://" in capsys.readouterr().err


def test_a_secret_in_a_url_is_refused(url, tmp_path):
    done = CliRunner().invoke(app, ["view", "0123", "--out", "s3://key:sesame@bucket/runs"])
    assert done.exit_code == 2
    assert "sesame" not in done.output
    assert not [*tmp_path.iterdir()]


def test_no_such_run_in_a_store(url):
    depot_of(opening.root_of(url)).write("a-story/0123456789ab/config.json", b"{}")
    done = CliRunner().invoke(app, ["view", "ffff", "--out", url])
    assert done.exit_code == 2
    assert f"under {url}; there are: 0123456789ab" in done.output
