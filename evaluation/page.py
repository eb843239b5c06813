"""Pages of one file: template, style, scripts and data in one text, with a policy that admits nothing else.

Text from stories, models and people enters a page in two ways only: as JSON, which scripts show as text, and as the
title, which is escaped. Neither can end the element that it stands in.
"""

import base64
import hashlib
import html
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

POLICY = (
    "default-src 'none'; {sources}; style-src {style}; script-src {script}; base-uri 'none'; form-action 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
"""Styles and scripts are admitted by their digests: what is not in the page when it is made never runs."""
PICTURES = "img-src data: blob:"
FILMS = "img-src data: blob:; media-src blob:"


def page(
    template: str,
    *,
    title: str,
    styles: Sequence[str],
    scripts: Sequence[str],
    parts: Mapping[str, str],
    sources: str = PICTURES,
) -> str:
    """`template` with its marks filled: `{{POLICY}}`, `{{TITLE}}`, `{{STYLE}}`, `{{SCRIPTS}}` and those of `parts`.

    styles, scripts: texts in their order; each may use what stands before it. parts: HTML by mark, as `data` and
    `json_text` make it. sources: further directives of the policy, as `connect-src 'self'` for a page that is served.
    Raises KeyError for a mark that nothing fills.
    """
    style = "\n".join(styles)
    policy = POLICY.format(style=source(style), script=" ".join(map(source, scripts)), sources=sources)
    filled = {
        "POLICY": html.escape(policy, quote=True).replace("&#x27;", "'"),
        "TITLE": html.escape(title),
        "STYLE": style,
        "SCRIPTS": "\n".join(f"<script>{script}</script>" for script in scripts),
        **parts,
    }
    # Split, not replaced one after the other: what is filled in may contain the marks.
    first, *others = template.split("{{")
    return first + "".join(filled[mark] + after for mark, _, after in (other.partition("}}") for other in others))


def data(name: str, value: object) -> str:
    """A script element of that id which holds `value` as JSON."""
    return f'<script type="application/json" id="{html.escape(name)}">{json_text(value)}</script>'


def blobs(contents: Iterable[tuple[str, bytes]]) -> str:
    """Script elements of these ids which hold bytes in base 64, for scripts to decode when they are shown."""
    return "\n".join(
        f'<script type="text/plain" id="{html.escape(name)}">{base64.b64encode(content).decode("ascii")}</script>'
        for name, content in contents
    )


def json_text(value: object) -> str:
    """JSON that cannot end the script element that it stands in, nor open a comment there."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def source(text: str) -> str:
    """The source expression by which a content security policy admits exactly this text."""
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii") + "'"


@cache
def resource(package: str, name: str) -> str:
    """The text of a file that lies in a package of ours."""
    return (files(package) / name).read_text(encoding="utf-8")


def write_page(path: str | os.PathLike[str], text: str) -> Path:
    """Write `text` to `path`, whole or not at all, and return it."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path
