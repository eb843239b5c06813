"""A finished run's film rendered again: nothing sampled, the same frames, whatever became of the store, and resumed."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tasks.cleaning import clean
from tasks.errors import RefusedError
from tasks.events import StageMoved
from tasks.finished import read_run
from tasks.rerender import make, planned
from tasks.store import Store
from tests.tasks.test_pipeline import CutError, run
from zoomlib.errors import InvalidInputError
from zoomlib.film.provenance import read_tags
from zoomlib.film.render import frames
from zoomlib.film.video import probe, read
from zoomlib.stack import ZoomStack

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run that tests may add renders to, and nothing else."""
    report = run(tmp_path_factory.mktemp("runs"))
    return read_run(report.run.id, report.run.root)


@pytest.fixture
def own(finished, tmp_path):
    """A finished run that a test may damage, with its store."""
    shutil.copytree(finished.root, tmp_path / "runs")
    return read_run(finished.id, tmp_path / "runs")


def render(base, changes=None, **options):
    rendering = planned(base, {f"film.{name}": value for name, value in (changes or {}).items()}, **options)
    return rendering, make(rendering, force=options.get("force", False))


def test_the_runs_own_settings_are_the_runs_own_film(finished):
    rendering, facts = render(finished)
    assert not facts["made"]  # found under the key of the run's stage
    assert rendering.target.read_bytes() == (finished.folder / "zoom.mp4").read_bytes()
    assert rendering.target.parent == finished.folder / "renders"


def test_another_size_rate_and_way(finished):
    rendering, facts = render(
        finished, {"size_px": 90, "aspect": "3:2", "fps": 12.5, "direction": "out-in", "seconds": 2}
    )
    film = probe(rendering.target)
    assert (film.width, film.height, film.fps, film.frames) == (90, 60, 12.5, 25)
    assert facts["made"]
    assert rendering.target.name.startswith("90x60-12.5fps-out-in-")
    again, facts = render(finished, {"size_px": 90, "aspect": "3:2", "fps": 12.5, "direction": "out-in", "seconds": 2})
    assert (again.target, facts["made"]) == (rendering.target, False)


def test_lossless_frames_are_the_renderers_own(finished):
    rendering, _ = render(finished, {"format": "mkv", "seconds": 1, "turn_deg": 20, "size_px": 65})
    stack = ZoomStack.load(finished.folder / "stack")
    drawn = frames(stack, rendering.film.camera(stack.factors), (65, 65))
    for shown, frame in zip(read(rendering.target), drawn, strict=True):
        assert (shown == frame).all()


@pytest.mark.parametrize("kind", ["mkv", "mov", "gif", "png"])
def test_a_run_of_any_format_can_be_rendered_again(tmp_path, kind):
    """Its own film, found, and as another kind of file."""
    base = read_run(run(tmp_path, f"film.format={kind}").run.id, tmp_path)
    assert not render(base)[1]["made"]
    rendering, _ = render(base, {"format": "mp4", "seconds": 1})
    assert (rendering.film.spec.codec, rendering.film.spec.chroma) == ("h264", "420")
    assert probe(rendering.target).codec == "h264"


def test_a_sequence_of_pictures_with_its_captions(finished):
    rendering, _ = render(finished, {"format": "png", "fps": 3, "size_px": 33, "captions": "file"})
    pictures = sorted(rendering.target.iterdir())
    assert [path.name for path in pictures] == [f"frame_{i:06d}.png" for i in range(1, 7)]
    with Image.open(pictures[0]) as picture:
        assert picture.size == (33, 33)
    assert rendering.words.read_text().count("-->") == 3
    assert rendering.words == rendering.target.with_name(rendering.target.name + ".srt")


def test_burnt_captions_and_bars_change_the_frames_and_nothing_else(finished):
    plain = np.stack(list(read(render(finished, {"size_px": 128, "format": "mkv"})[0].target))).astype(int)
    burnt = np.stack(
        list(read(render(finished, {"size_px": 128, "format": "mkv", "captions": "burnt"})[0].target))
    ).astype(int)
    assert plain.shape == burnt.shape
    changed = np.abs(plain - burnt).mean(axis=(0, 2, 3))
    assert changed[64:].max() > 2
    assert changed[:32].max() == 0


def test_the_settings_beside_a_film_are_resolved_and_the_film_tells_its_origin(finished):
    rendering, _ = render(finished, {"codec": "h265", "fps": 29.97, "seconds": 0.5})
    told = json.loads(rendering.settings.read_text())
    assert (told["run_id"], told["fps"], told["frames"]) == (finished.id, "30000/1001", 15)
    assert told["film"] | {"codec": "h265", "quality": 19, "preset": "veryfast", "chroma": "420"} == told["film"]
    tags = read_tags(rendering.target)
    facts = json.loads(tags["comment"])
    assert (facts["method"], facts["seed"], facts["config_sha256"]) == ("joint", 0, rendering.key.digest)
    assert facts["digital_source_type"].endswith("trainedAlgorithmicMedia")


def test_a_preview_is_small_and_takes_what_is_asked_for(finished, tmp_path):
    base = read_run(run(tmp_path, "film.size_px=512", "film.fps=60", "enlarge.model=none").run.id, tmp_path)
    small = planned(base, {}, preview=True)
    assert (small.film.size, small.film.spec.fps, small.film.spec.preset) == ((320, 320), 12, "ultrafast")
    assert small.target.name.startswith("preview-320x320-12fps-")
    asked = planned(base, {"film.fps": 24, "film.format": "webm"}, preview=True)
    assert (asked.film.spec.fps, asked.film.encoding.codec) == (24, "vp9")


def test_it_works_without_the_store_and_away_from_it(own, tmp_path):
    expected = render(own, {"fps": 4})[0].target.read_bytes()
    away = tmp_path / "away" / "film"
    shutil.copytree(own.folder, away)
    shutil.rmtree(away / "renders")
    taken = read_run(str(away), tmp_path)
    rendering, facts = render(taken, {"fps": 4})
    assert (facts["made"], rendering.target.read_bytes()) == (True, expected)
    assert rendering.target.is_relative_to(away)
    assert {path.name for path in away.parent.iterdir()} == {"film"}  # nothing beside the run
    shutil.rmtree(own.root / ".cache")
    _, facts = render(own, {"fps": 4})
    assert facts["made"]


def test_a_changed_level_is_taken_from_the_store_or_refused(own):
    level = own.picture(1)
    Image.new("RGB", (64, 64), "red").save(level)
    expected = render(own)[0].target.read_bytes()
    assert expected == (own.folder / "zoom.mp4").read_bytes()
    _, facts = render(own, {"fps": 4})
    assert facts["made"]
    shutil.rmtree(own.root / ".cache")
    with pytest.raises(RefusedError, match=r"level_01.png is missing or was changed.*Put the file back"):
        render(own, {"fps": 5})
    assert not list((own.folder / "renders").glob("*-5fps*"))


def test_a_named_file_is_not_overwritten_unasked(finished, tmp_path):
    mine = tmp_path / "mine.webm"
    mine.write_bytes(b"precious")
    with pytest.raises(RefusedError, match=r"mine.webm is there already.*--force"):
        planned(finished, {}, to=mine)
    assert mine.read_bytes() == b"precious"
    rendering, _ = render(finished, {"seconds": 1}, to=mine, force=True)
    assert (probe(mine).codec, rendering.film.spec.format) == ("vp9", "webm")
    _, facts = render(finished, {"seconds": 1}, to=mine)  # the same film again: nothing is lost
    assert not facts["made"]
    (tmp_path / "notes.mp4.json").write_text("{}")
    with pytest.raises(RefusedError, match=r"notes.mp4.json is there already"):
        planned(finished, {}, to=tmp_path / "notes.mp4")


def test_a_sequence_takes_its_place_as_a_whole(own, tmp_path, monkeypatch):
    """Killed among its pictures it is not there; made again, what the killed one left is gone; shorter, none remain."""
    place, changes = tmp_path / "films" / "pictures", {"format": "png", "fps": 6}
    real, copied = Store.copy_out, []

    def stop(store, artifact, target) -> bool:
        copied.append(target)
        if len(copied) == 5:
            (target.parent / f".{target.name}.xyz.part").write_bytes(b"half")
            monkeypatch.setattr("tasks.store.Store.copy_out", real)
            raise CutError
        return real(store, artifact, target)

    monkeypatch.setattr("tasks.store.Store.copy_out", stop)
    monkeypatch.setattr("shutil.rmtree", lambda *_, **__: None)  # as if killed: nothing is cleared away
    with pytest.raises(CutError):
        render(own, changes, to=place)
    monkeypatch.undo()
    assert not place.exists()
    render(own, changes, to=place)
    assert len(list(place.iterdir())) == 12
    assert {path.name for path in place.parent.iterdir()} == {"pictures", "pictures.json"}
    render(own, {**changes, "fps": 3}, to=place, force=True)
    assert sorted(path.name for path in place.iterdir()) == [f"frame_{number:06d}.png" for number in range(1, 7)]
    (place / "mine.txt").write_text("precious")
    with pytest.raises(InvalidInputError, match=r"also holds mine.txt"):
        render(own, changes, to=place, force=True)


@pytest.mark.parametrize("name", ["films", "folder.mp4", "file.webm"])
def test_a_film_does_not_go_by_another_kinds_name(finished, tmp_path, name):
    """Not even by force; nor does it take the place of a folder."""
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(RefusedError, match=r"\.mp4"):
        planned(finished, {"film.format": "mp4"}, to=tmp_path / name, force=True)


def test_nothing_of_it_is_swept_away_while_it_is_shown(own):
    kept, _ = render(own, {"fps": 4})
    gone, _ = render(own, {"fps": 5})
    gone.settings.unlink()
    clean(own.root)
    assert kept.workshop.find(kept.key) is not None
    assert gone.workshop.find(gone.key) is None


REFUSED = {
    "another seed": ({"seed": 1}, {}, "seed cannot be set.*tenfold zoom"),
    "unknown format": ({"film.format": "avi"}, {}, "mp4, webm"),
    "codec elsewhere": ({"film.format": "webm", "film.codec": "h264"}, {}, "vp9, av1"),
    "no such quality": ({"film.quality": 99}, {}, "from 1 .* to 51"),
    "no frames": ({"film.seconds": 0.001}, {}, "frame"),
    "no audio there": ({"film.audio": "/no/such/song.mp3"}, {}, "film.audio.*cannot be read.*--set film.audio=null"),
    "audio in a gif": ({"film.format": "gif", "film.audio": __file__}, {}, "no sound"),
    "audio that is none": ({"film.audio": __file__}, {}, "sound"),
    "no track in a gif": ({"film.format": "gif", "film.captions": "track"}, {}, "burnt or file"),
    "no widths": ({"film.scale_bar": True}, {}, "width_m"),
    "a fast gif": ({"film.format": "gif", "film.fps": 60}, {}, "at most 50"),
    "a thin film": ({"film.size_px": 64, "film.aspect": "8:1"}, {}, "too small"),
    "hardware": ({"film.format": "mov", "film.hardware": "always"}, {}, "hardware"),
    "name of another kind": ({"film.format": "gif"}, {"to": Path("x.mp4")}, "no name for a film in gif"),
    "name of no kind": ({}, {"to": Path("x.avi")}, "End it with one of"),
    "no place": ({"film.fps": 7}, {"to": Path("/proc/x.mp4")}, "--to"),
}


@pytest.mark.parametrize(("changes", "options", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_refused_before_any_work(finished, changes, options, words):
    before = sorted(finished.folder.rglob("*"))
    with pytest.raises((RefusedError, InvalidInputError), match=words):
        planned(finished, changes, **options)
    assert sorted(finished.folder.rglob("*")) == before


WORKER = """
import sys
from pathlib import Path
from tasks.finished import read_run
from tasks.rerender import make, planned
from tests.tasks.test_rerender import LONG

make(planned(read_run(sys.argv[1], Path(sys.argv[2])), LONG), lambda event: print(event, flush=True))
"""
LONG = {"film.seconds": 100, "film.fps": 24, "film.size_px": 96}


@pytest.mark.slow  # the gate kills a run in its film (test_processes), and draws no segment twice (test_segments)
def test_killed_in_a_render_it_goes_on_from_its_finished_segments(own, tmp_path):
    command = [sys.executable, "-c", WORKER, own.id, str(own.root)]
    worker = subprocess.Popen(command, cwd=ROOT, env=dict(os.environ), stdout=subprocess.PIPE, text=True)
    for line in worker.stdout:
        if line.startswith("StageMoved") and int(line.rpartition("=")[2].rstrip(")\n")) > 1500:
            break
    worker.send_signal(signal.SIGKILL)
    worker.stdout.close()
    assert worker.wait() == -signal.SIGKILL
    rendering = planned(own, LONG)
    assert not rendering.target.exists()
    events = []
    make(rendering, events.append)
    moved = [event.done for event in events if isinstance(event, StageMoved)]
    assert moved[0] >= 240  # what is finished is not drawn again
    assert moved == sorted(moved)
    assert moved[-1] == probe(rendering.target).frames == 2400
    fresh = read_run(run(tmp_path / "fresh").run.id, tmp_path / "fresh")
    assert (
        render(fresh, {"seconds": 100, "fps": 24, "size_px": 96})[0].target.read_bytes()
        == rendering.target.read_bytes()
    )


@pytest.mark.parametrize(
    ("kind", "where"),
    [("mp4", "tasks.filming.stamp"), ("mp4", "tasks.store.Store.put"), ("png", "tasks.store.Store.put")],
)
def test_stopped_after_its_last_frame_it_is_not_drawn_again(own, monkeypatch, kind, where):
    """A film that is there may yet find no room in the store, or be killed on its way there."""

    def stop(*_) -> None:
        raise CutError

    rendering, events = planned(own, {"film.fps": 6, "film.format": kind}), []
    with monkeypatch.context() as patch:
        patch.setattr(where, stop)
        with pytest.raises(CutError):
            make(rendering)
    facts = make(rendering, events.append)
    assert facts["made"]
    assert [event.done for event in events if isinstance(event, StageMoved)] == [facts["frames"]]
    assert not list((rendering.workshop.root / "work").glob("*"))


def test_a_stopped_render_leaves_nothing_that_looks_whole(own):
    def stop(event) -> None:
        if event == StageMoved("video", 5):
            raise CutError

    rendering = planned(own, {"film.fps": 6})
    with pytest.raises(CutError):
        make(rendering, stop)
    assert not rendering.target.exists()
    assert not rendering.settings.exists()


def test_a_closed_loop_stays_closed(tmp_path):
    report = run(tmp_path, loop=True, levels=list("abcdef"))
    base = read_run(report.run.id, tmp_path)
    rendering, _ = render(base, {"format": "mkv", "fps": 16, "direction": "out"})
    film = np.stack(list(read(rendering.target))).astype(float)
    assert len(film) == 6 * 16
    change = np.abs(film - np.roll(film, 1, axis=0)).mean(axis=(1, 2, 3))
    assert change[0] < 1.2 * max(change[1], change[-1])


def test_widths_give_a_scale_bar(tmp_path):
    levels = [{"prompt": name, "width_m": 8.0 / 2**i} for i, name in enumerate("abc")]
    base = read_run(run(tmp_path, levels=levels).run.id, tmp_path)
    with_bar = np.stack(list(read(render(base, {"format": "mkv", "scale_bar": True})[0].target))).astype(int)
    without = np.stack(list(read(render(base, {"format": "mkv"})[0].target))).astype(int)
    assert np.abs(with_bar - without).max() > 40
