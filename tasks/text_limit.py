"""How much of a prompt the text encoder of a run's image model reads."""

from __future__ import annotations

from pathlib import Path

from prompts.schedule import TextLimit
from tasks.specs import RunConfig
from zoomlib import bundled
from zoomlib.errors import InvalidInputError

BUNDLED = "bundled"


def text_limit(config: RunConfig | None = None) -> TextLimit:
    """The limit of the configuration's image model, or that of CLIP, which most image models share.

    Of several encoders it is the one that reads most. No weights are loaded; a folder that names no tokenizer has
    CLIP's limit.
    """
    from prompts.schedule.tokens import clip_limit, folder_limit

    if config is not None and is_bundled(config):
        return folder_limit(bundled.folder(), "the bundled model") or clip_limit()
    folders = [] if config is None else map(_folder, (config.model.name, *config.model.fallbacks))
    folder = next(filter(None, folders), None)
    return (None if folder is None else _longest(folder) or folder_limit(folder)) or clip_limit()


def _longest(folder: Path) -> TextLimit | None:
    """The limit of a model that is known to give its encoders so many tokens, whatever they could read."""
    from zoomlib.models.limits import longest

    try:
        found = longest(folder)
    except InvalidInputError:
        return None
    return None if found is None else TextLimit("the model's text encoder", *found)


def _folder(name: str) -> Path | None:
    """Where a model lies; None where it is not here, which whoever draws will say."""
    from tasks.models import sources
    from zoomlib.models.files.places import as_path, here

    folder = as_path(name)
    if folder is not None and folder.is_dir():
        return folder

    try:
        return here(name, sources())
    except InvalidInputError:
        return None


def is_bundled(config: RunConfig) -> bool:
    """Whether the image model is the bundled one, which knows few words."""
    return config.model.name == BUNDLED
