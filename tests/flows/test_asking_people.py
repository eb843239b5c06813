"""`tenfold study`: made once, gone on with, served, killed, reported."""

import json
import os
import signal
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from typer.testing import CliRunner

from evaluation.study.answers import read_answers
from evaluation.study.plan import QUESTION, load
from flows.cli import app
from tests.browser import Watched, chromium
from tests.comparisons import ARMS, make_sweep
from tests.evaluation.study.studies import held

__all__ = ["chromium"]

QUICK = ("--seconds-per-level", "0.1", "--pairs", "4", "--repeats", "1")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    return make_sweep(tmp_path_factory.mktemp("runs"))


def study(sweep, *arguments):
    return CliRunner().invoke(app, ["study", *map(str, arguments), "--out", str(sweep.parents[1])])


def made(sweep, *arguments):
    """The output and the folder of a study of two arms that is not served."""
    arms = ("--arm", ARMS[0], "--arm", ARMS[1])
    done = study(sweep, sweep.name, *QUICK, *arms, "--no-serve", *arguments)
    assert done.exit_code == 0, done.output
    line = next(line for line in done.output.splitlines() if line.startswith("Folder"))
    return done.output, Path(line.split(maxsplit=1)[1])


def answered(folder):
    """The study in `folder`, once ten people have answered it."""
    if not (folder / "answers").is_dir():
        held(folder, load(folder), 10, lambda left, _: 0.8 if left == ARMS[0] else 0.2)
    return folder


def test_what_would_be_asked_is_shown_and_nothing_written(sweep):
    before = sorted(sweep.parents[1].rglob("*"))
    done = study(sweep, sweep.name, *QUICK, "--dry-run")
    assert done.exit_code == 0, done.output
    assert QUESTION in done.output
    assert "Each person judges 4 of 18 pairs, 1 of them twice" in done.output
    assert sorted(sweep.parents[1].rglob("*")) == before


def test_the_same_command_goes_on_with_the_same_study_and_its_links(sweep):
    output, folder = made(sweep, "--participants", 3)
    links = [line for line in output.splitlines() if "/p/" in line]
    assert len(set(links)) == 3
    assert (folder / "links.txt").read_text().splitlines() == links
    assert (folder / "links.txt").stat().st_mode & 0o077 == 0
    films = {path: path.stat().st_mtime_ns for path in (folder / "media").iterdir()}
    again, same = made(sweep, "--participants", 3)
    assert same == folder
    assert [line for line in again.splitlines() if "/p/" in line] == links
    assert {path: path.stat().st_mtime_ns for path in (folder / "media").iterdir()} == films
    by_name = study(sweep, folder.name, "--no-serve", "--participants", 4)
    assert [line for line in by_name.output.splitlines() if "/p/" in line][:3] == links
    _, other = made(sweep, "--question", "Which is sharper?")
    assert other != folder


def test_links_over_the_network_carry_the_same_token_each_time(sweep):
    first, _ = made(sweep, "--host", "0.0.0.0", "--participants", 1)
    second, _ = made(sweep, "--host", "0.0.0.0", "--participants", 1)
    link = next(line for line in first.splitlines() if "/p/" in line)
    assert "?t=" in link
    assert link in second.splitlines()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Name what to compare"),
        (("nothing-there",), "nothing-there"),
        (("--report",), "Name one study"),
        (("--report", "nothing-there"), "There is no study"),
        (("{sweep}", "--arm", "nobody"), "no arm 'nobody'"),
        (("{sweep}", "--arm", "joint"), "at least two arms"),
        (("{sweep}", "--question", " "), "1 to 300 characters"),
        (("{sweep}", "--repeats", "5", "--pairs", "4"), "none to all of them"),
    ],
)
def test_what_makes_no_study_is_refused(sweep, arguments, said):
    done = study(sweep, *(one.format(sweep=sweep.name) for one in arguments))
    assert done.exit_code == 2
    assert said in done.output


def test_a_report_is_printed_for_people_and_as_json(sweep):
    _, folder = made(sweep, "--name", "Printed")
    answered(folder)
    done = study(sweep, "--report", "Printed")
    assert done.exit_code == 0, done.output
    for words in (QUESTION, "10 people, 40 answers", "Krippendorff", "92 %", "684 answers", "other models"):
        assert words in " ".join(done.output.split()), words
    facts = json.loads(study(sweep, "--report", folder.name, "--json").output)
    assert (facts["people"], facts["answers"], facts["pairs"][0]["arm"]) == (10, 40, ARMS[0])
    assert [one["arm"] for one in facts["strengths"]] == list(ARMS[:2])


def test_a_report_before_any_answer_and_one_with_a_damaged_file_are_made(sweep):
    _, folder = made(sweep, "--name", "Damaged")
    assert "Nobody has answered yet." in study(sweep, "--report", "Damaged").output
    answered(folder)
    path = folder / "answers" / "p00003.parquet"
    path.write_bytes(path.read_bytes()[:50])
    done = study(sweep, "--report", "Damaged")
    assert done.exit_code == 0
    assert "9 people, 36 answers" in done.output
    assert "Damaged, and left out" in done.output
    assert "p00003.parquet" in done.output.replace("\n", "")


@pytest.mark.parametrize("kind", ["html", "md", "csv", "json"])
def test_a_report_is_written_as_its_name_says(sweep, tmp_path, kind):
    _, folder = made(sweep, "--name", "Printed")
    answered(folder)
    file = tmp_path / f"report.{kind}"
    done = study(sweep, "--report", "Printed", "--to", file)
    assert (done.exit_code, done.output.strip()) == (0, str(file))
    text = file.read_text(encoding="utf-8")
    starts = {"html": "<!doctype html>", "md": "# Study: Printed", "csv": "table,arm,against", "json": '{\n  "study"'}
    assert text.startswith(starts[kind])
    assert study(sweep, "--report", "Printed", "--to", tmp_path / "report.txt").exit_code == 2


def test_the_report_page_opens_from_disk_and_shows_hostile_names_as_text(sweep, tmp_path, chromium):
    name = "<script>alert(1)</script> {{DATA}} </script>"
    output, folder = made(sweep, "--arm", ARMS[2], "--name", name)
    assert name in output
    answered(folder)
    file = tmp_path / "report.html"
    assert study(sweep, "--report", folder.name, "--to", file).exit_code == 0
    context = chromium.new_context(viewport={"width": 390, "height": 800})
    page = Watched(context.new_page())
    page.page.goto(file.as_uri())
    shown = page.page.inner_text("body")
    assert name in shown
    assert all(arm in shown for arm in ARMS)
    assert page.run("document.querySelectorAll('.bar').length") == 6  # three pairs of arms, three arms
    assert page.run("document.documentElement.scrollWidth <= innerWidth")
    assert page.run("document.querySelectorAll('img').length") == 0
    assert page.asked == [file.as_uri()]
    assert page.complaints == []
    context.close()


def test_how_many_people_a_study_needs_is_told(sweep):
    done = study(sweep, "--power")
    assert done.exit_code == 0
    assert "60%" in done.output


def ask(link, method, path, body=None):
    place = urlsplit(link)
    connection = HTTPConnection(place.hostname, place.port, timeout=60)
    own = {"origin": f"http://{place.netloc}", "content-type": "application/json"}
    connection.request(method, path, None if body is None else json.dumps(body), own)
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer


def serving(sweep, folder):
    """A process that serves a study, and its link."""
    words = ["study", folder.name, "--port", "0", "--out", str(sweep.parents[1]), "--quiet"]
    command = [sys.executable, "-c", "from flows.cli import main; main()", *words]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    return process, process.stdout.readline().strip()


def test_a_killed_server_loses_no_answer_and_the_next_one_goes_on(sweep):
    _, folder = made(sweep, "--name", "Killed")
    process, link = serving(sweep, folder)
    given = {"side": "left", "response_ms": 900, "watched_ms": 900, "plays": 1, "client": "wide mouse"}
    try:
        person = ask(link, "POST", "/api/people", {})["id"]
        for place in range(3):
            assert ask(link, "POST", f"/api/people/{person}/answers", {**given, "place": place})["done"] == place + 1
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
    assert len(read_answers(folder)[0]) == 3
    process, link = serving(sweep, folder)
    try:
        assert ask(link, "GET", f"/api/people/{person}")["done"] == 3
        assert ask(link, "POST", f"/api/people/{person}/answers", {**given, "place": 3})["done"] == 4
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        process.stdout.close()
    assert len(read_answers(folder)[0]) == 4
