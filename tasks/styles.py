"""Styles by configuration: words that take the place of a story's own, from a small table or written out."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import yaml
from pydantic import ValidationError

from prompts import Story
from tasks.errors import RefusedError
from tasks.specs import RunConfig, did_you_mean, in_words

TABLE = Path(__file__).with_name("styles.yaml")
NO_STYLE = "none"
CLOSE = 0.8
"""How alike a single unknown word and a style's name are for the word to be a slip of the pen (`difflib`)."""


class Style(NamedTuple):
    """How pictures are made: words for every prompt, and words that no level must show."""

    words: str
    negative: str = ""


@cache
def styles() -> Mapping[str, Style]:
    """The styles that come with the program, by name."""
    table = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    return MappingProxyType({name: Style(**entry) for name, entry in table.items()})


def style_of(text: str) -> Style:
    """The style of that name, no style for "none", or else the words themselves.

    Raises RefusedError for a single word that is nearly a style's name.
    """
    name = text.strip().lower().replace(" ", "-")
    if name == NO_STYLE:
        return Style("")
    if name in styles():
        return styles()[name]
    from difflib import get_close_matches

    if "," not in text and get_close_matches(name, styles(), n=1, cutoff=CLOSE):
        raise RefusedError(
            f"There is no style {text.strip()!r}. {did_you_mean(name, list(styles()))} Words of your own are taken as "
            "they are when a comma is among them; `tenfold models styles` lists all."
        )
    return Style(text.strip())


def styled(config: RunConfig, story: Story) -> Story:
    """The story in the configured style; itself where none is configured. Doing so twice is doing it once.

    Raises RefusedError for words that a story's style cannot be.
    """
    if config.style is None:
        return story
    style = style_of(config.style)
    excluded = [story.negative, style.negative if style.negative not in story.negative else ""]
    words = {"style": style.words, "negative": ", ".join(filter(None, excluded))}
    try:
        checked = Story.model_validate({"title": "Any", "p": story.p, "levels": ["any"], **words})
    except ValidationError as error:
        raise RefusedError(f"The style cannot be used. {in_words(error)}") from error
    return story.model_copy(update={"style": checked.style, "negative": checked.negative})
