"""What stands around a story's levels: title, notes, viewpoint, style."""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random

from pydantic import ValidationError

from prompts import checks
from prompts.errors import PlanError
from prompts.offline.data import read
from prompts.request import PlanRequest
from prompts.story import Story

SHOWN = 24  # words that a title holds


def manner(kind: str, widths: Sequence[float], rng: Random) -> str:
    """Words for a viewpoint or a style (kind: "viewpoints", "styles") that are right for all widths."""
    fitting = [
        str(entry["words"])
        for entry in read("manner.yaml")[kind]
        if float(entry.get("beyond", 0)) <= widths[0] <= float(entry.get("widest", 1e99))
        and float(entry.get("deepest", 0)) <= widths[-1]
    ]
    return rng.choice(fitting)


def negative(request: PlanRequest) -> str:
    """What no level must show."""
    return str(read("manner.yaml")["negative"]) if request.negative is None else request.negative


def story_of(fields: dict[str, object]) -> Story:
    """The story of these fields. Raises PlanError for a title, viewpoint, style or negative that its format refuses."""
    try:
        return Story.model_validate(fields)
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors(include_url=False))
        raise PlanError(f"A story cannot have these: {' '.join(faults)}") from None


def title(request: PlanRequest, ends: Sequence[str]) -> str:
    """The title asked for, or the names of the ends."""
    if request.title:
        return request.title
    said = re.sub(r"[^\w\s'.,+-]", " ", " to ".join(ends))
    words = " ".join(re.sub(r"\.{2,}", ".", said).split()[:SHOWN])[: checks.MAX_TITLE]
    return f"{words[:1].upper()}{words[1:]}" or "Story"


def about(request: PlanRequest, schematic: bool) -> str:
    """How the story came about."""
    text = checks.FORBIDDEN.sub(" ", " ".join(request.text.split()))
    said = f" from '{text}'" if text else " between two widths"
    scale = " Its levels are schematic, so no widths are given." if schematic else ""
    return f"Composed from the scale ladder{said}, seed {request.seed}.{scale}"
