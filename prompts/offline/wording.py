"""Views of a way to prompts: what fills each view, and in its centre what the next one shows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random

from prompts.offline.data import read
from prompts.offline.phrases import ARTICLE, head, sized
from prompts.offline.stops import OWN_DOMAIN
from prompts.offline.views import HAZE_M, SPACE_M, View
from prompts.scales.ladder import path_exists
from prompts.scales.thing import Thing
from prompts.schedule.centre import split
from prompts.schedule.comparing import leads_to
from prompts.schedule.lexicon import content, words

SEEN = 0.01  # share of a view from which on a thing in its centre is named, as tiny as it is
OUTDOORS = ("cosmos", "earth", "plants", "micro", "materials", "matter")  # where one place looks much like the next
SCENE_M = 1.0  # views wider than this are of places, narrower ones of single things and what they are made of
DARK = frozenset(("space", "darkness", "blackness", "emptiness"))
PATCHES = ("a bright patch of", "a smooth patch of", "one clear patch of", "a richer patch of")


class Wording:
    """The words of one story: the phrases between things and the accents, in an order chosen by seed, each used once.

    p: the zoom factor of the pictures. brief: things by their short names alone, for text encoders that read little.
    """

    def __init__(self, way: Sequence[Thing], p: float, rng: Random, brief: bool = False) -> None:
        self.way, self.p, self.brief = way, p, brief
        self.empties = {group: _turned(phrases, rng) for group, phrases in read("words.yaml")["empty"].items()}
        self.accents = {group: _shuffled(phrases, rng) for group, phrases in read("words.yaml")["accents"].items()}
        self.drawn: dict[tuple[str, str], int] = {}

    def prompts(self, views: Sequence[View]) -> list[str]:
        """A prompt per view; all but the last name in their centre what the next one shows."""
        own = [self._own(view) for view in views]
        said = [self._alone(views[-1], own[-1])]
        for i in range(len(views) - 2, -1, -1):
            said.insert(0, self._above(views[i], own[i], views[i + 1], own[i + 1], said[0]))
        return said

    def _above(self, view: View, own: str, after: View, theirs: str, deeper: str) -> str:
        """The prompt of a view with the next one in its centre, the first wording that leads to that one's prompt."""
        tried = [self._joined(view, own, c) for c in self._centres(view, own, after, theirs, deeper)]
        return next((prompt for prompt in tried if leads_to(prompt, deeper)), tried[0])

    def _own(self, view: View) -> str:
        thing = self.way[view.thing]
        if view.kind == "empty":
            return self._empty(self._group(view))
        outer = self.way[max(0, view.thing - 1)]
        around = thing.around if _at_home(thing, outer) else outer.detail
        said = {"looks": thing.looks, "detail": thing.detail, "around": around}[view.kind]
        if self.brief:
            said = thing.centre if view.kind == "looks" else head(said)
        if not self._seen(said):
            return said
        again = {"looks": said, "detail": _part(thing), "around": head(said)}[view.kind]
        return f"{again} {self._accent(self._mood(view, again))}"

    def _seen(self, said: str) -> int:
        """How often these words were said before, of one thing or of two that share them."""
        before = self.drawn.get(("said", said), 0)
        self.drawn["said", said] = before + 1
        return before

    def _group(self, view: View) -> str:
        return "space" if view.width_m > SPACE_M else "haze" if view.width_m < HAZE_M else "plain"

    def _mood(self, view: View, said: str) -> str:
        """The group of accents that suit the words at this width."""
        if DARK & set(words(said)):
            return "space"
        group = self._group(view)
        return "scene" if group == "plain" and view.width_m > SCENE_M else group

    def _next(self, kind: str, group: str) -> int:
        count = self.drawn.get((kind, group), 0)
        self.drawn[kind, group] = count + 1
        return count

    def _empty(self, group: str) -> str:
        phrases = self.empties[group]
        rounds, place = divmod(self._next("empty", group), len(phrases))
        return phrases[place] if not rounds else f"{phrases[place]} {self._accent(group)}"

    def _accent(self, group: str) -> str:
        """The next accent; when all were used, two together, differently paired each time round."""
        phrases = self.accents[group]
        rounds, place = divmod(self._next("accent", group), len(phrases))
        return phrases[place] if not rounds else f"{phrases[place]} and {phrases[(place + rounds) % len(phrases)]}"

    def _centres(self, view: View, own: str, after: View, theirs: str, deeper: str) -> list[str]:
        """What a view may name in its centre, the best first: the thing that the next one shows, or that comes into
        view there; in empty space what is named in the next one's centre; what the next one's words begin with, or a
        patch of that where all around is of the same."""
        thing, phrase = self.way[after.thing], head(theirs)
        share, same = thing.size_m / view.width_m, own.startswith(phrase)
        closer = view.thing == after.thing and view.kind in ("looks", "detail")
        if after.kind == "looks" and not closer:
            return [sized(thing.centre, max(1 / self.p, share)), phrase]
        coming = self.way[after.thing + (after.kind == "detail") :][:1] if same or after.kind != "detail" else ()
        seen = [t for t in coming if t.size_m < view.width_m and self._visible(t, view)]
        named = [sized(t.centre, t.size_m / view.width_m) for t in seen]
        if seen and self._group(view) != "plain":
            named.append(split(deeper)[1].replace("small ", "tiny ", 1))
        other = _part(thing) if after.kind == "detail" else sized(thing.centre, share)
        return [*named, self._patch(phrase) if same else phrase, other]

    def _visible(self, thing: Thing, view: View) -> bool:
        """Whether a thing is to be named as small as it is; in empty space there is nothing else to zoom to."""
        return thing.size_m >= SEEN * view.width_m or self._group(view) != "plain"

    def _patch(self, phrase: str) -> str:
        return f"{PATCHES[self._next('patch', '') % len(PATCHES)]} {re.sub(r'^an? ', '', phrase)}"

    def _joined(self, view: View, own: str, centre: str) -> str:
        if view.kind == "around" and " around " not in own:
            return f"{own} around {centre} in the centre"
        busy = any(mark in own for mark in (",", " with ", " around ", " of "))
        return f"{own}{', ' if busy else ' with '}{centre} in the centre"

    def _alone(self, view: View, own: str) -> str:
        return f"{own} around {self.way[view.thing].centre}" if view.kind == "around" else own


def _at_home(thing: Thing, outer: Thing) -> bool:
    """Whether what is said to be around a thing is what is around it in the one before: indoors it is that of the
    first of its surroundings."""
    if thing.id == outer.id:
        return True
    if thing.domain == OWN_DOMAIN or not path_exists(outer.id, thing.id):
        return False
    return outer.domain in OUTDOORS or outer.id == thing.surroundings[0]


def _part(thing: Thing) -> str:
    """What the parts of a thing begin with, and of what they are: "ridges of a snowflake"."""
    part, name, centre = head(thing.detail), thing.names[0], head(thing.centre)
    if content(part) and (" of " in part or set(content(name)) & set(content(part))):
        return part
    if " of " in centre or not ARTICLE.match(centre):  # a patch of skin, leaves
        name = centre
    else:
        name = f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"
    return f"{part} {'in' if ' of ' in part else 'of'} {name}"


def _turned(phrases: Sequence[str], rng: Random) -> list[str]:
    """The phrases in their order, from a place chosen by seed on: neighbours differ."""
    start = rng.randrange(len(phrases))
    return [*phrases[start:], *phrases[:start]]


def _shuffled(phrases: Sequence[str], rng: Random) -> list[str]:
    mixed = list(phrases)
    rng.shuffle(mixed)
    return mixed
