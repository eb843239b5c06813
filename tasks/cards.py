"""The cards of finished runs, read from their folders."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evaluation.cards import RunCard
from prompts import parse_story
from tasks.errors import UNUSABLE, RefusedError
from tasks.run import CONFIG, is_story
from tasks.specs import RunConfig
from tasks.variants import variant_of


def read_card(folder: Path) -> RunCard:
    """The card of the run in `folder`. Raises RefusedError where there is no finished run."""
    path = folder / CONFIG
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        json.dumps(facts, ensure_ascii=False).encode()  # JSON can write what is no text, and nothing could show it
        facts = facts if "variant" in facts else _completed(folder, facts)
        return _card(folder, facts, datetime.fromtimestamp(path.stat().st_mtime, UTC))
    except FileNotFoundError as error:
        raise RefusedError(f"{folder} holds no finished run: {CONFIG} is missing.") from error
    except UNUSABLE as error:
        raise RefusedError(f"{folder} cannot be used as a finished run: {error!r:.300}. Make it again.") from error


def run_folders(root: Path) -> Iterator[Path]:
    """The folders of all finished runs under `root`, in the order of their names."""
    for path in sorted(root.glob(f"*/*/{CONFIG}")):
        if is_story(path.parent.parent) and not path.parent.name.startswith("."):
            yield path.parent


def _completed(folder: Path, facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """The facts of a run whose `config.json` was written before it told all that a card holds."""
    config = RunConfig.model_validate(facts["config"])
    path = folder / "story.yaml"
    story = parse_story(path.read_text(encoding="utf-8"), str(path))
    p = (config.p or story.p) if config.compose is None else list(config.compose.factors)
    return {
        **facts,
        "prompts": story.prompts(),
        "method": config.method,
        "variant": variant_of(config),
        "p": p,
    }


def _card(folder: Path, facts: Mapping[str, Any], made_at: datetime) -> RunCard:
    config, files, p = facts["config"], facts["files"], facts["p"]
    return RunCard(
        id=str(facts["run_id"]),
        folder=folder,
        story=str(facts["story"]),
        prompts=tuple(map(str, facts["prompts"])),
        method=str(facts["method"]),
        variant=str(facts["variant"]),
        seed=int(facts["seed"]),
        model=str(facts["model"]["id"]),
        model_revision=str(facts["model"]["revision"]),
        software=f"tenfold {facts['versions']['tenfold']}",
        made_at=made_at,
        p=tuple(map(float, p)) if isinstance(p, list) else float(p),
        film=next((name for name in files if name.startswith("zoom.") and not {"/", "\\"} & {*name}), None),
        config=config,
    )
