"""Sampling methods, one file each, found by its name.

A method `so-and-so` is a file `so_and_so.py` here with a docstring whose first line says what it is, and

- `Config`: a frozen dataclass of its settings with their defaults, which checks them, and says by
  `work(levels, given)` what a run takes when the levels `given` are there already: its steps, which are the `index` of
  its last state, and how many levels pass the model;
- `run(denoiser, prompts, config, scene, *, generator, state=None) -> Iterator[State]`, as `zoomlib.scene.Run`: it
  checks everything when it is called, before the first state is asked for, and goes on from any state it has yielded
  (`zoomlib.walk.State`);
- `sample, sample_stack = keyword_forms(Config, run)`: the same for people, the second returning the finished ZoomStack.

Constants say what else it can do; without them it cannot.

- `PHOTO`, "widest" or "deepest": the level that a photograph (`scene.photo`) starts it at.
- `IMAGES = True`: pictures of single levels (`scene.images`) are kept, so that a level of a run can be made again.
- `EXTENDS`, a tuple of "wider" and "deeper": where levels can be added to a finished run.
- `DIVIDES = True`: p is a whole number that divides the sides of a level, of z and so of its picture.
- `NESTS = True`: windows show the deeper levels as they are, so that enlarged levels must again.
- `GRID = "model"`: windows lie on whole places of the model's space rather than on whole pixels (`zoomlib.scene.Grid`);
  give it to `keyword_forms` too.
- `DRAWS = "plane"`: it draws from a generator of planes (`zoomlib.infinity.planes.Planes`), which `run` is given in the
  place of a denoiser, and reads no prompts. Such a module has `tiles(config, levels, size, p, focus, tile_px, given)`,
  too: how many tiles of the plane a run paints, which is its work.
- `VERSION`, a text: to be raised when the method makes other numbers from the same inputs; what was made is made again.

Settings of these names mean the same in every method and are known outside: `steps`; `margin`, from which p follows;
`loop`, for stories that are closed; `looking`, for methods that use `scene.describe`; `feather`, where windows fade in
softly, and `blending` and `coarse_weight` beside it, for methods that blend levels, in which a photograph alone is no
level that is kept. What of the scene a method has no use for, it refuses (`Scene.refuse`).

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


def reads_prompts(name: str) -> bool:
    """Whether what a method draws depends on its prompts; a plane's does not."""
    return getattr(load_method(name), "DRAWS", "") != "plane"
