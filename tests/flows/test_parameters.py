"""What the server refuses of a deployment's parameters before it schedules anything, and that it refuses no more."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema.exceptions import ValidationError, best_match
from prefect.utilities.schema_tools import validation

import prompts
from flows.evaluate import evaluate
from flows.nightly import nightly
from flows.sweep import sweep
from flows.zoom import zoom
from prompts.request import PlanRequest
from tasks.errors import RefusedError
from tasks.presets import presets
from tasks.specs import RunConfig, setting_paths, with_values
from tasks.sweep_spec import SweepSpec, parse_seeds
from zoomlib.methods import METHODS

SERVERS = validation._VALIDATOR  # what the server judges by, which looks the schema over each time: that takes long
FLOWS = {
    flow.name: SERVERS(validation.preprocess_schema(flow.parameters.model_dump_for_openapi()))
    for flow in (zoom, nightly, sweep, evaluate)
}
STORY = {"title": "A", "p": 2, "levels": ["a", {"prompt": "b", "focus": [0.5, 0.5]}]}


def check(flow: str, **parameters) -> None:
    """As the server does it (`prefect.utilities.schema_tools.validate`)."""
    error = best_match(FLOWS[flow].iter_errors(json.loads(json.dumps(parameters))))
    if error is not None:
        error.message = f"{error.json_path}: {error.message}"
        raise error


def test_the_schema_is_one():
    SERVERS.check_schema(FLOWS["zoom"].schema)


REFUSED = {
    "no story": ("zoom", {}, "'story' is a required property"),
    "a story with a fault": ("zoom", {"story": STORY | {"p": 0.5}}, r"story\.p: 0\.5 is less"),
    "a story without levels": ("zoom", {"story": STORY | {"levels": []}}, r"story\.levels.*non-empty"),
    "a wish with a fault": ("zoom", {"story": {"text": "a to b", "levels": 0}}, r"story\.levels.*less than"),
    "no text": ("zoom", {"story": ""}, "non-empty"),
    "an unknown method": ("zoom", {"story": STORY, "config": {"method": "jont"}}, "'jont' is not one of.*'joint'"),
    "an unknown preset": ("zoom", {"story": STORY, "config": {"preset": "gpu"}}, "'gpu' is not one of.*'gpu-8gb'"),
    "an unknown setting": ("zoom", {"story": STORY, "config": {"film": {"fsp": 3}}}, r"config\.film.*'fsp' was unex"),
    "a method's unknown one": ("zoom", {"story": STORY, "config": {"sampling": {"stps": 3}}}, r"'stps' was unexpected"),
    "an unknown path": ("zoom", {"story": STORY, "settings": {"film.fsp": 3}}, r"'film\.fsp' was unexpected"),
    "a wrong type": ("zoom", {"story": STORY, "settings": {"film.size_px": "big"}}, "'big' is not"),
    "out of bounds": ("zoom", {"story": STORY, "settings": {"film.fps": 0}}, "0 is less than the minimum of 1"),
    "force in words": ("zoom", {"story": STORY, "force": "no"}, "'no' is not of type 'boolean'"),
    "no stories": ("nightly", {"stories": []}, "non-empty"),
    "one story alone": ("nightly", {"stories": "cosmic-leaf"}, "is not of type 'array'"),
    "one bad method": ("nightly", {"stories": ["x"], "methods": ["joint", "x"]}, r"methods\[1\].*'x' is not one of"),
    "a bad engine": ("nightly", {"stories": ["x"], "engine": "airflow"}, "'airflow' is not one of.*'deployment'"),
    "bad seeds": ("nightly", {"stories": ["x"], "seeds": "some"}, "'some' does not match"),
    "a waiting without end": ("nightly", {"stories": ["x"], "whole_s": 1e9}, "greater than the maximum"),
    "an unknown grid": ("sweep", {"sweep": {"title": "x", "grid": {"film.fsp": [3]}}}, r"sweep\.grid.*'film\.fsp'"),
    "an empty grid": ("sweep", {"sweep": {"title": "x", "grid": {"film.fps": []}}}, "non-empty"),
    "a bad point": ("sweep", {"sweep": {"title": "x", "zip": {"film.fps": [24, 900]}}}, "900 is greater"),
    "a bad arm": ("sweep", {"sweep": {"title": "x", "arms": {"a": {"method": "x"}}}}, r"arms\.a\.method"),
    "a bad list of arms": ("sweep", {"sweep": {"title": "x", "arms": ["x"]}}, r"arms\[0\]"),
    "a bad base": ("sweep", {"sweep": {"title": "x", "base": {"film": {"fsp": 3}}}}, r"base\.film"),
    "runs as a text": ("evaluate", {"runs": "all"}, "is not of type 'array'"),
}


@pytest.mark.parametrize(("flow", "parameters", "words"), REFUSED.values(), ids=REFUSED)
def test_wrong_parameters_are_refused_with_the_reason(flow, parameters, words):
    with pytest.raises(ValidationError, match=words):
        check(flow, **parameters)


ACCEPTED = {
    "a ready story": ("zoom", {"story": "cosmic-leaf"}),
    "a wish in words": ("zoom", {"story": "from a galaxy to a leaf"}),
    "a wish": ("zoom", {"story": PlanRequest(text="a", levels=4).model_dump(mode="json")}),
    "a rate of film": ("zoom", {"story": STORY, "config": {"film": {"fps": "30000/1001", "aspect": "16:9"}}}),
    "one for a list": ("zoom", {"story": STORY, "config": {"scores": {"measures": "clip_iqa"}, "model": {"size": 64}}}),
    "a stage by its kind": ("zoom", {"story": STORY, "settings": {"enlarge.stages": ["net"], "film.chroma": 444}}),
    "a URL": ("zoom", {"story": STORY, "root": "s3://bucket/runs", "slot": "tenfold-gpu"}),
    "seeds counted": ("nightly", {"stories": ["stories/*.yaml"], "seeds": 3, "methods": [*METHODS]}),
    "seeds as a text": ("nightly", {"stories": ["x"], "seeds": "0-3, 7,"}),
    "a preset of sweeps": ("sweep", {"sweep": "table1", "seeds": 2, "stories": ["cosmic-leaf", STORY]}),
    "a sweep": (
        "sweep",
        {"sweep": {"title": "x", "arms": ["joint"], "base": {"film": {"fps": 24}, "p": 2}, "seeds": 2}},
    ),
    "all runs": ("evaluate", {}),
}


@pytest.mark.parametrize(("flow", "parameters"), ACCEPTED.values(), ids=ACCEPTED)
def test_every_form_that_the_flow_takes_is_accepted(flow, parameters):
    check(flow, **parameters)


@pytest.mark.parametrize("preset", [None, *(preset.name for preset in presets())])
def test_what_a_parent_sends_is_accepted_whole_and_without_what_is_usual(preset):
    config = with_values(RunConfig(), {"preset": preset, "sampling.steps": 4})
    check("zoom", story=STORY, config=config.model_dump(mode="json"))
    short = config.model_dump(mode="json", exclude_defaults=True)
    check("zoom", story=STORY, config=short)
    assert RunConfig.model_validate(short) == config


@pytest.mark.parametrize("name", prompts.names())
def test_ready_stories_are_accepted_as_values(name):
    story = prompts.load_story(name)
    short = story.model_dump(mode="json", exclude_defaults=True)
    check("zoom", story=short)
    assert prompts.Story.model_validate(short) == story


PATHS = [*(path for path in setting_paths() if path != "method"), "sampling.steps"]  # of methods, `prepare` knows
VALUES = st.none() | st.booleans() | st.integers(-5, 400) | st.floats(-2, 400) | st.sampled_from(["auto", "none", "in"])


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(PATHS), VALUES, max_size=3))
def test_settings_that_make_a_configuration_pass_as_what_a_parent_sends(values):
    try:
        config = with_values(RunConfig(), values)
    except (RefusedError, TypeError):
        return
    if not set(map(type, config.sampling.values())) <= {int}:
        return  # a method's own, which `prepare` judges
    check("zoom", story=STORY, config=config.model_dump(mode="json", exclude_defaults=True))


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="0123456789,- x", max_size=12))
def test_seeds_as_text_are_judged_as_the_flow_judges_them(text):
    try:
        seeds = parse_seeds(text)
    except RefusedError:
        return
    assert seeds
    check("nightly", stories=["x"], seeds=text)
    assert SweepSpec(title="x", seeds=text).seeds == seeds
