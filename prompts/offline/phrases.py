"""Noun phrases: their first thing, their size, their article."""

from __future__ import annotations

import re

from prompts.schedule.lexicon import content, lexicon

SMALL, TINY = 0.12, 0.04  # shares of the view below which a thing in its centre is called so
HEAD_WORDS = 12
# Where the first thing that a phrase names may end.
CUT = re.compile(
    r",| (?:with|between|under|across|around|beneath|among|along|in|on|over|behind|beside|beyond|inside|crossed|strewn|"
    r"lit|spread|full|scattered|woven|joined|covered|dusted|fading|swirling|thinning|above|below|against|framed|"
    r"dissolving|speckled|sprinkled|dotted|studded|bristling|glistening|wrapped|crossing|gleaming|streaming|spilling|"
    r"wedged|packed|pressed|wound|coiled|winding|hung)\b"
)
# A participle where the noun before it may end; the nouns that look like one are left out.
JOINED = re.compile(
    r" (?!string|spring|building|painting|clearing|ceiling|paving|seabed)\w{3,}(?:ed|ing) "
    r"(?:in|by|with|from|into|onto|along|over|of|between|to|through|under)\b"
)
AND = re.compile(r" and\b")
PREPOSITIONS = frozenset(
    ("with", "between", "under", "across", "around", "beneath", "among", "along", "in", "on", "over", "behind",
     "beside", "beyond", "inside", "above", "below")
)  # fmt: skip
UNSIZED = re.compile(r"\b(?:small|tiny|minute|point-like)\b|^the |^[^\W\da-z]")
LARGE = re.compile(r"\b(?:huge|vast|large|massive|immense|broad|wide|tall|towering|long) ")
ARTICLE = re.compile(r"^(an?|the|one|some) ", re.I)


def head(phrase: str) -> str:
    """The first thing that a phrase names: "star clouds and dark dust lanes" begins with "star clouds".

    It ends with a noun as far as that can be told: "rows of gold and blue tiles" stays whole.
    """
    marks = sorted((mark.start(), mark[0]) for cut in (CUT, JOINED, AND) for mark in cut.finditer(phrase))
    first = next((phrase[:end] for end, word in marks if _ends(phrase[:end].split()[-1], word.strip())), phrase)
    said = first.split()
    ends = (i for i in range(HEAD_WORDS, 1, -1) if said[i] in lexicon().joints and _ends(said[i - 1], said[i]))
    return " ".join(said[: next(ends, HEAD_WORDS)]) if len(said) > HEAD_WORDS else first


def sized(phrase: str, share: float) -> str:
    """The phrase, with small or tiny before its noun where it takes little of the view; what has a name of its own or
    is the only one stays as it is."""
    word = "" if share >= SMALL else "small" if share >= TINY else "tiny"
    if not word or UNSIZED.search(phrase):
        return phrase
    phrase = LARGE.sub("", phrase)
    if not (article := ARTICLE.match(phrase)):
        return f"{word} {phrase}"
    first = "a" if article[1].lower() in ("a", "an") else article[1]
    return f"{first} {word} {phrase[article.end() :]}"


def _ends(word: str, mark: str) -> bool:
    """Whether a phrase may end with a word, by what stands behind: before "with" or "under" also "light" is a noun."""
    if word.endswith("ly") or word in lexicon().joints:
        return False
    return bool(content(word)) or mark in PREPOSITIONS
