"""Everything that Tenfold reads from the environment, in one place. No secrets are read here."""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path

_ENGINE = {
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_ROOT_LEVEL": "CRITICAL",
    "PREFECT_INTERNAL_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
}
"""The engine's log repeats what the command says itself, and its errors are raised here; nothing is sent to anybody."""


def quiet_engine(variables: MutableMapping[str, str] = os.environ) -> None:
    """Keep Prefect silent, before it is imported; what the user has set stays. With TENFOLD_DEBUG its log is shown."""
    for name, value in _ENGINE.items():
        if "LEVEL" not in name or not read(variables).debug:
            variables.setdefault(name, value)


def yield_idle_threads(variables: MutableMapping[str, str] = os.environ) -> None:
    """Let OpenMP's waiting threads sleep, before torch is imported; what the user has set stays.

    They would spin instead: on two cores that others use too, a sampling step then takes ten times as long.
    """
    variables.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@dataclass(frozen=True)
class Environment:
    """What the user has set outside the command line.

    debug: TENFOLD_DEBUG, show tracebacks and the engine's log.
    runs: TENFOLD_RUNS, the folder that holds run folders and the store, or its URL (default `runs`).
    models: TENFOLD_MODELS, a folder whose subfolders are models (default `models`).
    home: TENFOLD_HOME, the folder that flow runs of a worker work in (default the checkout).
    cache: TENFOLD_CACHE, what can be computed again (default `tenfold` in XDG_CACHE_HOME, or ~/.cache).
    vision_model: TENFOLD_VISION_MODEL, the vision model that looks at pictures and writes prompts.
    plan_model: TENFOLD_PLAN_MODEL, the language model that plans stories.
    editor: VISUAL or EDITOR, the command that opens a text for a person.
    """

    debug: bool = False
    runs: Path = Path("runs")
    models: Path = Path("models")
    home: Path | None = None
    cache: Path = Path(".cache/tenfold")
    vision_model: str | None = None
    plan_model: str | None = None
    editor: str = "vi"


def read(variables: Mapping[str, str] = os.environ) -> Environment:
    """The environment as a value."""
    return Environment(
        debug=variables.get("TENFOLD_DEBUG", "").strip().lower() not in ("", "0", "false", "no"),
        runs=Path(variables.get("TENFOLD_RUNS") or "runs"),
        models=Path(variables.get("TENFOLD_MODELS") or "models"),
        home=Path(variables["TENFOLD_HOME"]) if variables.get("TENFOLD_HOME") else None,
        cache=cache_folder(variables),
        vision_model=variables.get("TENFOLD_VISION_MODEL") or None,
        plan_model=variables.get("TENFOLD_PLAN_MODEL") or None,
        editor=variables.get("VISUAL") or variables.get("EDITOR") or "vi",
    )


def cache_folder(variables: Mapping[str, str] = os.environ) -> Path:
    """`Environment.cache` alone, for those who ask for it often."""
    own, all_caches = variables.get("TENFOLD_CACHE"), variables.get("XDG_CACHE_HOME")
    return Path(own) if own else (Path(all_caches) if all_caches else Path.home() / ".cache") / "tenfold"
