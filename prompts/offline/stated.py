"""Levels and a zoom factor that a wish says in its text: "from a galaxy to a leaf in 8 levels, p = 4"."""

from __future__ import annotations

import re

from prompts.request import PlanRequest

LEVELS = re.compile(r"\b(?:(?:in|with|over|using)\s+)?(\d{1,9})[\s-]+(?:levels?|pictures?|images?|frames?)\b", re.I)
FACTOR = re.compile(
    r"\b(?:(?:with|at|and)\s+)?(?:p\s*=|(?:a\s+)?(?:zoom\s+)?factor\s*(?:=|of)?)\s*(\d{1,9}(?:\.\d{1,9})?)\b", re.I
)


def stated(request: PlanRequest) -> PlanRequest:
    """The request with the numbers that its text says, where it leaves them open. Raises ValidationError (pydantic) for
    numbers that cannot be."""
    said: dict[str, object] = {}
    if request.levels is None and (levels := LEVELS.search(request.text)):
        said["levels"] = int(levels[1])
    if request.p is None and (factor := FACTOR.search(request.text)):
        said["p"] = float(factor[1])
    return PlanRequest.model_validate({**request.model_dump(), **said}) if said else request


def without_numbers(text: str) -> str:
    """The text with blanks in place of what `stated` reads: places in it stay the same."""
    for pattern in (LEVELS, FACTOR):
        text = pattern.sub(lambda found: " " * len(found[0]), text)
    return text
