"""What the scores of a set do not say by themselves, in words, and the table that people read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from evaluation.catalogue import CATALOGUE
from evaluation.sets import Extractor
from evaluation.sets.naming import ANTIALIASED
from evaluation.sets.published import published
from evaluation.sets.scoring import ENOUGH
from evaluation.table import Score
from tasks.set_plan import PictureSet, ReferenceFolder

FEW_STORIES = 8
"""Below this many an interval leans on its assumptions."""


def notes_of(
    one: PictureSet,
    others: Sequence[PictureSet],
    reference: ReferenceFolder,
    extractor: Extractor,
    scores: Iterable[Score],
) -> tuple[str, ...]:
    """Sentences that belong beside the scores of one set; `others` are scored with it."""
    return (
        *of_the_extractor(extractor),
        *_of_the_numbers(one, reference, extractor, scores),
        *_of_the_stories(one),
        *_of_the_arms(one, others),
        *_of_the_files(one, reference),
    )


def of_the_extractor(extractor: Extractor) -> Iterable[str]:
    """What distances by it are not, a sentence; nothing of Inception's."""
    if not extractor.is_inception:
        yield (
            f"The distances are by the features of {extractor.name}, not of Inception: they are no FID and KID, and "
            "cannot be compared with published ones."
        )


def _of_the_numbers(
    one: PictureSet, reference: ReferenceFolder, extractor: Extractor, scores: Iterable[Score]
) -> Iterable[str]:
    if any("rank_deficient" in score.score and score.value for score in scores):
        fid, kid = ("FID", "KID") if extractor.is_inception else ("the Fréchet distance", "the kernel distance")
        yield (
            f"Read {kid} first: {len(one.members)} pictures against {len(reference.paths)} are fewer than {ENOUGH:,}, "
            f"or than the features, and {fid} then depends on how many there are: compare only sets of equal numbers."
        )


def _of_the_stories(one: PictureSet) -> Iterable[str]:
    count = len(one.stories)
    if count == 1:
        yield "All pictures are of one story: there is no interval, as nothing follows for other stories."
    elif count < FEW_STORIES:
        yield f"The intervals rest on {count} stories only; below {FEW_STORIES} they lean on their assumptions."


def _of_the_arms(one: PictureSet, others: Sequence[PictureSet]) -> Iterable[str]:
    """Arms that show other stories, or some more often, differ by that and not only by how they were made."""
    counts = Counter(member.card.story for member in one.members)
    unequal = [other.arm for other in others if Counter(member.card.story for member in other.members) != counts]
    if unequal:
        yield f"Not of the same stories in the same numbers, and so not to be compared with: {', '.join(unequal)}."


def _of_the_files(one: PictureSet, reference: ReferenceFolder) -> Iterable[str]:
    own = [member.sha256 for member in one.members]
    shared = len(set(own) & set(reference.sha256s))
    if shared:
        yield f"Pictures that are in the reference too: {shared}. That makes every distance smaller."
    for what, contents in (("the set", own), ("the reference", reference.sha256s)):
        twice = sum(count - 1 for count in Counter(contents).values())
        if twice:
            yield f"Pictures of {what} that are there once more: {twice}."


Line = tuple[str, str, str, str]
HEADS: Line = ("score", "value", "95 % interval", "published")


def lines(scores: Sequence[Score]) -> list[Line]:
    """A row of text per score, in order: title, value, interval where there is one, published values of others."""
    values = {score.score: score.value for score in scores}
    return [
        (title(name), _number(value), _interval(values, name), _published(name))
        for name, value in values.items()
        if is_own(name, values)
    ]


def is_own(name: str, values: Collection[str]) -> bool:
    """Whether a score of a set stands for itself, and not for the interval or a fault of another."""
    belongs = {other + end for other in values for end in ("_low", "_high", "_sd")}
    return name not in belongs and "rank_deficient" not in name


def title(name: str) -> str:
    """The short name for people of a score of a set."""
    way = ", antialiased" if name.endswith(ANTIALIASED) else ""
    plain = name.removesuffix(ANTIALIASED)
    if plain in CATALOGUE:
        return CATALOGUE[plain].title + way
    prefix, _, rest = plain.partition("_")
    if prefix != "scaleinv":
        return f"{CATALOGUE[rest].title}, {prefix}{way}"
    stem, _, scale = rest.rpartition("_")
    return f"ScaleInv {CATALOGUE[stem].title}, {scale}{way}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) and abs(value) >= 1 else f"{value:.4g}"


def _interval(values: dict[str, float], name: str) -> str:
    if f"{name}_low" not in values:
        return ""
    return f"{_number(values[f'{name}_low'])} to {_number(values[f'{name}_high'])}"


def _published(name: str) -> str:
    found = published(name)
    return "; ".join(f"{one.method} {one.value:g} ({one.data})" for one in found)
