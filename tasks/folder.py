"""The run folder: what came out of a run, where a person finds it."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tasks.depot.roots import sharing
from tasks.hashes import known_sha256
from tasks.measured import TABLES, film_stamp, levels_stamp, write_rows
from tasks.render import stack_inputs
from tasks.run import CONFIG, TOLD, Run
from tasks.score import origin_of, read_measured
from tasks.stage import Json, Manifest, Workshop, locked
from tasks.store import Artifact, remove, sha256_of, write_bytes
from tasks.variants import variant_of

PLACES = {"story": "", "sampling": "", "levels": "stack/", "matches": "", "video": "", "pictures": "", "view": ""}
"""Where a stage's files stand in the run folder; what has no suffix in its name is for machines and stays in the
store."""


def publish(run: Run, results: Mapping[str, Manifest]) -> tuple[str, ...]:
    """Make the run folder show the results, `config.json` last; returns the files that were missing or different."""
    with writing(run.workshop, run.id), sharing(run.root, run.folder):
        remove(run.folder.rglob(".*.part"))  # of a killed process: whoever lives holds the lock
        files = dict(published(results))
        put = [name for name, artifact in files.items() if run.workshop.store.copy_out(artifact, run.folder / name)]
        digests = {name: artifact.sha256 for name, artifact in files.items()}
        for stage in [stage for stage in TABLES if stage in results]:
            table = TABLES[stage]
            digests[table], changed = _publish_table(run, results, stage, digests)
            put += [table] * changed
        before = _read(run.folder / CONFIG)
        facts = summary(run, results, digests) | _told_before(before, run.id) | dict(run.told)
        text = json.dumps(facts, indent=2, ensure_ascii=False) + "\n"
        if before != text:
            write_bytes(run.folder / CONFIG, text.encode())
            put.append(CONFIG)
        return tuple(put)


def is_published(run: Run, results: Mapping[str, Manifest]) -> bool:
    """Whether the run's folder shows these results, and every file of it is as it was written. Writes nothing."""
    try:
        told = json.loads(_read(run.folder / CONFIG))
        keys = {name: stage["key"] for name, stage in told["stages"].items()}
        if told["run_id"] != run.id or keys != {name: manifest.key.digest for name, manifest in results.items()}:
            return False
        shown = {name: artifact.sha256 for name, artifact in published(results)}
        files = told["files"].items()
        return shown.items() <= files and all(known_sha256(run.folder / name) == sha256 for name, sha256 in files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # not there, or somebody has changed it
        return False


@contextmanager
def writing(workshop: Workshop, run_id: str) -> Iterator[None]:
    """The lock of whoever writes into a run's folder; none where nobody can write, and what is there is only looked
    at."""
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(workshop.root / "locks" / f"run-{run_id}.lock"))
        except OSError as error:
            if error.errno not in (errno.EROFS, errno.EACCES):
                raise
        yield


def published(results: Mapping[str, Manifest]) -> Iterator[tuple[str, Artifact]]:
    """Names in the run folder, and what stands there."""
    for stage, place in PLACES.items():
        if stage in results:
            named = results[stage].artifacts.items()
            yield from ((place + name, artifact) for name, artifact in named if "." in name)


def summary(run: Run, results: Mapping[str, Manifest], digests: Mapping[str, str]) -> Json:
    """`config.json`: the resolved configuration, and what the pictures depend on, from when they were sampled.

    How the story came about stands beside it, in the entries that `TOLD` names. spent: what the vision model took while
    it wrote prompts, None where none did.
    """
    made = (results.get("sampling") or results["levels"]).facts
    return {
        "run_id": run.id,
        "story": run.story.title,
        "prompts": list(run.story.prompts()),
        "method": run.config.method,
        "variant": variant_of(run.config),
        "p": run.p if run.config.compose is None else list(run.config.compose.factors),
        "seed": run.config.seed,
        "config": run.config.model_dump(mode="json"),
        "model": _plain({name: value for name, value in run.model.items() if name != "folder"}),
        "scorer": None if run.scorer is None else _plain(run.scorer),
        "measures": [_plain(measure) for measure in run.measures],
        "base": None if run.config.base is None else run.config.base.run,
        "photo_sha256": None if run.photo is None else run.photo.sha256,
        "images_sha256": {str(level): picture.sha256 for level, picture in sorted(run.images.items())},
        "sounds_sha256": {name: given.sha256 for name, given in sorted(run.sounds.items())},
        "notes": [*run.notes, *(note for m in results.values() for note in m.facts.get("notes", []))],
        "spent": made.get("spent"),
        "device": made["device"],
        "versions": made["versions"],
        "stages": {name: {"key": m.key.digest, "seconds": m.seconds} for name, m in results.items()},
        "files": dict(digests),
    }


def _publish_table(run: Run, results: Mapping[str, Manifest], stage: str, files: Mapping[str, str]) -> tuple[str, bool]:
    """Write a stage's scores unless they are there; rows name the run, so that no stage can keep them for several."""
    path = run.folder / TABLES[stage]
    try:
        before = json.loads(_read(run.folder / CONFIG))
        same = before["stages"][stage]["key"] == results[stage].key.digest
        told = (before["run_id"], before["variant"]) == (run.id, variant_of(run.config))
        if same and told and sha256_of(path) == before["files"][path.name]:
            return before["files"][path.name], False
    except (OSError, ValueError, KeyError, TypeError):  # no folder yet, or one that somebody changed
        pass
    stamp = (
        film_stamp(files, run.config.film.model_dump(mode="json"))
        if stage == "motion"
        else levels_stamp(stack_inputs(results), run.story.prompts(), run.scorer, run.measures)
    )
    write_rows(run.folder, path.name, read_measured(run, results[stage]), origin_of(run), stamp)
    return sha256_of(path), True


def _told_before(text: str, run_id: str) -> dict[str, Json]:
    """How the run's story came about, as its folder tells it: a later run of the same story does not know."""
    try:
        before = json.loads(text)
        return {name: before[name] for name in TOLD if name in before and before["run_id"] == run_id}
    except (ValueError, KeyError, TypeError):  # no folder yet, or one that somebody changed
        return {}


def _plain(description: Mapping[str, Any]) -> dict[str, Json]:
    return json.loads(json.dumps(dict(description), default=str))  # type: ignore[no-any-return]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""
