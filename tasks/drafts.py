"""Drafts of a story: the same run with cheap settings, made by the same cached stages as far as its scores."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

from prompts import Story
from tasks.enlarge import LEVELS
from tasks.enlarge_spec import EnlargeSpec
from tasks.errors import RefusedError
from tasks.events import Listener, ignore
from tasks.film_spec import FilmSpec
from tasks.looking import looks
from tasks.pipeline import Making
from tasks.plan import prepare
from tasks.planes import draws_plane
from tasks.render import PICTURES
from tasks.run import Results, Run, Tools
from tasks.sample import SAMPLING
from tasks.score import SCORES, read_measured
from tasks.sizes import described
from tasks.specs import RunConfig, VisionSpec
from tasks.stage import Manifest
from tasks.verdict import Marks, marks_of
from zoomlib.methods import load_method

STEPS = 16
"""Sampling steps of a draft at most: enough to tell whether a level shows its prompt."""
STAGES = (SAMPLING, LEVELS, SCORES, PICTURES)


@dataclass(frozen=True)
class Draft:
    """A drafted version. results: what its stages have made. first: its pictures scored against the first version."""

    run: Run
    results: Results
    first: Manifest

    @property
    def marks(self) -> Marks:
        """What the scores say of it."""
        scores = (read_measured(self.run, manifest) for manifest in (self.results["scores"], self.first))
        return marks_of(*scores)

    def stages(self) -> dict[str, Manifest]:
        """All that was made for it, by name."""
        return {**self.results, "scores by the first prompts": self.first}


def draft_config(config: RunConfig, usual: int | None = None) -> RunConfig:
    """The run's configuration with fewer steps, without enlarging, further measures and a film of its own.

    usual: steps that the model takes where nobody says how many; the method's own when None.
    """
    method = load_method(config.method)
    update = {
        "sampling": {**config.sampling, **_fewer_steps(config, method, usual)},
        "enlarge": EnlargeSpec(model="none"),
        "film": FilmSpec(),
        "scores": config.scores.model_copy(update={"measures": (), "video": False}),
        "vision": config.vision if looks(method) else VisionSpec(),
        "plan": config.plan.model_copy(update={"refine": 0}),
    }
    return config.model_copy(update=update)


def _fewer_steps(config: RunConfig, method: ModuleType, usual: int | None) -> dict[str, int]:
    own = getattr(method.Config(), "steps", None)
    steps = config.sampling.get("steps", own if own is None or usual is None else usual)
    return {"steps": STEPS} if isinstance(steps, int) and steps > STEPS else {}


def drafted(config: RunConfig, story: Story, root: Path, tools: Tools | None = None) -> Run:
    """The run of a draft. Raises RefusedError for one that cannot be made, or whose scores would not tell anything."""
    if config.compose is not None:
        raise RefusedError("A run that is composed of pictures has no prompts to refine. Leave plan.refine out.")
    tools = tools or Tools()
    if draws_plane(load_method(config.method)):
        raise RefusedError(
            f"Method {config.method} reads no prompts, so better ones would change nothing. Leave --refine out."
        )
    model = described(config, story, load_method(config.method), tools)
    run = prepare(draft_config(config, model.get("steps")), story, root, tools)
    if run.scorer is None:
        raise RefusedError("Scores decide which version of a story stays. Leave out scores.scorer=none, or --refine.")
    return run


def make_draft(run: Run, first: Story, on_event: Listener = ignore, *, force: bool = False) -> Draft:
    """Find or make a draft, and score its pictures against its own prompts and those of the story `first`."""
    making = Making(run, on_event, force=force)
    for stage in STAGES:
        making.make(stage)
    asked = Making(replace(run, story=first), on_event, force=force and first != run.story)
    asked.results.update(making.results)
    asked.make(SCORES)
    return Draft(run, making.results, asked.results["scores"])
