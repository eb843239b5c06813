"""A finished run, read from its folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from PIL import Image

from prompts import Story, parse_story
from tasks.depot.roots import elsewhere, pull_run
from tasks.depot.roots import shown as place
from tasks.errors import UNUSABLE, RefusedError
from tasks.hashes import known_sha256
from tasks.run import CACHE, CONFIG, FEWEST, SOURCE, is_story
from tasks.specs import RunConfig
from tasks.stage import Workshop
from zoomlib.stack import ZoomStack

STACK, RENDERS = "stack", "renders"


@dataclass(frozen=True)
class Finished:
    """A finished run.

    root: the folder of all runs. stack: SHA-256 of its finished pictures. facts: all that its `config.json` tells.
    sampled: SHA-256 of its sampled levels; None where they were not asked for, or where the store has lost them and
    the pictures in the run's folder are of the same size.
    """

    id: str
    folder: Path
    root: Path
    story: Story
    config: RunConfig
    sampled: str | None
    stack: tuple[str, ...]
    facts: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def stack_files(self) -> dict[str, str]:
        """The files of its stack by name, as SHA-256."""
        files: Mapping[str, Any] = self.facts["files"]
        prefix = f"{STACK}/"
        return {name.removeprefix(prefix): str(files[name]) for name in sorted(files) if name.startswith(prefix)}

    @property
    def workshop(self) -> Workshop:
        """The store of all runs; for a run that was taken elsewhere, one of its own among its renders."""
        shared = self.root / CACHE
        return Workshop(shared if shared.is_dir() else self.folder / RENDERS / CACHE)

    def picture(self, level: int) -> Path:
        """The finished picture of a level."""
        return self.folder / STACK / f"level_{level:02d}.png"


def find_run(name: str, root: Path) -> Path:
    """The folder of a run: by its path, or under `root` by its id or an unmistakable beginning of one.

    Raises RefusedError where there is none.
    """
    path = Path(name)
    pull_run(root, name)
    if name and path.is_dir():
        return path.absolute()
    runs = {folder.name: folder for folder in root.glob("*/*") if folder.is_dir() and is_story(folder.parent)}
    found = [one for one in runs if one == name] or [
        one for one in runs if one.startswith(name) and len(name) >= FEWEST
    ]
    if len(found) == 1:
        return runs[found[0]].absolute()
    shown = ", ".join(sorted(found or {*runs, *elsewhere(root)})[:5]) or "none"
    which = "Several begin so" if found else f"There is no such run under {place(root)}; there are"
    raise RefusedError(f"Which run is {name!r}? {which}: {shown}. Name one by its id or its folder.")


def read_run(name: str, root: Path) -> Finished:
    """A finished run by id or folder, as `find_run`, for those who only look at its pictures: the store may be gone.

    Raises RefusedError for one that is not there or not finished.
    """
    folder = find_run(name, root)
    try:
        facts = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        if SOURCE in facts:
            raise RefusedError(
                f"{folder} holds what another tool has made, which is only scored and compared. To make a film of such "
                f"pictures, join them: tenfold compose {folder / STACK}."
            )
        config = RunConfig.model_validate(facts["config"])
        text = (folder / "story.yaml").read_text(encoding="utf-8")
        story = parse_story(text, str(folder / "story.yaml"))  # its pictures need not be there any more
        names = [f"{STACK}/level_{level:02d}.png" for level in range(len(story.levels))]
        stack = tuple(str(facts["files"][name]) for name in names)
        return Finished(str(facts["run_id"]), folder, folder.parent.parent, story, config, None, stack, facts)
    except FileNotFoundError as error:
        raise RefusedError(
            f"{folder} holds no finished run: {Path(error.filename).name} is missing. "
            "Make it first; the same command goes on where a stopped run was."
        ) from error
    except RefusedError:
        raise
    except UNUSABLE as error:
        raise _unusable(folder, error) from error


def read_finished(name: str, root: Path) -> Finished:
    """A finished run whose levels another one can go on from, as `read_run`. Raises RefusedError for others too."""
    base = read_run(name, root)
    if base.config.compose is not None:
        raise RefusedError(
            f"Run {base.id} was composed of pictures, and no model can go on from them. Add pictures to "
            f"{base.config.compose.folder} and compose it again."
        )
    try:
        key, size = str(base.facts["stages"]["sampling"]["key"]), tuple(base.facts["model"].get("size_px", ()))
    except UNUSABLE as error:
        raise _unusable(base.folder, error) from error
    manifest = Workshop(base.root / CACHE).recall(key)
    if manifest is not None:
        return replace(base, sampled=manifest.artifacts["sampled"].sha256)
    if _shape(base.picture(0)) != size:
        raise RefusedError(
            f"The sampled levels of run {base.id} are no longer in the store of {base.root}, and its pictures were "
            f"enlarged, so that nothing can go on from them. Make it again, as {base.folder / CONFIG} says."
        )
    return base


def unpack_stack(run: Finished, folder: Path) -> ZoomStack:
    """The stack of a finished run, copied to `folder`: from the run's own folder or, where that was changed, the store.

    Raises RefusedError where a file of it is nowhere any more as it was.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in run.stack_files:
        shutil.copyfile(intact(run, name), folder / name)
    return ZoomStack.load(folder)


def intact(run: Finished, name: str) -> Path:
    """A file of the run's stack as it was made, in its folder or the store. Raises RefusedError where it is nowhere."""
    sha256 = run.stack_files[name]
    own = run.folder / STACK / name
    if own.is_file() and known_sha256(own) == sha256:
        return own
    kept = run.workshop.content(sha256, own.suffix.lstrip("."))
    if kept is None:
        raise RefusedError(
            f"{own} is missing or was changed after run {run.id} was made, and the store has no copy of it. Put the "
            "file back, or make the run again."
        )
    return kept


def _unusable(folder: Path, error: Exception) -> RefusedError:
    return RefusedError(f"{folder} cannot be used as a finished run: {error!r:.300}. Make it again.")


def _shape(picture: Path) -> tuple[int, ...] | None:
    try:
        with Image.open(picture) as opened:
            return opened.size[::-1]
    except OSError:
        return None
