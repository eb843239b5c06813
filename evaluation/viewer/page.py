"""The page: template, style, scripts, facts and pictures in one text, with a policy that admits nothing else."""

import base64
import hashlib
import html
import json
import os
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

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
POLICY = "default-src 'none'; img-src data: blob:; style-src '{style}'; script-src '{script}'; {rest}"
REST = "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"


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
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    text = view_page(stack, **options)
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _filled(title: str, scene: Mapping[str, Any], pictures: Sequence[str]) -> str:
    style, script = _joined(STYLES), _joined(SCRIPTS)
    policy = POLICY.format(style=_digest(style), script=_digest(script), rest=REST)
    levels = "\n".join(
        f'<script type="text/plain" id="level-{i}">{picture}</script>' for i, picture in enumerate(pictures)
    )
    parts = {
        "POLICY": html.escape(policy, quote=True).replace("&#x27;", "'"),
        "TITLE": html.escape(title),
        "STYLE": style,
        "SCENE": _json(scene),
        "SCRIPT": script,
        "LEVELS": levels,
    }
    # Split, not replaced one after the other: what is filled in may contain the marks.
    first, *others = _file("page.html").split("{{")
    return first + "".join(parts[mark] + after for mark, _, after in (other.partition("}}") for other in others))


def _json(value: object) -> str:
    """JSON that cannot end the script element that it stands in, nor open a comment there."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _digest(text: str) -> str:
    """The source expression by which a content security policy admits exactly this text."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def _joined(names: Sequence[str]) -> str:
    return "\n".join(_file(name) for name in names)


@cache
def _file(name: str) -> str:
    return (files("evaluation.viewer") / "files" / name).read_text(encoding="utf-8")
