"""Sampling methods, one file each, found by its name.

A method `so-and-so` is a file `so_and_so.py` here with a docstring whose first line says what it is, and

- `Config`: a frozen dataclass of its settings with their defaults, which checks them, and says by
  `work(levels, given)` what a run takes when the levels `given` are there already;
- `run(denoiser, prompts, config, scene, *, generator, state=None) -> Iterator[State]`, as `zoomlib.scene.Run`;
- `sample, sample_stack = keyword_forms(Config, run)`: the same for people, the second returning the finished ZoomStack;
- where a photograph can start it, `PHOTO = "widest"` or `"deepest"`; where pictures of single levels can be given,
  `IMAGES = True`; where a run can be continued, `EXTENDS`, a tuple of "wider" and "deeper"; where windows show the
  deeper levels as they are, so that enlarged levels must again, `NESTS = True`.

Files whose names begin with an underscore are helpers. Listing methods imports none of them.
"""

import ast
from importlib import import_module
from pathlib import Path
from types import ModuleType

from zoomlib.errors import InvalidInputError

_FOLDER = Path(__file__).parent


def method_names() -> tuple[str, ...]:
    """Names of all methods, with dashes, in alphabetical order."""
    return tuple(sorted(file.stem.replace("_", "-") for file in _FOLDER.glob("*.py") if file.stem[0] != "_"))


METHODS = method_names()


def load_method(name: str) -> ModuleType:
    """The module of a method, as described above. Raises InvalidInputError for another name."""
    if name not in method_names():
        raise InvalidInputError(f"There is no method {name!r}. Choose one of: {', '.join(method_names())}.")
    return import_module(f"{__name__}.{name.replace('-', '_')}")


def summary(name: str) -> str:
    """The first line of a method's description, read without importing it."""
    if name not in method_names():
        raise InvalidInputError(f"There is no method {name!r}. Choose one of: {', '.join(method_names())}.")
    tree = ast.parse((_FOLDER / f"{name.replace('-', '_')}.py").read_text(encoding="utf-8"))
    return (ast.get_docstring(tree) or "").partition("\n")[0]
