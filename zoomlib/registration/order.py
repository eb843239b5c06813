"""From pictures in any order to a zoom: which is the widest, which lies in which, and what does not belong."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from zoomlib.errors import InvalidInputError
from zoomlib.registration.features import Picture
from zoomlib.registration.judge import Judgement
from zoomlib.registration.links import MEASURED_PX, SURE_PLACES, Album, Link, better, reduced
from zoomlib.registration.placement import Placement, apply, corners, inverse, then
from zoomlib.registration.refine import Errors

Order = Literal["found", "name"]
SAME = 1.02
"""Pictures with a smaller factor between them show the same."""
_FEW_PLACES = 3
_APART = 0.03  # of the wider picture's longer side, between two places of one picture
_NO_TURN, _NO_TURN_DEG = 3.0, 0.1  # standard errors, degrees
_DISAGREE = 0.02  # in ln p, between a link and the places that all links together give its pictures


@dataclass(frozen=True)
class Step:
    """From one picture to the next finer one. errors and judgement are None where the step was given, not measured."""

    placement: Placement
    errors: Errors | None
    judgement: Judgement | None


@dataclass(frozen=True)
class Registration:
    """A zoom out of given pictures: `order` names them from the widest on, `steps[i]` leads from order[i] to the next.

    left_out: pictures that show the same as another, with that other.
    """

    order: tuple[int, ...]
    steps: tuple[Step, ...]
    left_out: tuple[tuple[int, int], ...] = ()


def register(
    pictures: Sequence[Picture],
    names: Sequence[str],
    *,
    order: Order = "found",
    assumed_p: float | None = None,
    on_pair: Callable[[int, int], None] | None = None,
) -> Registration:
    """Find order and places of at least two pictures (H, W, 3) uint8. Nothing in it is left to chance.

    names: of the pictures, for messages. order: found from the pictures, or their own from one end to the other, which
    lets a step count that is less sure. assumed_p: the factor of steps that cannot be measured, the finer picture in
    the middle; only with the pictures' own order. on_pair: told how many pairs have been looked at, and of how many.
    Raises InvalidInputError, which names the pictures and the remedy, where they are no zoom or a step is not sure.
    """
    if len(pictures) != len(names) or len(pictures) < 2:
        raise InvalidInputError(
            f"A zoom is made of at least 2 pictures, not {len(pictures)}. Put more into the folder."
        )
    if assumed_p is not None and not (order == "name" and 1 < assumed_p < math.inf):
        raise InvalidInputError("A factor can be assumed, above 1, only where the order is that of the names.")
    search = _Search(Album([reduced(picture) for picture in pictures]), names, on_pair or (lambda *_: None))
    found = search.in_order() if order == "found" else search.as_named(assumed_p)
    return replace(found, steps=tuple(map(_in_full_pixels, found.steps, (pictures[i] for i in found.order))))


class _Search:
    def __init__(self, album: Album, names: Sequence[str], on_pair: Callable[[int, int], None]) -> None:
        self.album, self.names, self.on_pair = album, names, on_pair
        self.links: dict[tuple[int, int], Link] = {}
        self.dropped: set[frozenset[int]] = set()

    def in_order(self) -> Registration:
        """The zoom that all pictures but copies make."""
        everything = range(len(self.names))
        pairs = list(itertools.combinations(everything, 2))
        for done, (a, b) in enumerate(pairs, start=1):
            self._keep(self.album.by_points(a, b, least_places=SURE_PLACES))
            self.on_pair(done, len(pairs))
        for attempt in (self._by_few_points, self.album.by_search):
            groups = _groups(everything, self.links)
            for a, b in pairs:
                if len(groups) > 1 and not any(a in group and b in group for group in groups):
                    self._keep(attempt(a, b))
                    groups = _groups(everything, self.links)
        self._refuse_strangers(_groups(everything, self.links))
        self._drop_contradicting()
        self._refuse_strangers(_groups(everything, self.links))
        copies = self._copies()
        depth = self._depths(everything)
        chain = sorted((i for i in everything if i not in copies), key=lambda i: depth[i])
        self._refuse_one(chain)
        steps = [self._step(wider, finer) for wider, finer in itertools.pairwise(chain)]
        return Registration(tuple(chain), tuple(steps), tuple(sorted(copies.items())))

    def as_named(self, assumed_p: float | None) -> Registration:
        """The zoom in the pictures' own order, or the reverse of it."""
        count = len(self.names)
        found: list[Link | None] = []
        for done, (a, b) in enumerate(itertools.pairwise(range(count)), start=1):
            link = self.album.by_points(a, b, least_places=_FEW_PLACES)
            if link is None or not link.judgement.passes:
                link = better(link, self.album.by_search(a, b))
            found.append(link)
            self.on_pair(done, count - 1)
        inward = sum(_sign(link, i) for i, link in enumerate(found) if link is not None and link.judgement.passes)
        steps = [self._named_step(i, link, inward >= 0, assumed_p) for i, link in enumerate(found)]
        chain = tuple(range(count))
        return Registration(chain, tuple(steps)) if inward >= 0 else Registration(chain[::-1], tuple(steps[::-1]))

    def _keep(self, link: Link | None) -> None:
        if link is not None and link.judgement.passes:
            self.links[link.wider, link.finer] = link

    def _drop_contradicting(self) -> None:
        """Of three links that put a picture at two places, drop the one that agrees least: a texture that repeats."""
        for a, b, c in itertools.permutations(range(len(self.names)), 3):
            links = [self.links.get(pair) for pair in ((a, b), (a, c), (b, c))]
            outer, whole, inner = links
            if outer is None or whole is None or inner is None:
                continue
            told = then(whole.matrix, inverse(outer.matrix))  # of c in b, by way of a
            size = self.album.size(c)
            off = np.abs(apply(told, corners(size)) - apply(inner.matrix, corners(size))).max()
            if off > _APART * max(self.album.size(b)):
                worst = min((outer, whole, inner), key=lambda link: link.judgement.agreement)
                del self.links[worst.wider, worst.finer]
                self.dropped.add(frozenset((worst.wider, worst.finer)))

    def _by_few_points(self, a: int, b: int) -> Link | None:
        return self.album.by_points(a, b, least_places=_FEW_PLACES)

    def _called(self, pictures: Sequence[int] | set[int]) -> str:
        return ", ".join(self.names[i] for i in sorted(pictures))

    def _refuse_strangers(self, groups: list[set[int]]) -> None:
        if len(groups) == 1:
            return
        groups = sorted(groups, key=len, reverse=True)
        alone = {i for group in groups for i in group if len(group) == 1}
        if len(groups[0]) == 1:
            raise InvalidInputError(
                f"None of these pictures shows another: {self._called(alone)}. A zoom needs pictures of which each "
                "lies in the one before; --order name tries them in the order of their names."
            )
        if len(groups) - len(alone) == 1:
            raise InvalidInputError(
                f"These belong to no other picture: {self._called(alone)}. Leave them out (--without NAME, for each), "
                "or, if they do belong, try --order name."
            )
        listed = "; ".join(self._called(group) for group in groups if len(group) > 1)
        raise InvalidInputError(
            f"The folder holds {len(groups) - len(alone)} zooms: {listed}"
            + (f"; and pictures that belong to none: {self._called(alone)}" if alone else "")
            + ". Compose them one at a time (--without NAME, for each of the others), or, if they belong together, try "
            "--order name."
        )

    def _copies(self) -> dict[int, int]:
        """Pictures that show the same as one before them by name, with that one. Refuses those that only overlap."""
        copies: dict[int, int] = {}
        for link in sorted(self.links.values(), key=lambda link: (min(link.wider, link.finer), link.wider)):
            if link.placement.p >= SAME:
                continue
            first, second = sorted((link.wider, link.finer))
            if max(abs(link.placement.x - 0.5), abs(link.placement.y - 0.5)) > SAME - 1:
                raise InvalidInputError(
                    f"{self.names[first]} and {self.names[second]} show different parts at one scale: no zoom leads "
                    "from one to the other. Leave one of them out (--without NAME)."
                )
            if second not in copies:
                copies[second] = copies.get(first, first)
        return copies

    def _refuse_one(self, chain: list[int]) -> None:
        if len(chain) < 2:
            raise InvalidInputError(
                f"All pictures show the same as {self.names[chain[0]]}: there is nothing to zoom into. "
                "Put wider or closer views of it into the folder."
            )

    def _depths(self, everything: Sequence[int]) -> list[float]:
        """ln of each picture's magnification, by least squares over all links; refuses links that contradict."""
        links = list(self.links.values())
        rows, values = np.zeros((len(links) + 1, len(everything))), np.zeros(len(links) + 1)
        for row, link in enumerate(links):
            rows[row, link.finer], rows[row, link.wider] = 1, -1
            values[row] = math.log(link.placement.p)
        rows[-1, 0] = 1
        depth = np.linalg.lstsq(rows, values, rcond=None)[0]
        off = np.abs(rows @ depth - values)[:-1]
        if len(off) and off.max() > _DISAGREE:
            worst = links[int(off.argmax())]
            raise InvalidInputError(
                f"The places of {self.names[worst.wider]} and {self.names[worst.finer]} contradict those of the other "
                "pictures. Leave one of them out (--without NAME), or try --order name."
            )
        return [float(value) for value in depth]

    def _step(self, wider: int, finer: int) -> Step:
        """The link between neighbours in the order, found now, through a third picture, where it is not there yet."""
        link = self.links.get((wider, finer))
        shared = [other for other, inner in self.links if inner == finer and (other, wider) in self.links]
        for other in shared:
            if link is None:
                link = self.album.through(self.links[other, wider], self.links[other, finer])
        if link is None and frozenset((wider, finer)) not in self.dropped:
            link = self.album.by_points(wider, finer, least_places=_FEW_PLACES)
        if link is None or (link.wider, link.finer) != (wider, finer) or not link.judgement.passes:
            raise InvalidInputError(
                f"{self.names[finer]} is the next closer view after {self.names[wider]} but does not lie in it: the "
                "pictures zoom into different places. Leave one of them out (--without NAME)."
            )
        return _step_of(link)

    def _named_step(self, i: int, link: Link | None, inward: bool, assumed_p: float | None) -> Step:
        if link is not None and link.judgement.passes and (_sign(link, i) > 0) == inward and link.placement.p >= SAME:
            return _step_of(link)
        if assumed_p is not None:
            return Step(Placement(assumed_p), None, None)
        a, b = (self.names[i], self.names[i + 1]) if inward else (self.names[i + 1], self.names[i])
        said = "agree nowhere" if link is None else _said(link)
        raise InvalidInputError(
            f"It is not sure where {b} lies in {a}: {said}. Leave one of them out (--without NAME), or give the factor "
            "of such steps (--assume 2), the closer view being in the middle."
        )


def _step_of(link: Link) -> Step:
    """The step of a link; a turn that may as well be none is none, so that pictures need not be drawn anew for it."""
    none = abs(link.placement.turn_deg) < min(_NO_TURN * link.errors.turn_deg, _NO_TURN_DEG)
    placement = replace(link.placement, turn_deg=0.0) if none else link.placement
    return Step(placement, link.errors, link.judgement)


def _in_full_pixels(step: Step, wider: Picture) -> Step:
    """The step with the error of its shift in pixels of the picture as it was given."""
    if step.errors is None:
        return step
    times = max(1.0, max(wider.shape[:2]) / MEASURED_PX)
    return replace(step, errors=replace(step.errors, shift_px=step.errors.shift_px * times))


def _said(link: Link) -> str:
    judged = link.judgement
    return (
        f"the best place found has a factor of {link.placement.p:.3f}, an agreement of {judged.agreement:.2f} and a "
        f"sureness of {judged.sureness:.3f}"
    )


def _sign(link: Link, i: int) -> int:
    """1 where picture i + 1 lies in picture i, -1 for the reverse."""
    return 1 if link.wider == i else -1


def _groups(pictures: Sequence[int], links: dict[tuple[int, int], Link]) -> list[set[int]]:
    """Pictures that links connect."""
    groups = [{i} for i in pictures]
    for a, b in links:
        joined = [group for group in groups if a in group or b in group]
        groups = [group for group in groups if group not in joined] + [set().union(*joined)]
    return groups
