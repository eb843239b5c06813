"""A photograph as the first level of a story, said by a vision model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.given import fit
from tasks.looking import png
from zoomlib.reading import load_picture

if TYPE_CHECKING:
    from prompts.schedule import TextLimit
    from prompts.seeing.caption import Caption
    from prompts.service.asking import Service


def caption_photo(
    photo: Path, vision: Service, *, limit: TextLimit | None = None, banned: Sequence[str] = ()
) -> Caption:
    """What a photograph shows, as the opening of a plan.

    Of a picture that is no square the middle is described, as it is what becomes a level. Only its pixels are sent,
    upright, in sRGB, and at most 1024 of them a side. Raises InvalidInputError for a file that is no picture,
    ReplyError, ServiceError and BudgetError as `prompts.seeing.caption.caption`.
    """
    from prompts.seeing.caption import caption
    from prompts.seeing.pictures import MOST_PX

    side = min(*load_picture(photo)[0].shape[-2:], MOST_PX)
    return caption(vision, png(fit(photo, (side, side))), limit=limit, banned=banned)
