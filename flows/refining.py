"""How a refinement is shown: its versions with their scores, which one stays, and what it has cost."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flows.plan_shown import said_costs
from flows.terminal import plain, table

HEAD = ("version", "from", "rewritten", "first prompts", "own prompts", "agreement dB", "seam", "")


def show_refinement(facts: Mapping[str, Any], root: Path) -> None:
    """Print the versions, what was said of them, and where they are kept. facts: as `Refinement.as_json` tells them."""
    table(HEAD, [_row(version, facts["winner"]) for version in facts["versions"]], folding="")
    refused = sum(len(look["refused"]) for look in facts["looks"])
    if refused:
        print(f"New prompts that failed our checks and were not taken: {refused}; the folder tells why.")
    if facts["stopped"]:
        print(f"Ended after {len(facts['looks'])} of {facts['rounds']} rounds: {plain(facts['stopped']).rstrip('.')}.")
    print(f"{'Looked at by':<14} {plain(facts['model'])} at {plain(facts['host'])}: {said_costs(facts['spent'])}")
    print(f"{'Versions':<14} {root / facts['folder']}")


def _row(version: Mapping[str, Any], winner: int) -> tuple[str, ...]:
    scores = version["scores"]
    stays = "stays: " if version["number"] == winner else ""
    return (
        str(version["number"]),
        "" if version["parent"] is None else str(version["parent"]),
        " ".join(map(str, version["rewritten"])),
        *(_cell(scores[name]) for name in ("first", "own", "agreement", "seam")),
        stays + version["reason"],
    )


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
