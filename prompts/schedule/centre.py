"""Which part of a prompt fills the view, and which part stands in its centre."""

from __future__ import annotations

import re

CENTRE = re.compile(
    r"(?<!\w)(?:in|at|through|near|into|towards?) (?:the|its|their|his|her) "
    r"(?:very |exact )?(?:centre|center|middle)(?!\w)",
    re.IGNORECASE,
)
BEGINNING = re.compile(r"(?:,|;|\b(?:with|around|surrounding|and|framing|behind|leading to)\b)\s*", re.IGNORECASE)


def split(prompt: str) -> tuple[str, str]:
    """What fills the view, and what is said to stand in its centre ("" where nothing is).

    The centre's part begins after the last comma before "in the centre", else after the last "with", "around" or the
    like. "a meadow with poppies, a furry bee in the centre" is ("a meadow with poppies", "a furry bee").
    """
    found = CENTRE.search(prompt)
    if not found:
        return prompt, ""
    before = prompt[: found.start()].rstrip(" ,")
    marks = list(BEGINNING.finditer(before))
    comma = [m for m in marks if m[0].strip() in (",", ";")]
    mark = comma[-1] if comma and not _restarts(before[comma[-1].end() :]) else (marks[-1] if marks else None)
    if mark is None:
        return "", before
    return before[: mark.start()].strip(" ,;"), before[mark.end() :].strip()


def _restarts(clause: str) -> bool:
    """Whether a clause goes on after its comma to surround something ("white surf and coral around a lagoon")."""
    return bool(re.search(r"\b(?:around|surrounding|framing)\b", clause, re.IGNORECASE))


def own_part(prompt: str) -> str:
    """What fills the view; the whole prompt where it names only a centre."""
    return split(prompt)[0] or prompt
