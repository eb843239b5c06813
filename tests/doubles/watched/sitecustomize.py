"""Read by every Python process that has this folder in PYTHONPATH: it writes down what it really makes.

With TENFOLD_LEDGER, a file, every evaluation of a model and every body of a stage that is begun or committed adds a
line to it; whoever is killed has told until then. WATCHED_PAUSE_S makes each evaluation take so much longer. With
WATCHED_PAINTER every model is the painter of the tests, which is there at once.
"""

import hashlib
import importlib.machinery
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType
from typing import Any

LEDGER = os.environ.get("TENFOLD_LEDGER", "")
PAUSE_S = float(os.environ.get("WATCHED_PAUSE_S", "0"))
PAINTS = bool(os.environ.get("WATCHED_PAINTER"))


def note(what: str, **facts: Any) -> None:
    """Add a line, whole: a short write in append mode is not mixed with those of others."""
    line = json.dumps({"what": what, "pid": os.getpid(), "at": time.monotonic(), **facts}) + "\n"
    handle = os.open(LEDGER, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(handle, line.encode())
    finally:
        os.close(handle)


def watch_models(models: ModuleType) -> None:
    """Of `zoomlib.models`: what is loaded notes each evaluation by what it is given."""
    load = _painter if PAINTS else models.load_denoiser

    def load_denoiser(*arguments: Any, **options: Any) -> Any:
        model = load(*arguments, **options)
        predict = model.predict_clean

        def predict_clean(z: Any, step: Any, condition: Any) -> Any:
            time.sleep(PAUSE_S)
            content = z.detach().float().cpu().contiguous().numpy().tobytes() + repr(step).encode()
            rows = [condition.rows[name].detach().float().cpu().numpy().tobytes() for name in sorted(condition.rows)]
            note("evaluated", work=hashlib.sha256(b"".join([content, *rows])).hexdigest()[:16])
            return predict(z, step, condition)

        object.__setattr__(model, "predict_clean", predict_clean)
        return model

    models.load_denoiser = load_denoiser  # type: ignore[attr-defined]


def _painter(_name: str, *, size: Any = None, **_options: Any) -> Any:
    from tests.doubles.painter import Painter

    return Painter(size=size)


def describe_painter(models: ModuleType) -> None:
    """Of `tasks.models`: every model is the painter."""
    if PAINTS:
        from tests.doubles.painter import Studio

        models.describe_model = Studio().describe  # type: ignore[attr-defined]


def watch_stages(stage: ModuleType) -> None:
    """Of `tasks.stage`: a workshop notes each stage whose body is begun, and each that it has committed."""
    make = stage.Workshop.make

    def watched(self: Any, key: Any, body: Callable[..., Any], **options: Any) -> Any:
        def begun(work: Any) -> Any:
            note("begun", stage=key.stage, digest=key.digest)
            return body(work)

        manifest, made = make(self, key, begun, **options)
        if made:
            note("made", stage=key.stage, digest=key.digest)
        return manifest, made

    stage.Workshop.make = watched


WATCHED = {"zoomlib.models": watch_models, "tasks.models": describe_painter, "tasks.stage": watch_stages}


class Finder(MetaPathFinder):
    """Watches modules as soon as they are loaded; imports none itself."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> Any:
        if name not in WATCHED:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        assert spec is not None
        loader = spec.loader
        assert loader is not None
        run = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            run(module)
            WATCHED[name](module)

        loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


if LEDGER:
    sys.meta_path.insert(0, Finder())
