"""Which things of the ladder a text names, and in which words."""

from __future__ import annotations

import difflib
import functools
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from prompts.scales.ladder import ladder
from prompts.scales.plurals import plurals, usual_spelling
from prompts.scales.thing import Thing

WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*['’]?")
OWNER = re.compile(r"['’]s?$")
OWNED = re.compile(r"['’](?=s?$)")  # "the sun's surface", not "d'une"
ARTICLES = {"a", "an", "the", "my", "your", "our", "his", "her", "its", "their", "this", "that", "some", "one", "each"}
# Words that end a noun phrase towards its left: they belong to the sentence around it.
_AROUND = """
from to into in on onto of off via through throughout between and or with without then next finally zoom zooms zooming
out down up at by inside within over under above below beneath behind beside near toward towards past across along
until till end ends ending start starts starting begin begins beginning i we you want wants would like please show
shows showing see seeing let make create draw give go goes going fly flying dive diving travel travelling move moving
journey way all where which who is are was be for about as it there here video film story picture view look looking
deep deeper closer close lies lie lying sits sitting lives living growing grows has have having contains containing
made not but than so after before while when back
"""
AROUND = frozenset(_AROUND.split())
CLOSE = 0.65  # likeness, by difflib, from which on a name is worth asking about


@dataclass(frozen=True)
class Found:
    """A thing named in a text: text[start:end] is `words`, its noun phrase as it was said ("a frosty maple leaf").

    of: the larger thing whose part or kind it is said to be ("the eye of a bee", "a bee's eye", "an oak leaf"), which
    the words hold too. Of names side by side the last one counts ("a stone house").
    """

    thing: Thing
    start: int
    end: int
    words: str
    of: Thing | None = None


@dataclass(frozen=True)
class _Hit:
    thing: Thing
    first: int  # tokens first..last - 1
    last: int


def find(text: str) -> tuple[Found, ...]:
    """The things that a text names, in order of the text.

    The longest name wins; case, plurals, hyphens and spaces make no difference, nor does American spelling.
    """
    tokens = list(WORD.finditer(text))
    found: list[Found] = []
    for hit in _hits(tokens):
        found.append(_phrase(text, tokens, hit, after=found[-1].end if found else 0))
    return _joined(text, found)


def nearest(word: str, n: int = 3) -> tuple[str, ...]:
    """At most n names of things that are spelled most like a word or a phrase, the most alike first."""
    names = {name.casefold(): name for thing in ladder().things for name in thing.names}
    tried = [word.casefold(), *(m[0].casefold() for m in reversed(list(WORD.finditer(word))))]
    close = [names[c] for t in dict.fromkeys(tried) for c in difflib.get_close_matches(t, names, n, CLOSE)]
    return tuple(dict.fromkeys(close))[:n]


@functools.cache
def _index() -> tuple[dict[str, Thing], int]:
    """Things by their names run together in lower case, singular and plural; and the words of the longest name."""
    index: dict[str, Thing] = {}
    forms = [(form, thing) for thing in ladder().things for name in thing.names for form in _forms(name)]
    for (form, _), thing in sorted(forms, key=lambda f: f[0][1]):  # a name as it stands comes before a plural
        index.setdefault(form, thing)
    return index, 1 + max(len(WORD.findall(name)) for thing in ladder().things for name in thing.names)


def _forms(name: str) -> Iterator[tuple[str, bool]]:
    words = [m[0].casefold() for m in WORD.finditer(name)]
    yield _key(words), False
    head = words.index("of") - 1 if "of" in words[1:] else len(words) - 1
    for plural in plurals(usual_spelling(words[head])):
        yield _key((*words[:head], plural, *words[head + 1 :])), True


def _key(words: Iterable[str]) -> str:
    return "".join(map(_plain, words))


@functools.lru_cache(4096)
def _plain(word: str) -> str:
    return usual_spelling(OWNED.sub("", word.casefold()))


def _hits(tokens: Sequence[re.Match[str]]) -> list[_Hit]:
    """Names, found from the end of the text: the last words of a compound say what it is ("leaf cell nucleus")."""
    hits: list[_Hit] = []
    last = len(tokens)
    while last > 0:
        hit = _hit(tokens, last)
        if hit:
            hit = _turned(tokens, hit) or hit
            hits.append(hit)
        last = hit.first if hit else last - 1
    return hits[::-1]


def _hit(tokens: Sequence[re.Match[str]], last: int) -> _Hit | None:
    """The longest name that ends with the word before `last`; owners count as their bare names ("a bee's eye")."""
    index, longest = _index()
    for first in range(max(0, last - longest), last):
        said = [token[0] for token in tokens[first:last]]
        thing = index.get(_key(said)) or index.get(_key(OWNER.sub("", word) for word in said))
        if thing and _whole(tokens[first:last]):
            return _Hit(thing, first, last)
    return None


def _turned(tokens: Sequence[re.Match[str]], hit: _Hit) -> _Hit | None:
    """What "the wing of a butterfly" says, where a butterfly wing is a thing."""
    at = hit.first - 1
    if at > 0 and tokens[at][0].casefold() in ARTICLES:
        at -= 1
    if at < 1 or tokens[at][0].casefold() != "of" or not _whole(tokens[at - 1 : hit.last]):
        return None
    index, _ = _index()
    keys = (_key((*name.split(), tokens[at - 1][0])) for name in hit.thing.names)
    return next((_Hit(index[key], at - 1, hit.last) for key in keys if key in index), None)


def _whole(tokens: Sequence[re.Match[str]]) -> bool:
    """Whether nothing but spaces and hyphens stands between the words."""
    text = tokens[0].string
    return all(_apart(text[a.end() : b.start()]) for a, b in itertools.pairwise(tokens))


def _apart(between: str) -> bool:
    return not between.strip(" \t\n-‐‑")


def _phrase(text: str, tokens: Sequence[re.Match[str]], hit: _Hit, after: int) -> Found:
    first = hit.first
    while (
        first and tokens[first - 1].start() >= after and _apart(text[tokens[first - 1].end() : tokens[first].start()])
    ):
        word = tokens[first - 1][0].casefold()
        if word in AROUND or word[0].isdigit():
            break
        first -= 1
        if word in ARTICLES:
            break
    start, end = tokens[first].start(), tokens[hit.last - 1].end()
    return Found(hit.thing, start, end, text[start:end])


def _joined(text: str, found: list[Found]) -> tuple[Found, ...]:
    """Parts said with their wholes, and compounds, as one."""
    joined: list[Found] = []
    for one in found:
        before = joined[-1] if joined else None
        merged = _pair(text, before, one) if before else None
        if merged:
            joined[-1] = merged
        else:
            joined.append(one)
    return tuple(joined)


def _pair(text: str, before: Found, one: Found) -> Found | None:
    """Two neighbours as one, where they are a part and its whole or the words of a compound."""
    between, words = text[before.end : one.start], text[before.start : one.end]
    if before.of is None and between.casefold().strip() == "of" and one.thing.size_m > before.thing.size_m:
        return Found(before.thing, before.start, one.end, words, one.thing)
    if not _apart(between):
        return None
    larger = next((t for t in (before.thing, before.of) if t and t.size_m > one.thing.size_m), None)
    return Found(one.thing, before.start, one.end, words, larger)
