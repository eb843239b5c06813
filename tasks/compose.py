"""A run out of pictures from anywhere: its stage of levels, and the pictures of how they were matched."""

from __future__ import annotations

from pathlib import Path

from tasks.compose_spec import ComposeSpec
from tasks.errors import RefusedError
from tasks.events import Listener, StageMoved, StageStarted
from tasks.run import Results, Run, Stage
from tasks.stage import Json, Made
from tasks.store import sha256_of
from tasks.versions import versions
from zoomlib.images import to_uint8
from zoomlib.reading import load_picture
from zoomlib.registration import VERSION
from zoomlib.registration.assemble import Picture, stack_of

NAME = "levels"


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
    spec = spec_of(run)
    on_event(StageStarted(NAME, len(spec.pictures), "levels"))
    stack = stack_of(read_pictures(spec), spec.views)
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


COMPOSED = Stage(NAME, (), compose_inputs, make_composed)
