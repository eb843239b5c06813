"""Everything that Tenfold reads from the environment, in one place. No secrets are read here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Environment:
    """What the user has set outside the command line.

    debug: TENFOLD_DEBUG, show tracebacks and the engine's log.
    runs: TENFOLD_RUNS, the folder that holds run folders and the store (default `runs`).
    models: TENFOLD_MODELS, a folder whose subfolders are models (default `models`).
    has_server: PREFECT_API_URL names a Prefect server, so none has to be started.
    """

    debug: bool = False
    runs: Path = Path("runs")
    models: Path = Path("models")
    has_server: bool = False


def read(variables: Mapping[str, str] = os.environ) -> Environment:
    """The environment as a value."""
    return Environment(
        debug=variables.get("TENFOLD_DEBUG", "").strip().lower() not in ("", "0", "false", "no"),
        runs=Path(variables.get("TENFOLD_RUNS") or "runs"),
        models=Path(variables.get("TENFOLD_MODELS") or "models"),
        has_server=bool(variables.get("PREFECT_API_URL")),
    )
