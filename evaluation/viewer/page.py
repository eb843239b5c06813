"""The page of a zoom: its template, style and scripts, filled with facts and pictures."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluation.page import json_text, page, resource, write_page
from evaluation.viewer.scene import encoded, facts_of, thumb, worlds
from zoomlib.errors import InvalidInputError
from zoomlib.stack import ZoomStack

SCRIPTS = (
    "geometry.js",
    "words.js",
    "pictures.js",
    "painter.js",
    "camera.js",
    "gestures.js",
    "panels.js",
    "map.js",
    "main.js",
)
"""In their order: each may use what stands before it."""
STYLES = ("style.css",)
QUALITY = 92
FILES = "evaluation.viewer.files"


def view_page(
    stack: ZoomStack,
    *,
    title: str,
    prompts: Sequence[str],
    widths_m: Sequence[float | None] | None = None,
    loop: bool = False,
    facts: Mapping[str, str] = {},
    quality: int = QUALITY,
) -> str:
    """One HTML file in which the stack can be explored; it needs nothing beside it and asks no network.

    prompts: one per level, widest first. widths_m: width in metres of each level where it is known. loop: whether the
    deepest level contains the widest. facts: what the page tells about its making, by name. quality: of the embedded
    pictures, 1 to 100. They are the renderer's, so that the page shows the film's frames up to their compression.
    Raises InvalidInputError for a quality out of range and for prompts or widths that do not fit the stack.
    """
    if not 1 <= quality <= 100:
        raise InvalidInputError(f"The quality of the page's pictures is a number from 1 to 100, not {quality!r}.")
    scene = facts_of(stack, title, prompts, widths_m, loop, facts)
    pictures = worlds(stack, loop)
    scene["thumbs"] = [thumb(picture) for picture in pictures]
    return _filled(title, scene, [encoded(picture, quality) for picture in pictures])


def write_view(path: str | os.PathLike[str], stack: ZoomStack, **options: Any) -> Path:
    """Write `view_page(stack, **options)` to `path`. A reader never sees half a file."""
    return write_page(path, view_page(stack, **options))


def _filled(title: str, scene: Mapping[str, Any], pictures: Sequence[str]) -> str:
    levels = "\n".join(
        f'<script type="text/plain" id="level-{i}">{picture}</script>' for i, picture in enumerate(pictures)
    )
    return page(
        resource(FILES, "page.html"),
        title=title,
        styles=[resource(FILES, name) for name in STYLES],
        scripts=["\n".join(resource(FILES, name) for name in SCRIPTS)],
        parts={"SCENE": json_text(scene), "LEVELS": levels},
    )
