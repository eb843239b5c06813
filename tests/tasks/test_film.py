"""A film as plain values: sizes, names, what it depends on, and that its page names every setting and format."""

import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.film import Film, Origin, changed, check, given_sounds, resolved
from tasks.film_spec import FilmSpec
from tasks.run import GivenFile
from tests.tasks.test_pipeline import made, run
from zoomlib.errors import InvalidInputError
from zoomlib.film.formats import CODECS, FORMATS
from zoomlib.film.video import probe

PAGE = Path(__file__).resolve().parents[2] / "docs" / "film.md"
STACK = {"stack.json": "0" * 64}


def film(**settings) -> Film:
    origin = Origin("joint", 0, "bundled 1234")
    return Film(FilmSpec(**settings), "Test", ("a", "b", "c"), (8.0, None, None), (48, 64), origin)


def clicks(path: Path, seconds: float, every_s: float) -> Path:
    """A mono file with a short burst every so many seconds."""
    rate = 22050
    sound = np.zeros(round(seconds * rate))
    burst = np.random.default_rng(0).standard_normal(400) * np.linspace(1, 0, 400)
    for start in np.arange(0, seconds - 0.1, every_s):
        sound[round(start * rate) : round(start * rate) + 400] = burst
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((sound / 4 * 32767).clip(-32767, 32767).astype("<i2").tobytes())
    return path


@pytest.mark.parametrize(
    ("settings", "size"),
    [
        ({"size_px": 1024}, (1024, 768)),
        ({"size_px": 255}, (254, 190)),  # 4:2:0 has even sides
        ({"size_px": 255, "chroma": "444"}, (255, 191)),
        ({"size_px": 255, "format": "png"}, (255, 191)),
        ({"size_px": 1920, "aspect": "16:9"}, (1920, 1080)),
        ({"size_px": 1920, "aspect": "9:16"}, (1080, 1920)),
        ({"size_px": 1000, "aspect": "1.85"}, (1000, 540)),
    ],
)
def test_the_longer_side_is_as_asked_and_the_shape_too(settings, size):
    assert film(**settings).size == size


@given(st.integers(32, 8192), st.integers(1, 64), st.integers(1, 64))
def test_any_two_sides_can_be_asked_for(longer, a, b):
    if 1 / 8 <= a / b <= 8:
        width, height = film(size_px=longer, aspect=f"{a}:{b}", format="png").size
        assert max(width, height) == longer
        assert abs(width * b - height * a) <= max(a, b) / 2 + 1e-9  # rounded to a pixel


def test_files_are_named_by_their_format():
    names = {name: film(format=name).name for name in FORMATS}
    assert names.pop("png") == "frames"
    assert names == {name: f"zoom.{name}" for name in names}


CHANGES = [
    {"size_px": 128},
    {"aspect": "1:1"},
    {"fps": 24},
    {"seconds": 5},
    {"direction": "out"},
    {"easing": "in"},
    {"keyframes": ((0, 0), (1, 1))},
    {"hold_start_s": 1},
    {"turn_deg": 3},
    {"pan_to": (0.1, 0)},
    {"format": "webm"},
    {"codec": "h265"},
    {"quality": 20},
    {"chroma": "444"},
    {"captions": "burnt"},
    {"scale_bar": True},
]


def test_a_film_depends_on_each_of_its_settings_and_not_on_where_it_is_drawn():
    plain = film().inputs(STACK)
    assert len({str(film(**change).inputs(STACK)) for change in CHANGES} | {str(plain)}) == len(CHANGES) + 1
    assert film(device="cuda").inputs(STACK) == plain
    assert film(fps=29.97).inputs(STACK) == film(fps=30000 / 1001).inputs(STACK)
    assert replace(film(), widths_m=(None,) * 3).inputs(STACK) == plain  # no bar, no widths


def test_sounds_count_by_content(tmp_path):
    first, second = (clicks(tmp_path / name, 1, 0.5) for name in ("a.wav", "b.wav"))
    spoken = [given_sounds(FilmSpec(audio=path)) for path in (first, second)]
    films = [replace(film(audio=path), sounds=sounds) for path, sounds in zip((first, second), spoken, strict=True)]
    assert films[0].inputs(STACK) == films[1].inputs(STACK) != film().inputs(STACK)
    other = GivenFile(first, "f" * 64)
    assert replace(films[0], sounds={"audio": other}).inputs(STACK) != films[0].inputs(STACK)


def test_what_follows_from_other_settings_is_filled_in_and_made_free_again():
    spec = resolved(film())
    assert (spec.codec, spec.quality, spec.preset, spec.chroma) == ("h264", 18, "veryfast", "420")
    webm = changed(spec, {"format": "webm", "fps": 24})
    assert (webm.codec, webm.quality, webm.preset, webm.chroma, webm.fps) == (None, None, None, None, 30)
    assert changed(spec, {"codec": "h265"}).quality is None
    assert changed(spec, {"quality": 30, "codec": "h264"}) == spec


def test_animated_pictures_are_small_unless_more_is_asked_for():
    spec = resolved(film(size_px=1024))
    for name in ("gif", "webp"):
        assert resolved(film(format=name)).fps == 12.5
        small = changed(spec, {"format": name})
        assert (small.size_px, small.fps) == (320, None)
        again = changed(resolved(film(format=name, size_px=512)), {"format": name})
        assert (again.size_px, again.fps) == (512, 12.5)
        assert changed(again, {"format": "mp4"}).fps is None
    assert changed(spec, {"format": "webm"}) == spec.model_copy(
        update=dict.fromkeys(("codec", "quality", "preset", "chroma"))
    )
    assert film(format="gif", fps=25).spec.rate == 25
    assert film().spec.rate == 30


@pytest.mark.parametrize(("name", "codec"), [(name, codec) for name, kind in FORMATS.items() for codec in kind.codecs])
def test_resolved_settings_are_read_again_as_they_were(name, codec):
    """A run's file holds them: what cannot be read makes the run unusable."""
    for chroma in CODECS[codec].chromas:
        spec = resolved(film(format=name, codec=codec, chroma=chroma))
        assert FilmSpec.model_validate_json(spec.model_dump_json()) == spec


def test_a_loop_is_not_panned():
    with pytest.raises(InvalidInputError, match="loop"):
        check(replace(film(pan_to=(0.1, 0)), loop=True))


def test_sound_is_in_the_film_and_its_beat_moves_the_frames_but_not_the_length(tmp_path):
    music = clicks(tmp_path / "music.wav", 8, 0.5)
    still = run(tmp_path / "runs", f"film.audio={music}")
    moved = run(tmp_path / "runs", f"film.audio={music}", f"film.beat={music}")
    assert made(moved) == ["video", "motion"]
    facts = [probe(report.video) for report in (still, moved)]
    assert facts[0].frames == facts[1].frames == 16
    assert still.video.read_bytes() != moved.video.read_bytes()
    renamed = music.rename(tmp_path / "other.wav")
    assert made(run(tmp_path / "runs", f"film.audio={renamed}")) == []
    assert still.run.id == run(tmp_path / "runs", f"film.audio={renamed}").run.id


def test_music_without_a_beat_is_refused_before_any_work(tmp_path):
    silence = clicks(tmp_path / "silence.wav", 2, 9)
    silence.write_bytes(silence.read_bytes()[:44] + bytes(2 * 22050 * 2))
    with pytest.raises(InvalidInputError, match="beat"):
        run(tmp_path / "runs", f"film.beat={silence}")
    assert not (tmp_path / "runs").exists()


def test_the_page_of_films_names_every_setting_format_and_codec():
    text = PAGE.read_text(encoding="utf-8")
    coding = {"format", "codec", "quality"}  # columns of a table
    for name in FilmSpec.model_fields.keys() - coding:
        assert f"`{name}`" in text or f"film.{name}" in text or f"`--{name}" in text, name
    for name, kind in FORMATS.items():
        (line,) = [line for line in text.splitlines() if line.startswith(f"| `{name}` |")]
        assert all(f"`{codec}`" in line for codec in kind.codecs if codec != "png"), line
