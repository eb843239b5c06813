"""What models cost: a table by model, ours or the user's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from prompts.errors import ServiceError, shown
from prompts.service.question import Question, Usage

TABLE = Path(__file__).with_name("prices.yaml")
MILLION = 1_000_000
PICTURE_TOKENS = 6_000  # of a picture of 1024 px in patches of 14 px, the smallest in use: 5,350
_DATE = re.compile(r"-\d{4}-?\d{2}-?\d{2}$")
KEYS = {"model", "input", "output", "image_tokens", "source", "date"}


@dataclass(frozen=True)
class Price:
    """Money for a million tokens of the question (`input`) and of the reply (`output`); most tokens of a picture."""

    input: float
    output: float
    image_tokens: int = PICTURE_TOKENS

    def cost(self, usage: Usage) -> float:
        """What so many tokens cost."""
        return (usage.prompt_tokens * self.input + usage.completion_tokens * self.output) / MILLION


@dataclass(frozen=True)
class Prices:
    """Prices by model. A name stands for the dated versions of a model too; with a * for all that fit, the longest."""

    by_model: Mapping[str, Price] = field(default_factory=dict)
    currency: str = "USD"

    def of(self, model: str) -> Price | None:
        """The price of a model, None where it is not in the table."""
        for name in (model, _DATE.sub("", model)):
            if name in self.by_model:
                return self.by_model[name]
        fits = [name for name in self.by_model if "*" in name and fnmatchcase(model, name)]
        return self.by_model[max(fits, key=len)] if fits else None

    def bound(self, question: Question) -> Usage:
        """The most tokens that a question and its reply can have."""
        price = self.of(question.model)
        picture = price.image_tokens if price else PICTURE_TOKENS
        return Usage(question.text_tokens + picture * question.pictures, question.max_tokens)

    @classmethod
    def load(cls, path: Path | None = None) -> Prices:
        """The table that comes along, the entries of the user's file of the same form before it.

        A file in another currency stands alone. Raises ServiceError for one that cannot be read or has another form.
        """
        ours = _table(TABLE)
        theirs = ours if path is None else _table(path)
        if theirs.currency != ours.currency:
            return theirs
        return cls({**ours.by_model, **theirs.by_model}, ours.currency)


def _table(path: Path) -> Prices:
    text, fault = "", None
    try:
        text = path.read_text(encoding="utf-8")
        found = yaml.safe_load(text)
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        fault = type(error).__name__
    if fault:
        raise ServiceError(f"The prices in {shown(path.name)} cannot be read ({fault}). Give a YAML file.")
    entries = found.get("models") if isinstance(found, dict) else None
    currency = found.get("currency", "USD") if isinstance(found, dict) else "USD"
    if not isinstance(entries, list) or not isinstance(currency, str):
        raise ServiceError(
            f"The prices in {shown(path.name)} need a list 'models', of entries with model, input and output."
        )
    return Prices(dict(_entry(entry, path.name, number) for number, entry in enumerate(entries, 1)), currency)


def _entry(entry: Any, file: str, number: int) -> tuple[str, Price]:
    place = f"Entry {number} of the prices in {shown(file)}"
    if not isinstance(entry, dict) or not {"model", "input", "output"} <= entry.keys() <= KEYS:
        raise ServiceError(f"{place} needs model, input and output, and may have image_tokens, source and date.")
    money = [entry["input"], entry["output"]]
    if not all(type(value) in (int, float) and 0 <= value < MILLION for value in money):
        raise ServiceError(f"{place}: input and output are money per million tokens, 0 or more; got {shown(money)}.")
    tokens = entry.get("image_tokens", PICTURE_TOKENS)
    if type(tokens) is not int or not 0 <= tokens <= MILLION:
        raise ServiceError(f"{place}: image_tokens is a whole number, 0 or more; got {shown(tokens)}.")
    return str(entry["model"]), Price(float(entry["input"]), float(entry["output"]), tokens)
