"""The folder of a plan that a service was asked for: its story, how that came about, and every reply as it came."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import prompts
from prompts.errors import PlanError
from prompts.request import PlanRequest
from tasks.stage import Json, Manifest, Workshop
from tasks.store import write_bytes

if TYPE_CHECKING:
    from prompts.service.replies import Replies

PLANS = "_plans"
"""Among all runs, the folder of plans."""

PLAN, STORY, DRAFT, REPLIES = "plan.json", "story.yaml", "best-draft.yaml", "replies"
"""What a plan's folder holds; a draft instead of a story where the plan failed."""


SHOWN = 5
"""Faults of a draft that a message lists."""


def place_of(root: Path, request: PlanRequest, digest: str) -> Path:
    """Where the plan with that key is kept: its name tells the wish."""
    return root / PLANS / f"{prompts.slug(request.title or request.text or 'plan')}-{digest[:12]}"


def publish_plan(folder: Path, manifest: Manifest, workshop: Workshop) -> None:
    """Make the folder show a finished plan, `PLAN` last; what is there already stays as it is."""
    for name, artifact in manifest.artifacts.items():
        workshop.store.copy_out(artifact, folder / name)
    (folder / DRAFT).unlink(missing_ok=True)  # of an earlier attempt
    stages = {manifest.key.stage: {"key": manifest.key.digest, "seconds": manifest.seconds}}
    _write(folder / PLAN, {**manifest.facts, "stages": stages})


def keep_failure(folder: Path, facts: Mapping[str, Json], error: PlanError, replies: Mapping[str, Path]) -> Path | None:
    """Keep what there is of a plan that failed; returns the file of the best draft, or None where there is none."""
    for name, file in replies.items():
        write_bytes(folder / name, file.read_bytes())
    draft = None
    if error.draft is not None:
        draft = folder / DRAFT
        write_bytes(draft, prompts.dump_story(error.draft).encode())
    _write(folder / PLAN, {**facts, "error": str(error), "faults": list(error.faults)})
    return draft


def told_failure(error: PlanError, folder: Path, draft: Path | None) -> str:
    """What is said of a plan that failed: why, the first faults of its best draft, and where that can be mended."""
    if draft is None:
        return f"{error} What came is kept in {folder}."
    file, more = shlex.quote(str(draft)), len(error.faults) - SHOWN
    faults = [*error.faults[:SHOWN], *([f"and {more} more: tenfold plan {file} --check"] if more > 0 else [])]
    mend = f"The best draft is kept; mend it by hand: tenfold plan {file} --edit"
    return "\n".join([str(error), *(f"- {fault}" for fault in faults), mend])


def questions_of(folder: Path) -> list[dict[str, Json]]:
    """The rounds of the plan in a folder, of one that failed too; none where no plan can be read there."""
    try:
        return list(json.loads((folder / PLAN).read_text(encoding="utf-8"))["rounds"])
    except (OSError, ValueError, LookupError, TypeError):
        return []


def raw_replies(kept: Replies, digests: Iterable[str]) -> dict[str, Path]:
    """The replies to those questions, in their order, by the name that they have in a plan's folder.

    A question may have had several: those that were of no use come before the one that was.
    """
    found = enumerate((kept.files(digest) for digest in digests if digest), start=1)
    return {f"{REPLIES}/{number:02d}-{file.name}": file for number, files in found for file in files}


def _write(path: Path, facts: Mapping[str, Json]) -> None:
    content = (json.dumps(dict(facts), indent=2, ensure_ascii=False) + "\n").encode()
    if not path.is_file() or path.read_bytes() != content:
        write_bytes(path, content)
