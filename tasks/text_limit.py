"""How much of a prompt the text encoder of a run's image model reads."""

from __future__ import annotations

from pathlib import Path

from prompts.schedule import TextLimit
from tasks.specs import RunConfig
from zoomlib import bundled

BUNDLED = "bundled"


def text_limit(config: RunConfig | None = None) -> TextLimit:
    """The limit of the configuration's image model, or that of CLIP, which most image models share.

    Nothing is loaded; a folder that names no tokenizer has CLIP's limit.
    """
    from prompts.schedule.tokens import clip_limit, folder_limit

    name = None if config is None else config.model.name
    if name is None:
        return clip_limit()
    if name == BUNDLED:
        return folder_limit(bundled.folder(), "the bundled model") or clip_limit()
    return folder_limit(Path(name).expanduser()) or clip_limit()


def is_bundled(config: RunConfig) -> bool:
    """Whether the image model is the bundled one, which knows few words."""
    return config.model.name == BUNDLED
