"""Scores that are asked for by name, as each needs weights that Tenfold does not carry, or a model that costs time.

A name says what and from which file: `aesthetic:heads/laion.safetensors`. `describe` tells what a name stands for
without loading anything; `load_measure` loads it.
"""

import difflib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from evaluation.networks.text_image import Scorer
from evaluation.networks.weights import check_file, digest
from evaluation.table import Score
from zoomlib.building import alone
from zoomlib.errors import InvalidInputError
from zoomlib.stack import ZoomStack


class Measure(Protocol):
    """A further score, ready to be computed. `scorer` and `revision` stand in its rows.

    embeds: whether it reads the embeddings of the run's scorer; they are then computed once for all that do.
    """

    @property
    def scorer(self) -> str: ...  # noqa: D102

    @property
    def revision(self) -> str: ...  # noqa: D102

    @property
    def embeds(self) -> bool: ...  # noqa: D102

    def score(self, stack: ZoomStack, embedded: Tensor | None) -> list[Score]:
        """Its scores of a stack; `embedded` (L, D) are unit embeddings of the levels, where it `embeds`."""
        ...


@dataclass(frozen=True)
class Kind:
    """A measure that can be asked for.

    form: how its name is written. module: where it lives. package: of an extra. embeds: whether it reads the scorer's
    embeddings, and is nothing without one.
    """

    form: str
    about: str
    module: str
    package: str | None = None
    embeds: bool = False


KINDS = {
    "aesthetic": Kind(
        "aesthetic:FILE",
        "how pleasing, by a head on the scorer's embedding",
        "evaluation.networks.aesthetic",
        embeds=True,
    ),
    "clip_iqa": Kind(
        "clip_iqa", "how near to a good photo, by the scorer", "evaluation.networks.clip_iqa", embeds=True
    ),
    "lpips": Kind("lpips:FILE", "perceptual distance of windows", "evaluation.networks.lpips_distance", "lpips"),
    "dino": Kind("dino:FOLDER", "likeness of windows to DINO", "evaluation.networks.dino"),
    "quality": Kind(
        "quality:METRIC:FILE", "quality without a reference, by arniqa-koniq10k", "evaluation.networks.arniqa"
    ),
}


@dataclass(frozen=True)
class _Asked:
    kind: str
    argument: str

    @property
    def files(self) -> tuple[Path, ...]:
        return _FILES[self.kind](self.argument)


def describe(text: str) -> dict[str, str]:
    """`id` and `revision` of a measure, for the keys of what is computed with it; nothing is loaded.

    revision: SHA-256 of its files. Raises InvalidInputError for an unknown name, a missing file, one of another format,
    and a library that is not installed.
    """
    asked = _parse(text)
    files = asked.files
    parts = asked.argument.split(":")
    named = [*parts[:-1], Path(parts[-1]).resolve().name] if files else parts if asked.argument else []
    return {"id": ":".join([asked.kind, *named]), "revision": digest(files) if files else "1"}


def check_fits(text: str, scorer: str) -> None:
    """Refuse a measure that reads embeddings of another width than those of the scorer of this name have."""
    asked = _parse(text)
    if asked.kind == "aesthetic":
        import_module(KINDS[asked.kind].module).check(asked.argument, scorer)


@alone
def load_measure(text: str, *, device: str | torch.device = "cpu", scorer: Scorer | None = None) -> Measure:
    """The measure of this name, ready on `device`; `scorer` is the run's, which some measures read.

    Raises InvalidInputError as `describe`, for unusable weights, and for those that do not go with `scorer`.
    """
    asked = _parse(text)
    _ = asked.files
    load: Callable[..., Measure] = import_module(KINDS[asked.kind].module).load
    return load(asked.argument, device=torch.device(device), scorer=scorer)


def _parse(text: str) -> _Asked:
    kind, _, argument = text.partition(":")
    if kind not in KINDS:
        near = difflib.get_close_matches(kind, KINDS, n=1)
        hint = f"Did you mean {KINDS[near[0]].form}? " if near else ""
        forms = ", ".join(known.form for known in KINDS.values())
        raise InvalidInputError(f"There is no measure {text!r}. {hint}There are: {forms}.")
    known = KINDS[kind]
    if bool(argument) != (":" in known.form):
        raise InvalidInputError(f"Expected {known.form}, got {text!r}: {known.about}.")
    if known.package and importlib.util.find_spec(known.package) is None:
        raise InvalidInputError(
            f"{text} needs the library {known.package}, which is not installed: pip install 'tenfold[{kind}]'."
        )
    return _Asked(kind, argument)


def _one_file(argument: str) -> tuple[Path, ...]:
    check_file(Path(argument), "this measure")
    return (Path(argument),)


def _folder(argument: str) -> tuple[Path, ...]:
    from evaluation.networks.dino import files

    return files(Path(argument))


def _metric(argument: str) -> tuple[Path, ...]:
    from evaluation.networks.arniqa import METRICS

    metric, colon, file = argument.partition(":")
    if metric not in METRICS or not colon:
        raise InvalidInputError(
            f"Expected quality:METRIC:FILE with one of the metrics {', '.join(METRICS)}, got 'quality:{argument}'."
        )
    return _one_file(file)


_FILES: dict[str, Callable[[str], tuple[Path, ...]]] = {
    "aesthetic": _one_file,
    "clip_iqa": lambda _: (),
    "lpips": _one_file,
    "dino": _folder,
    "quality": _metric,
}
