"""The folder of a refinement: every version with its story, pictures, scores and what was said of it."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from PIL import Image

import prompts
from tasks.film import film_of
from tasks.filming import metadata
from tasks.folder import writing
from tasks.measured import levels_stamp, write_rows
from tasks.refined import Refinement, Version
from tasks.render import load_stack, stack_inputs
from tasks.score import origin_of, read_measured
from tasks.stage import Json
from tasks.store import remove, write_bytes
from zoomlib.film.provenance import save_png
from zoomlib.film.strips import Strip, strips

REFINEMENTS = "_refinements"
"""Folder among all runs; what begins with _ is no story."""
FACTS, SHEET = "refinement.json", "versions.png"


def publish(refinement: Refinement) -> None:
    """Make the folder show the refinement, `refinement.json` last."""
    folder = refinement.folder
    with writing(refinement.versions[0].draft.run.workshop, f"refinement-{refinement.id}"):
        remove(folder.rglob(".*.part"))  # of a killed process: whoever lives holds the lock
        for version in refinement.versions:
            _publish_version(refinement, version)
        facts = {**refinement.as_json(), "stages": refinement.stages()}
        text = json.dumps(facts, indent=2, ensure_ascii=False) + "\n"
        if _changed(folder / FACTS, text) or not (folder / SHEET).is_file():
            told = metadata(film_of(refinement.versions[0].draft.run), refinement.id)
            save_png(_sheet(refinement), folder / SHEET, told)
            write_bytes(folder / FACTS, text.encode())


def _publish_version(refinement: Refinement, version: Version) -> None:
    folder, run, results = refinement.folder / f"version-{version.number}", version.draft.run, version.draft.results
    _write(folder / "story.yaml", prompts.dump_story(version.story))
    run.workshop.store.copy_out(results["pictures"].artifacts["contact_sheet.png"], folder / "contact_sheet.png")
    looks: list[Json] = [
        {**look.as_json(), "levels": refinement.judgements(look)}
        for look in refinement.looks
        if look.of == version.number
    ]
    _write(folder / "judgements.json", json.dumps(looks, indent=2, ensure_ascii=False) + "\n")
    table = folder / "scores.parquet"
    if not table.is_file():
        stamp = levels_stamp(stack_inputs(results), version.story.prompts(), run.scorer, run.measures)
        write_rows(folder, table.name, read_measured(run, results["scores"]), origin_of(run), stamp)


def _sheet(refinement: Refinement) -> Image.Image:
    """All versions below each other, what was rewritten marked."""
    with tempfile.TemporaryDirectory() as work:
        rows = [_strip(refinement, version, Path(work)) for version in refinement.versions]
    return strips(rows, f"{refinement.versions[0].story.title}: {len(rows)} version{'s' * (len(rows) > 1)}")


def _strip(refinement: Refinement, version: Version, work: Path) -> Strip:
    stays = ", stays" if version.number == refinement.winner else ""
    told = version.as_json()
    scores = f"first prompts {told['scores']['first']:.2f}, own prompts {told['scores']['own']:.2f}"
    levels = load_stack(version.draft.run, version.draft.results, work).levels
    captions = tuple(level.prompt for level in version.story.levels)
    return Strip(levels, f"Version {version.number}{stays}", f"{scores}: {told['reason']}", captions, version.rewritten)


def _write(path: Path, text: str) -> None:
    if _changed(path, text):
        write_bytes(path, text.encode())


def _changed(path: Path, text: str) -> bool:
    try:
        return path.read_text(encoding="utf-8") != text
    except (OSError, ValueError):
        return True
