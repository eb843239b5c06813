"""Configuration: every field is reached by its path, typed, and refused with its name and the nearest known one."""

import contextlib
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tasks.errors import RefusedError
from tasks.specs import RunConfig, did_you_mean, parse_config, setting_paths, with_settings


def get(config: RunConfig, path: str) -> object:
    value = config
    for name in path.split("."):
        value = getattr(value, name)
    return value


def test_defaults_work_and_survive_json():
    assert parse_config(RunConfig().model_dump(mode="json")) == RunConfig()


@pytest.mark.parametrize(
    ("setting", "path", "value"),
    [
        ("film.fps=24", "film.fps", 24.0),
        ("film.fps=24000/1001", "film.fps", 24000 / 1001),
        ("film.aspect=16:9", "film.aspect", "16:9"),
        ("film.aspect=1.85", "film.aspect", "1.85"),
        ("film.chroma=444", "film.chroma", "444"),
        ("film.keyframes=[[0, 0], [0.5, 0.8], [1, 1]]", "film.keyframes", ((0.0, 0.0), (0.5, 0.8), (1.0, 1.0))),
        ("film.audio=a b.ogg", "film.audio", Path("a b.ogg")),
        ("film.audio=null", "film.audio", None),
        ("film.seconds_per_level=0.5", "film.seconds_per_level", 0.5),
        ("film.direction=out", "film.direction", "out"),
        ("guidance.clamp=false", "guidance.clamp", False),
        ("guidance.clamp=null", "guidance.clamp", None),
        ("model.rows=4", "model.rows", 4),
        ("model.name=a=b", "model.name", "a=b"),
        ("model.name=42", "model.name", "42"),
        ("p=4", "p", 4.0),
        ("sampling.eta=0.25", "sampling", {"eta": 0.25}),
        (" seed =7", "seed", 7),
    ],
)
def test_a_setting_is_typed(setting, path, value):
    found = get(with_settings(RunConfig(), [setting]), path)
    assert found == value
    assert type(found) is type(value)


def test_later_settings_win_and_others_stay():
    config = with_settings(RunConfig(seed=3), ["film.fps=24", "film.fps=25", "sampling.eta=1", "sampling.steps=9"])
    assert (config.film.fps, config.seed, config.sampling) == (25, 3, {"eta": 1, "steps": 9})


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("film.fsp=24", "film.fps"),
        ("fps=24", "film.fps"),
        ("flm.fps=24", "film.fps"),
        ("guidance=3", "guidance.scale"),
        ("film.fps.x=1", "film.fps"),
        ("film=24", "no setting"),
        ("film.fps", "path.to.key=value"),
        ("=24", "path.to.key=value"),
        ("film.fps=fast", "film.fps.*'fast'"),
        ("film.fps=0", "film.fps.*greater than or equal to 1"),
        ("film.fps=1e9", "film.fps"),
        ("film.fps=30/0", "film.fps.*24000/1001"),
        ("film.fps=241", "film.fps.*240"),
        ("film.size_px=31", "film.size_px.*32"),
        ("film.aspect=wide", "film.aspect.*16:9"),
        ("film.aspect=100:1", "film.aspect.*8:1"),
        ("film.direction=sideways", "'in', 'out', 'in-out' or 'out-in'"),
        ("film.seconds=0", "film.seconds"),
        ("film.pan_to=[2, 0]", "film.pan_to.*less than or equal to 1"),
        ("film.hardware=maybe", "film.hardware"),
        ("film.quality=NaN", "film.quality"),
        ("film.seconds_per_level=NaN", "finite"),
        ("seed=-1", "seed"),
        ("seed=1.5", "seed"),
        ("p=true", "p was refused"),
        ("p=two", "p was refused"),
        ("model.rows=0", "model.rows"),
        ("guidance.scale=0.5", "guidance.scale"),
        ("model.dtype=int8", "model.dtype"),
    ],
)
def test_a_bad_setting_is_refused_with_its_remedy(setting, words):
    with pytest.raises(RefusedError, match=words):
        with_settings(RunConfig(), [setting])


@given(st.text(max_size=40))
def test_any_text_is_a_setting_or_refused(text):
    with contextlib.suppress(RefusedError):
        assert with_settings(RunConfig(), [text]) == parse_config(with_settings(RunConfig(), [text]).model_dump())


def test_unknown_keys_of_a_file_are_refused():
    with pytest.raises(RefusedError, match=r"film\.fsp.*film\.fps"):
        parse_config({"film": {"fsp": 24}})


def test_a_configuration_is_frozen():
    with pytest.raises(ValidationError):
        RunConfig().seed = 1


def test_every_path_is_a_field():
    for path in setting_paths():
        get(RunConfig(), path)


def test_did_you_mean_lists_what_is_known_when_nothing_is_near():
    assert did_you_mean("zzz", ["eta", "steps"]) == "Known are: eta, steps."


@pytest.mark.parametrize("whole", [24, 30, 48, 60, 120])
def test_rates_of_television_are_meant_exactly(whole):
    exact = Fraction(whole * 1000, 1001)
    for written in (round(float(exact), 2), round(float(exact), 3), f"{whole * 1000}/1001", float(exact)):
        assert with_settings(RunConfig(), [f"film.fps={written}"]).film.rate == exact
    assert with_settings(RunConfig(), [f"film.fps={whole}"]).film.rate == whole
    assert with_settings(RunConfig(), ["film.fps=12.5"]).film.rate == Fraction(25, 2)


def test_easing_and_keyframes_are_one_thing():
    with pytest.raises(RefusedError, match=r"settings of film .* leave one of the two out"):
        with_settings(RunConfig(), ["film.easing=in", "film.keyframes=[[0, 0], [1, 1]]"])
