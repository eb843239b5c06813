"""The words of `words.yaml`, and texts as words: in lower case, singular, without what says nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).with_name("words.yaml")
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same rules, ten times as fast, where libyaml is there

# Scripts that put no spaces between words give one word per character.
WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\d_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
POSSESSIVE = re.compile(r"['’]s\b")


@dataclass(frozen=True)
class Banned:
    """Wording that spoils pictures: what finds it, why it does, and what to do."""

    pattern: re.Pattern[str]
    reason: str
    remedy: str


@dataclass(frozen=True)
class Lexicon:
    """What `words.yaml` holds, and says of it, ready for use.

    viewpoints: what finds the words of each direction. synonyms: of each word, the numbers of the groups that it is in.
    plurals: to their singulars. stop holds the joints too.
    """

    viewpoints: dict[str, re.Pattern[str]]
    no_direction: frozenset[str]
    banned: tuple[Banned, ...]
    joints: frozenset[str]
    stop: frozenset[str]
    weak: frozenset[str]
    synonyms: dict[str, frozenset[int]]
    plurals: dict[str, str]
    depicted: frozenset[str]
    likened: frozenset[str]
    specks: frozenset[str]
    shapeless: frozenset[str]


@cache
def lexicon() -> Lexicon:
    """The words, read once."""
    data: dict[str, Any] = yaml.load(FILE.read_text(encoding="utf-8"), LOADER)  # noqa: S506 - a safe loader either way
    groups: dict[str, set[int]] = {}
    for number, group in enumerate(data["synonyms"]):
        for word in group:
            groups.setdefault(word, set()).add(number)
    return Lexicon(
        viewpoints={name: _pattern(patterns) for name, patterns in data["viewpoints"].items()},
        no_direction=frozenset(data["no_direction"]),
        banned=tuple(
            Banned(_pattern(b["patterns"], b.get("anywhere", ())), b["reason"], b["remedy"]) for b in data["banned"]
        ),
        joints=frozenset(data["joints"]),
        stop=frozenset(data["stop"]).union(data["joints"]),
        weak=frozenset(data["weak"]),
        synonyms={word: frozenset(numbers) for word, numbers in groups.items()},
        plurals=data["plurals"],
        depicted=frozenset(data["depicted"]),
        likened=frozenset(data["likened"]),
        specks=frozenset(data["specks"]),
        shapeless=frozenset(data["shapeless"]),
    )


def _pattern(whole_words: Sequence[str], anywhere: Sequence[str] = ()) -> re.Pattern[str]:
    """One pattern of many; a space in them is white space or a hyphen, which a question mark makes optional."""
    joined = "|".join([rf"(?<!\w)(?:{'|'.join(whole_words)})(?!\w)", *anywhere])
    return re.compile(joined.replace(" ?", "[\\s-]?").replace(" ", "[\\s-]+"), re.IGNORECASE)


def lemma(word: str) -> str:
    """The singular of an English noun in lower case; any other word as it is."""
    if word in (known := lexicon().plurals):
        return known[word]
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    return word[:-2] if word.endswith(("sses", "xes", "ches", "shes", "zes", "oes")) else word[:-1]


@lru_cache(4096)
def words(text: str) -> tuple[str, ...]:
    """The words of a text in order, as lemmas, without numbers and punctuation."""
    return tuple(lemma(word) for word in WORD.findall(POSSESSIVE.sub("", text.lower())))


def content(text: str) -> tuple[str, ...]:
    """The words that say what is shown: without stop words, colours, sizes and the like."""
    known = lexicon()
    return tuple(word for word in words(text) if word not in known.stop and word not in known.weak)
