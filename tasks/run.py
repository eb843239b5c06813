"""A run: a story and a configuration, resolved and accepted, with everything that its stages need."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from prompts import Story
from tasks.enlarge_spec import Enlargement
from tasks.events import Listener
from tasks.specs import RunConfig
from tasks.stage import Json, Made, Manifest, StageKey, Workshop
from tasks.versions import algorithm

if TYPE_CHECKING:
    from evaluation.networks.clip import Scorer
    from tasks.services import Services
    from zoomlib.denoiser import Denoiser

CACHE = ".cache"
"""The store of all runs, in their folder."""

FEATURES = "features"
"""What networks saw in pictures, by their contents, in the store."""
CONFIG = "config.json"
"""What a finished run's folder holds, and no other."""
SOURCE = "source"
"""In `CONFIG`, where levels that another tool has made come from; runs of ours have no such entry."""
TOLD = ("plan", "refinement")
"""In `CONFIG`, how the story came about."""
FEWEST = 4
"""Letters of an id that can stand for the whole."""


def is_story(folder: Path) -> bool:
    """Whether a folder among all runs holds a story's, and neither the store nor sweeps, sets, studies."""
    return not folder.name.startswith((".", "_"))


def _describe(name: str, **options: Any) -> Mapping[str, Any]:
    from tasks import models

    return models.describe_model(name, **options)


def _describe_scorer(name: str) -> Mapping[str, Any]:
    from tasks import models

    return models.describe_scorer(name)


def _load_denoiser(name: str, **options: Any) -> Denoiser:
    from tasks.models import sources
    from zoomlib import models

    return models.load_denoiser(name, **{"sources": sources(), **options})


def _load_upscaler(name: str, **options: Any) -> Any:
    from tasks.models import sources
    from zoomlib import models

    return models.load_upscaler(name, **{"sources": sources(), **options})


def _load_scorer(name: str, **options: Any) -> Scorer:
    from evaluation.networks.clip import load_scorer

    return load_scorer(name, **options)


def _describe_planes(name: str, **options: Any) -> Mapping[str, Any]:
    from zoomlib.infinity.planes import describe_planes

    return describe_planes(name, **options)


def _load_planes(name: str, **options: Any) -> Any:
    from zoomlib.infinity.planes import load_planes

    return load_planes(name, **options)


@dataclass(frozen=True)
class Tools:
    """Where a run's models come from; a program with models of its own passes its own functions.

    All are as those of `zoomlib.models`, `zoomlib.infinity.planes` and `evaluation.networks.clip`; of what `describe`
    and `describe_planes` tell, `id`, `revision`,
    `shape`, `size_px`, `factor`, `upscaler` and, where they are there, `inpaints`, `guidance`, `rescale`, `clamp`,
    `steps` and `distilled` are used. `describe_scorer` gives `id` and `revision`.
    """

    describe: Callable[..., Mapping[str, Any]] = _describe
    describe_scorer: Callable[[str], Mapping[str, Any]] = _describe_scorer
    load_denoiser: Callable[..., Denoiser] = _load_denoiser
    load_upscaler: Callable[..., Any] = _load_upscaler
    load_scorer: Callable[..., Scorer] = _load_scorer
    describe_planes: Callable[..., Mapping[str, Any]] = _describe_planes
    load_planes: Callable[..., Any] = _load_planes


@dataclass(frozen=True)
class GivenFile:
    """A file that a run is given, and the SHA-256 of its content."""

    path: Path
    sha256: str


@dataclass(frozen=True)
class Run:
    """What `tasks.plan.prepare` accepted. Creating it has written nothing.

    config: resolved: p, device and the method's own settings are filled in.
    shape: (C, H, W) of one level in the model's space. size_px: (height, width) of one sampled picture.
    model, scorer, measures: their descriptions; None for a scorer that is not used.
    cascade: the stages in which sampled levels are enlarged.
    photo: the picture to start from. images: those of single levels, by level. sounds: audio files by the film's
    setting that names them. notes: what is done to pictures before they are used, and whatever else a user should
    know, a sentence each. told: how the story came about, by entry of `CONFIG`: its plan, its refinement.
    """

    id: str
    story: Story
    config: RunConfig
    root: Path
    folder: Path
    method: ModuleType
    shape: tuple[int, int, int]
    size_px: tuple[int, int]
    model: Mapping[str, Any]
    cascade: tuple[Enlargement, ...] = ()
    scorer: Mapping[str, Any] | None = None
    measures: tuple[Mapping[str, Any], ...] = ()
    photo: GivenFile | None = None
    images: Mapping[int, GivenFile] = field(default_factory=dict)
    sounds: Mapping[str, GivenFile] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    tools: Tools = field(default_factory=Tools)
    told: Mapping[str, Json] = field(default_factory=dict)

    @cached_property
    def services(self) -> Services:
        """The language models that this run may ask."""
        from tasks.services import services_for

        return services_for(self.config, self.root)

    @cached_property
    def workshop(self) -> Workshop:
        """The store of all runs under this root."""
        return Workshop(self.root / CACHE)

    @property
    def p(self) -> int | float:
        """The zoom factor of this run; whole numbers as int."""
        p = self.story.p if self.config.p is None else self.config.p
        return int(p) if p == int(p) else p

    @property
    def focus(self) -> tuple[tuple[float, float] | None, ...] | None:
        """Where each level's next one lies; None when all lie in the centre."""
        focus = self.story.focus()
        return focus if any(point is not None for point in focus) else None


Results = Mapping[str, Manifest]
"""What the stages before have made, by the stage's name."""


@dataclass(frozen=True)
class Stage:
    """One cached step of a run.

    needs: the stages whose results it reads. inputs: everything that its result depends on. make: makes it, in a work
    folder. gpu: whether a model draws in it, for which it holds the slot of its device.
    """

    name: str
    needs: tuple[str, ...]
    inputs: Callable[[Run, Results], Json]
    make: Callable[[Run, Results, Path, Listener], Made]
    gpu: bool = False

    def key(self, run: Run, results: Results) -> StageKey:
        """The stage's key in this run, given what the stages before have made."""
        method = run.method if self.name == "sampling" else None
        return StageKey(self.name, algorithm(self.name, method), self.inputs(run, results))
