"""Methods are found by their files."""

import inspect
import subprocess
import sys
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

from zoomlib.errors import InvalidInputError
from zoomlib.methods import METHODS, load_method, method_names, summary


def test_the_methods_of_the_core_are_found():
    assert {"joint", "independent", "iterative"} <= set(METHODS)
    assert method_names() == METHODS == tuple(sorted(METHODS))
    assert not any("_" in name for name in METHODS)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_keeps_to_the_pattern(name):
    module = load_method(name)
    assert is_dataclass(module.Config)
    assert module.Config.__dataclass_params__.frozen
    for function in (module.sample, module.sample_stack):
        parameters = inspect.signature(function).parameters
        assert {"p", "focus", "negatives", "generator"} <= parameters.keys()
        for field in fields(module.Config):
            assert parameters[field.name].default == field.default
    assert "state" in inspect.signature(module.sample).parameters
    assert len(summary(name)) > 20


@pytest.mark.parametrize("name", METHODS)
def test_what_a_method_can_is_said_in_the_words_of_the_contract(name):
    module = load_method(name)
    said = {constant: value for constant, value in vars(module).items() if constant in module.__all__}
    known = {"PHOTO", "IMAGES", "EXTENDS", "GRID", "DIVIDES", "NESTS", "DRAWS", "VERSION"}
    assert {name for name in said if name.isupper()} <= known
    assert said.get("GRID", "pixels") in ("pixels", "model")
    assert said.get("PHOTO") in ("widest", "deepest", None)
    assert {said.get("IMAGES", True), said.get("NESTS", True)} == {True}
    assert said.get("DRAWS", "plane") == "plane"
    assert isinstance(said.get("EXTENDS", ()), tuple)
    assert set(said.get("EXTENDS", ())) <= {"wider", "deeper"}
    assert module.Config().work(3).evaluations > 0
    assert module.Config().work(3, frozenset(range(3))).evaluations == 0
    assert module.Config().work(3, frozenset(range(3))).steps > 0


def test_an_unknown_method_is_refused_and_the_known_are_named():
    for function in (load_method, summary):
        with pytest.raises(InvalidInputError, match="joint"):
            function("../joint")


def test_listing_and_describing_methods_imports_none_of_them():
    code = (
        "import sys, zoomlib.methods as m; m.summary('joint'); "
        "assert 'zoomlib.methods.joint' not in sys.modules and 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", METHODS)
def test_the_page_of_methods_tells_of_it(name):
    """A row of its first table, which says what the method is good for."""
    page = (Path(__file__).parents[2] / "docs" / "methods.md").read_text(encoding="utf-8")
    assert f"\n| `{name}` |" in page
