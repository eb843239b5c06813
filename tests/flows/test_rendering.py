"""`tenfold render`: what it makes, prints and refuses."""

import json
import shutil
from pathlib import Path

import pytest

from flows.film_options import film_values
from flows.server import ServerError
from tasks.errors import RefusedError
from tests.flows.test_command import contents, here, refused, small, story, tenfold  # noqa: F401 - a fixture
from zoomlib.film.video import probe


@pytest.fixture(scope="module")
def made(tmp_path_factory, model_folder) -> Path:
    """A folder with one finished run."""
    root = tmp_path_factory.mktemp("made")
    result = tenfold("zoom", "-", *small(model_folder), "--out", root / "runs", text=story())
    assert result.exit_code == 0, result.output
    return root / "runs"


@pytest.fixture
def base(here, made) -> Path:  # noqa: F811
    """The folder of a finished run in the working folder."""
    shutil.copytree(made, here / "runs")
    (folder,) = (here / "runs" / "small").iterdir()
    return folder


def test_options_reach_the_film_and_it_says_where_it_is(base):
    options = ["--size", "192x128", "--fps", "29.97", "--seconds", "2", "--direction", "in-out", "--easing", "in-out"]
    more = ["--hold-start", "0.5", "--turn", "15", "--pan", "0.05,0", "--codec", "h265", "--captions", "burnt"]
    result = tenfold("render", base.name[:6], *options, *more, "--no-engine")
    assert result.exit_code == 0, result.output
    (film,) = (base / "renders").glob("*.mp4")
    facts = probe(film)
    assert (facts.width, facts.height, facts.frames, facts.codec) == (192, 128, 60, "hevc")
    assert facts.fps == pytest.approx(29.97, abs=0.005)
    assert f"{film.relative_to(base.parents[2])}" in result.stdout
    assert "192 x 128 are larger and show no more detail" in result.stderr
    told = json.loads(film.with_name(film.name + ".json").read_text())["film"]
    assert (told["aspect"], told["hold_start_s"], told["turn_deg"], told["pan_to"]) == ("3:2", 0.5, 15, [0.05, 0])
    again = tenfold("render", base, *options, *more, "--no-engine", "--quiet")
    assert (again.stdout.strip(), again.stderr) == (str(film), "")


def test_settings_go_over_options_and_a_file_can_be_named(base, here):  # noqa: F811
    result = tenfold("render", base, "--fps", "5", "--set", "film.fps=6", "--to", "films/small.webm", "--no-engine")
    assert result.exit_code == 0, result.output
    facts = probe(here / "films" / "small.webm")
    assert (facts.codec, facts.fps) == ("vp9", 6)
    before = contents(here)
    again = tenfold("render", base, "--fps", "5", "--to", "films/small.webm", "--no-engine")
    refused(here, again, r"small\.webm is there already.*--force", frozenset(before))


def test_a_dry_run_writes_nothing(base, here):  # noqa: F811
    before = contents(here)
    result = tenfold("render", base.name, "--preview", "--dry-run")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout[: result.stdout.index("\n}\n") + 2])["preset"] == "ultrafast"
    assert "8 frames of 64 x 64, 2.00 s" in result.stdout
    assert "Nothing was written" in result.stdout
    assert contents(here) == before


def test_a_preview_waits_for_no_server(base, monkeypatch):
    started = []

    def run_flow(*_):
        started.append(True)
        raise ServerError("There is none.")

    monkeypatch.setattr("flows.engine.has_server", lambda: False)
    monkeypatch.setattr("flows.engine.run_flow", run_flow)
    assert tenfold("render", base, "--preview").exit_code == 0
    assert started == []
    film = tenfold("render", base, "--fps", "3")
    assert (film.exit_code, started) == (0, [True])
    assert "goes on without it" in film.stderr


REFUSED = {
    "unknown run": (["nobody"], "no such run"),
    "unknown setting": (["RUN", "--set", "film.fsp=24"], "Did you mean film.fps"),
    "another seed": (["RUN", "--set", "seed=2"], "tenfold zoom"),
    "a size of words": (["RUN", "--size", "large"], "1920x1080"),
    "three sides": (["RUN", "--size", "1x2x3"], "1920x1080"),
    "no size": (["RUN", "--size", "0x10"], "1920x1080"),
    "huge": (["RUN", "--size", "100000"], "size_px"),
    "no rate": (["RUN", "--fps", "0"], "film.fps"),
    "pan to nowhere": (["RUN", "--pan", "left"], "X,Y"),
    "no such audio": (["RUN", "--audio", "no.mp3"], "no.mp3"),
    "no place": (["RUN", "--fps", "3", "--to", "/dev/null/film.mp4"], "--to"),
}


@pytest.mark.parametrize(("arguments", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_refused_in_a_paragraph(base, here, arguments, words):  # noqa: F811
    before = frozenset(contents(here))
    refused(here, tenfold("render", *[base.name if word == "RUN" else word for word in arguments]), words, before)


def test_an_unfinished_run_is_refused(base, here):  # noqa: F811
    (base / "config.json").unlink()
    refused(here, tenfold("render", base), "holds no finished run", frozenset(contents(here)))


def test_sizes_and_pans_are_read():
    assert film_values("1080") == {"film.size_px": 1080}
    assert film_values("1080x1920") == {"film.size_px": 1920, "film.aspect": "9:16"}
    assert film_values(None, "-0.1,0:0.1,0.2") == {"film.pan_from": (-0.1, 0.0), "film.pan_to": (0.1, 0.2)}
    assert film_values(fps=None, audio=Path("a.ogg")) == {"film.audio": "a.ogg"}
    with pytest.raises(RefusedError, match="1920x1080"):
        film_values("12px")
