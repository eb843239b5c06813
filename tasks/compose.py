"""A run out of pictures from anywhere: its stage of levels, and the pictures of how they were matched."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tasks.compose_spec import ComposeSpec, FoundStep
from tasks.errors import RefusedError
from tasks.events import Listener, StageMoved, StageStarted
from tasks.run import Results, Run, Stage
from tasks.stage import Json, Made
from tasks.store import sha256_of
from tasks.versions import versions
from zoomlib.images import to_uint8
from zoomlib.reading import load_picture
from zoomlib.registration import VERSION

if TYPE_CHECKING:
    from zoomlib.registration.features import Picture

NAME, SEEN = "levels", "matches"


def spec_of(run: Run) -> ComposeSpec:
    """What the run is composed of. Raises RefusedError for a run that is not."""
    spec: ComposeSpec | None = run.config.compose
    if spec is None:
        raise RefusedError(f"Run {run.id} was sampled, not composed of pictures.")
    return spec


def compose_inputs(run: Run, _results: Results) -> Json:
    """The pictures by content, their places, and whether colours are matched."""
    spec = spec_of(run)
    return {
        "composed": VERSION,
        "pictures": [picture.sha256 for picture in spec.pictures],
        "steps": [[step.p, step.x, step.y, step.turn_deg] for step in spec.steps],
        "colour": spec.colour,
        "largest_px": spec.largest_px,
    }


def make_composed(run: Run, _results: Results, work: Path, on_event: Listener) -> Made:
    """The stack of the pictures. Facts as sampling has them: shape, device, versions."""
    from zoomlib.registration.assemble import stack_of

    spec = spec_of(run)
    on_event(StageStarted(NAME, len(spec.pictures), "levels"))
    stack = stack_of(read_pictures(spec), spec.placements, colour=spec.colour, largest_px=spec.largest_px)
    folder = stack.save(work / "stack")
    on_event(StageMoved(NAME, len(spec.pictures)))
    facts = {"shape": list(stack.levels.shape), "device": "cpu", "versions": versions()}
    return Made({file.name: file for file in sorted(folder.iterdir())}, facts)


def read_pictures(spec: ComposeSpec) -> list[Picture]:
    """The pictures, from the widest on. Raises RefusedError where one has changed or gone since it was placed."""
    return [_read(spec.folder / picture.file, picture.sha256) for picture in spec.pictures]


def _read(path: Path, sha256: str) -> Picture:
    if not path.is_file() or sha256_of(path) != sha256:
        raise RefusedError(
            f"{path} is gone or has changed since its place was found. Run tenfold compose on the folder again."
        )
    return to_uint8(load_picture(path)[0])


def matches_inputs(run: Run, _results: Results) -> Json:
    """The pictures, their names, and where each lies."""
    spec = spec_of(run)
    return {
        "pictures": [[picture.file, picture.sha256] for picture in spec.pictures],
        "steps": [step.model_dump(mode="json") for step in spec.steps],
    }


def make_matches(run: Run, _results: Results, work: Path, on_event: Listener) -> Made:
    """The picture of all matches, to be judged by people."""
    from zoomlib.registration.drawing import draw_matches

    spec = spec_of(run)
    on_event(StageStarted(SEEN, len(spec.steps), "pairs"))
    names = [picture.file for picture in spec.pictures]
    words = [f"{a} > {b}: {_said(step)}" for a, b, step in zip(names, names[1:], spec.steps, strict=False)]
    file = work / "matches.png"
    draw_matches(read_pictures(spec), spec.placements, words).save(file)
    on_event(StageMoved(SEEN, len(spec.steps)))
    return Made({file.name: file})


def _said(step: FoundStep) -> str:
    if step.agreement is None or step.sureness is None:
        return f"zoom {step.p:.3f}, assumed"
    return f"zoom {step.p:.3f}, turn {step.turn_deg:.2f}\N{DEGREE SIGN}, agreement {step.agreement:.2f}"


COMPOSED = Stage(NAME, (), compose_inputs, make_composed)
MATCHES = Stage(SEEN, (), matches_inputs, make_matches)
