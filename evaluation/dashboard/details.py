"""All that the page of one run tells: its levels with prompts and scores, its configuration, its files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evaluation.cards import RunCard
from evaluation.dashboard.entries import CONFIG, SCORES, Entry, leaves

STORY = "story.yaml"


def details(entry: Entry, card: RunCard) -> dict[str, Any]:
    """The facts of a run as plain values. Scores by column; files by name with their sizes in bytes."""
    steps = card.p if isinstance(card.p, tuple) else (card.p,) * (len(card.prompts) - 1)
    return {
        "key": entry.key,
        "id": entry.id,
        "stamp": entry.stamp,
        "facts": {
            "Story": card.story,
            "Variant": card.variant,
            "Method": card.method,
            "Seed": str(card.seed),
            "Model": card.model,
            "Revision": card.model_revision[:12],
            "Levels": str(len(card.prompts)),
            "Zoom factor": ", ".join(f"{p:g}" for p in dict.fromkeys(steps)),
            "Made": card.made_at.isoformat(timespec="seconds"),
            "Made with": card.software,
            "Folder": entry.key,
        },
        "film": entry.film,
        "prompts": list(card.prompts),
        "pictures": [path.name if path.is_file() else None for path in card.levels],
        "means": dict(entry.means),
        "levels": dict(entry.levels),
        "settings": list(leaves(card.config)),
        "files": [{"name": name, "bytes": path.stat().st_size} for name, path in files_of(entry, card).items()],
        "wrong": list(entry.wrong),
    }


def files_of(entry: Entry, card: RunCard) -> Mapping[str, Path]:
    """Every file of a run that the page offers, by the name under which it does."""
    folder = card.folder
    names = [*entry.files, CONFIG, STORY, *(path.name for path in sorted(folder.glob(SCORES)))]
    found = {name: folder / name for name in names}
    return {name: path for name, path in found.items() if path.is_file()}
