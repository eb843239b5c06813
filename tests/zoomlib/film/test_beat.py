import subprocess
import sys
import wave

import numpy as np
import pytest

from zoomlib.errors import InvalidInputError
from zoomlib.film import ffmpeg
from zoomlib.film.beat import find_beats
from zoomlib.film.camera import Camera

RATE = 22050
HEARD_S = 0.03  # asked of every beat; they lie within 0.01 s


def struck(times, duration_s, sound):
    """`sound` at every one of `times`, over noise 50 dB below."""
    made = 0.001 * np.random.default_rng(0).normal(size=round(duration_s * RATE))
    for time in times:
        part = made[round(time * RATE) :][: len(sound)]
        part += sound[: len(part)]
    return made


def click():
    n = np.arange(RATE // 30) / RATE
    return 0.5 * np.sin(2 * np.pi * 1000 * n) * np.exp(-n / 0.006)


def drum():
    n = np.arange(RATE // 4) / RATE
    return 0.7 * np.sin(2 * np.pi * (50 * n + 2.4 * (1 - np.exp(-n / 0.04)))) * np.exp(-n / 0.09)


def written(path, sound, rate=RATE):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((sound.clip(-1, 1) * 32767).astype("<i2").tobytes())
    return path


def assert_same_beats(found, true):
    assert len(found) == len(true)
    assert np.abs(np.array(found) - true).max() < HEARD_S


@pytest.mark.parametrize("tempo", [60, 75, 90, 120, 128, 150])
@pytest.mark.parametrize("first_s", [0.0, 0.05, 0.37])
@pytest.mark.parametrize("sound", [click, drum])
def test_every_beat_of_a_track_is_found_where_it_is(tmp_path, tempo, first_s, sound):
    true = np.arange(first_s, 14.9, 60 / tempo)
    found = find_beats(written(tmp_path / "track.wav", struck(true, 15, sound())), 15.0)
    assert_same_beats(found, true)


def test_quiet_strokes_between_the_beats_are_none(tmp_path):
    true = np.arange(0.2, 14.9, 0.5)
    track = struck(true, 15, click()) + struck(true[:-1] + 0.25, 15, 0.1 * click())
    assert_same_beats(find_beats(written(tmp_path / "track.wav", track), 15.0), true)


def test_a_beat_that_is_left_out_is_kept_by_its_regularity(tmp_path):
    true = np.arange(0.2, 14.9, 0.5)
    played = np.delete(true, [9, 16])
    assert_same_beats(find_beats(written(tmp_path / "track.wav", struck(played, 15, click())), 15.0), true)


def test_a_short_film_has_the_beats_of_its_own_seconds(tmp_path):
    true = np.arange(0.3, 30, 0.6)
    path = written(tmp_path / "track.wav", struck(true, 30, click()))
    assert_same_beats(find_beats(path, 2.0), true[true < 2])


@pytest.mark.parametrize("kind", ["song.mp3", "song.m4a", "song: a, b.ogg", "song.flac", "song.mkv"])
def test_any_format_can_be_heard(tmp_path, kind):
    true = np.arange(0.25, 9.9, 0.5)
    plain = written(tmp_path / "track.wav", struck(true, 10, click()))
    path = tmp_path / kind
    stereo = ["-i", str(plain), "-ac", "2", "-ar", "44100", ffmpeg.url(path)]
    subprocess.run([ffmpeg.executable(), "-loglevel", "error", "-y", *stereo], check=True)
    assert_same_beats(find_beats(path, 10.0), true)


def test_a_camera_takes_the_beats_that_are_found(tmp_path):
    true = np.arange(0.25, 7.9, 0.5)
    beats = find_beats(written(tmp_path / "track.wav", struck(true, 8, click())), 8.0)
    camera = Camera(5, fps=60, seconds=8, beats=beats, beat_strength=0.8)
    speed = np.diff(camera.ways())
    for beat in true[1:-1]:
        around = np.flatnonzero(abs(camera.times()[:-1] + 1 / 60 - beat) <= 0.25)
        peak = camera.times()[around[np.argmax(speed[around])]] + 1 / 60
        assert abs(peak - beat) < HEARD_S


@pytest.mark.parametrize("sound", [np.zeros(5 * RATE), np.zeros(0)])
def test_silence_has_no_beat(tmp_path, sound):
    with pytest.raises(InvalidInputError, match="No beat is heard in the first 5 s"):
        find_beats(written(tmp_path / "silence.wav", sound), 5.0)


def test_a_file_without_sound_is_refused(tmp_path):
    path = tmp_path / "words.mp3"
    path.write_text("not a sound")
    with pytest.raises(InvalidInputError, match="no sound that can be read"):
        find_beats(path, 5.0)
    with pytest.raises(InvalidInputError, match="There is no audio file"):
        find_beats(tmp_path / "missing.mp3", 5.0)


@pytest.mark.parametrize("duration_s", [0.0, -1.0, float("nan"), float("inf")])
def test_a_length_that_no_film_has_is_refused(tmp_path, duration_s):
    with pytest.raises(InvalidInputError, match="seconds of audio"):
        find_beats(tmp_path / "any.wav", duration_s)


def test_without_librosa_the_remedy_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "librosa", None)  # what Python itself does for a module that must not be found
    with pytest.raises(InvalidInputError, match=r"pip install 'tenfold\[beat\]'"):
        find_beats(written(tmp_path / "track.wav", np.zeros(RATE)), 1.0)
