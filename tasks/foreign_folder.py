"""The folder of what another tool has made: like a run's, so that it is shown and compared as runs are."""

from __future__ import annotations

import json
import math
import shutil
import uuid
from pathlib import Path

import prompts
from evaluation import table
from tasks.finished import STACK
from tasks.foreign import Taken
from tasks.machine import check_room, check_writable
from tasks.measured import TABLES, film_stamp, write_rows
from tasks.run import CONFIG, SOURCE
from tasks.stage import Json
from tasks.store import remove, sha256_of
from tasks.subjects import Subject, read_subject
from tasks.versions import software, versions


def publish(taken: Taken, root: Path) -> Subject:
    """Put it beside the runs under `root`, whole or not at all; what is there already stays."""
    folder = root.absolute() / prompts.slug(taken.title) / taken.id
    if (folder / CONFIG).is_file():
        return read_subject(folder)
    film = 0 if taken.film is None else taken.film.stat().st_size
    place = check_writable(folder.parent, "Choose another folder with --out.")
    check_room(place, taken.stack.levels.numel() + film, "these levels", "Free some, or choose another --out.")
    growing = folder.with_name(f".{taken.id}.{uuid.uuid4().hex}.part")
    try:
        taken.stack.save(growing / STACK)
        if taken.film is not None:
            shutil.copyfile(taken.film, growing / f"zoom{taken.film.suffix.lower()}")
        if taken.given.story is not None:
            (growing / "story.yaml").write_text(prompts.dump_story(taken.given.story), encoding="utf-8")
        names = sorted(path.relative_to(growing).as_posix() for path in growing.rglob("*") if path.is_file())
        facts = _facts(taken, {name: sha256_of(growing / name) for name in names})
        if taken.film_scores:
            _write_film_scores(taken, growing, facts)
        (growing / CONFIG).write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        try:
            growing.rename(folder)
        except OSError:  # another process was quicker
            if not (folder / CONFIG).is_file():
                raise
    finally:
        remove([growing] if growing.exists() else [])
    return read_subject(folder)


def _write_film_scores(taken: Taken, folder: Path, facts: Json) -> None:
    origin = table.Run(
        run_id=taken.id,
        story=taken.title,
        method=taken.given.name,
        variant=taken.given.name,
        seed=taken.given.seed,
        model=facts["model"]["id"],
        model_revision=facts["model"]["revision"],
        software=software(),
    )
    defined = [score for score in taken.film_scores if math.isfinite(score.value)]
    write_rows(folder, TABLES["motion"], defined, origin, film_stamp(facts["files"], {}))


def _facts(taken: Taken, files: dict[str, str]) -> Json:
    """As of a run of ours, with where it comes from."""
    given = taken.given
    p = list(taken.stack.factors) if len(set(taken.stack.factors)) > 1 else taken.stack.factors[0]
    return {
        "run_id": taken.id,
        "story": taken.title,
        "prompts": list(taken.prompts),
        "method": given.name,
        "variant": given.name,
        "p": p,
        "seed": given.seed,
        "config": {"method": given.name, "seed": given.seed, "p": p, "scores": {"scorer": given.scorer}},
        "model": {"id": given.model or "unknown", "revision": "unknown"},
        SOURCE: {"path": str(given.path.absolute()), "kind": "levels" if given.path.is_dir() else "film"},
        "notes": list(taken.notes),
        "versions": versions(),
        "stages": {},
        "files": files,
    }
