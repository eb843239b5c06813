"""Notes on prompts that are longer than what the image model reads."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.run import Run
from zoomlib.models.limits import unread

if TYPE_CHECKING:
    from prompts.schedule import TextLimit

SHOWN = 60
"""Letters of what is not read."""
MOST = 4
"""Notes; the others are counted."""


def notes_on_texts(run: Run) -> tuple[str, ...]:
    """A sentence for each prompt of which the model does not read the end, with the words that it does not read."""
    if "reads" not in run.model or run.model.get("folder") is None:
        return ()
    texts = {"prompt": run.story.prompts(), "negative prompt": run.story.negatives()}
    if _all_read(run, [text for written in texts.values() for text in written]):
        return ()
    found = []
    for kind, written in texts.items():
        ends = unread(Path(run.model["folder"]), run.model["reads"], list(written))
        found += [
            f"The model does not read the end of level {level}'s {kind}: {_short(end)!r}. Shorten it."
            for level, end in enumerate(ends)
            if end
        ]
    more = [f"Nor does it read the ends of {len(found) - MOST} more."] if len(found) > MOST else []
    return (*found[:MOST], *more)


def _all_read(run: Run, texts: Sequence[str]) -> bool:
    """Whether the first encoder reads all texts, found without importing what models are loaded with: that takes
    seconds, and most prompts are short. False where that cannot be told."""
    folder, most = Path(run.model["folder"]), dict(run.model["reads"]).get("tokenizer", 0)
    try:
        there = (folder / "tokenizer" / "tokenizer.json").stat()
    except OSError:
        return False
    limit = _limit(folder, there.st_mtime_ns, there.st_size)
    return limit is not None and all(limit.count(text) <= most for text in texts)


@lru_cache(maxsize=4)
def _limit(folder: Path, _changed_ns: int, _size: int) -> TextLimit | None:
    """What a model's first encoder reads; its tokenizer is read once for all runs that are planned."""
    from prompts.schedule.tokens import folder_limit

    return folder_limit(folder)


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3].rstrip()}..."
