"""What names stages by their keys: the files that say what a folder shows. What they name is kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from tasks.finished import RENDERS
from tasks.plan_folder import PLAN, PLANS
from tasks.refinement_folder import FACTS, REFINEMENTS
from tasks.run import CONFIG

_PATTERNS = (f"*/*/{CONFIG}", f"*/*/{RENDERS}/*.json", f"{PLANS}/*/{PLAN}", f"{REFINEMENTS}/*/{FACTS}")


class DamagedError(ValueError):
    """A file that should name stages cannot be read."""


def naming_files(root: Path) -> Iterator[Path]:
    """The files under the folder of all runs that name stages by their keys."""
    return (path for pattern in _PATTERNS for path in root.glob(pattern) if path.is_file())


def is_naming(name: str) -> bool:
    """Whether a file of that name, relative to the folder of all runs, is such a one."""
    parts = name.split("/")
    if len(parts) == 3 and parts[2] in (CONFIG, PLAN, FACTS):
        return {CONFIG: "", PLAN: PLANS, FACTS: REFINEMENTS}[parts[2]] in ("", parts[0]) and parts[0][:1] != "."
    return len(parts) == 4 and parts[2] == RENDERS and parts[3].endswith(".json") and parts[0][:1] != "."


def keys_in(content: bytes) -> list[str]:
    """The keys of the stages that such a file names; none for another program's.

    Raises DamagedError for what was one of ours perhaps: then nobody knows what it named.
    """
    try:
        facts = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DamagedError(str(error)) from error
    stages = facts.get("stages") if isinstance(facts, dict) else None
    found = (
        [stage.get("key") for stage in stages.values() if isinstance(stage, dict)] if isinstance(stages, dict) else []
    )
    return [key for key in found if isinstance(key, str)]
