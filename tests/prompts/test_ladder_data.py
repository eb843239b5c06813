"""The things of the ladder: how many, how large, what they lead to, and words that image models draw well."""

import collections
import itertools
import math
import re

import pytest

from prompts.scales import ladder
from prompts.scales.naming import find
from prompts.scales.plurals import plurals
from prompts.scales.reading import DOMAINS
from prompts.schedule import check_schedule
from prompts.schedule.tokens import clip_limit
from prompts.story import Story
from zoomlib.bundled.world.vocabulary import CLASS_NAMES

THINGS = ladder.things()
WORDINGS = ("looks", "centre", "around", "detail")
MOST_WORDS = {"centre": 8, "looks": 16, "around": 16, "detail": 16}
MOST_TOKENS = 24  # of CLIP for one wording: two of them, viewpoint and style stay within its 77
VIEW_OF = {"looks": 1.0, "centre": 1.0, "around": 6.0, "detail": 0.3}  # a view that each wording is for, in sizes
# Words of a picture instead of what is in it, and of the one who looks at it.
NO_SUBJECT = re.compile(
    r"\d|\b(photos?|photographs?|images?|pictures?|rendering|illustrations?|diagrams?|cartoons?|style|microscopes?|micrographs?|"
    r"close-?ups?|macro|views?|viewed|seen|aerial|overhead|background|foreground|bokeh|blurred|blurry|realistic|"
    r"detailed|centre|center|middle)\b",
    re.IGNORECASE,
)

# Metres that are well known, from tables and textbooks other than the ladder's own sources where there are such.
KNOWN = {
    "observable-universe": 8.8e26,
    "spiral-galaxy": 9.5e20,  # the Milky Way's 100 000 light years
    "star": 1.39e9,  # the sun
    "gas-giant": 1.4e8,  # Jupiter
    "earth": 1.2742e7,
    "moon": 3.474e6,
    "space-station": 109,
    "blue-whale": 25,
    "person": 1.7,
    "eye": 0.024,
    "iris": 0.012,
    "honeybee": 0.013,
    "sand-grain": 5e-4,
    "hair": 8e-5,
    "pollen-grain": 3e-5,
    "red-cell": 7.5e-6,
    "bacterium": 2e-6,
    "virus": 1e-7,  # a coronavirus
    "ribosome": 2.5e-8,
    "dna": 2e-9,  # the helix is 2 nm thick
    "water-molecule": 2.8e-10,
    "hydrogen-atom": 1.06e-10,  # twice Bohr's radius
    "gold-nucleus": 1.4e-14,  # 2 x 1.2 fm x 197^(1/3)
    "proton": 1.68e-15,  # twice its charge radius
    "quark": 1e-18,
}


def said(wording):
    return [(t, getattr(t, wording)) for t in THINGS]


def words(text):
    return re.findall(r"[a-z]+", text.lower())


def test_there_are_many_things_of_every_domain():
    count = collections.Counter(t.domain for t in THINGS)
    assert len(THINGS) >= 200
    assert set(count) == set(DOMAINS)
    assert min(count.values()) >= 20


@pytest.mark.parametrize("id", KNOWN)
def test_well_known_sizes_are_right(id):
    thing = ladder.thing(id)
    assert thing.range_m[0] <= KNOWN[id] <= thing.range_m[1]
    assert thing.size_m == pytest.approx(KNOWN[id], rel=0.25)


def test_ranges_are_no_wider_than_a_story_can_use():
    for t in THINGS:
        low, high = t.range_m
        assert low <= t.size_m <= high, t.id
        assert high / low <= 1e7, t.id


def test_no_step_between_neighbouring_sizes_is_wider_than_three_decades():
    sizes = [t.size_m for t in THINGS]
    assert max(math.log10(a / b) for a, b in itertools.pairwise(sizes)) < 3


def test_everything_larger_than_a_quark_leads_down_to_one():
    larger = [t.id for t in THINGS if t.size_m > ladder.thing("quark").size_m]
    assert [id for id in larger if not ladder.path_exists(id, "quark")] == []


def test_on_earth_something_is_met_in_everything_that_is_not_too_much_smaller():
    """So that few levels have nothing to show."""
    for t in THINGS:
        if t.domain != "cosmos" and (within := ladder.inside(t.id)):
            assert t.size_m / within[0].size_m <= 1e5, t.id


def test_what_lives_and_what_is_made_is_met_on_earth_only():
    lifeless = [
        t.id for t in THINGS if t.domain == "cosmos" and t.id != "earth" and not ladder.path_exists(t.id, "earth")
    ]
    earthly = [t.id for t in THINGS if t.domain in ("plants", "animals", "body", "micro", "city", "machines")]
    astray = [(outer, inner) for outer in lifeless for inner in earthly if ladder.path_exists(outer, inner)]
    assert astray == []


@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        ("spiral-galaxy", "leaf-cell"), ("city", "gear"), ("city", "transistor"), ("watch", "iron-nucleus"),
        ("gear", "steel-grain"), ("person", "iris"), ("person", "neurone"), ("forest", "bark"), ("ocean", "diatom"),
        ("meadow", "bee-eye"), ("beach", "sand-grain"), ("mountain-range", "snowflake"), ("blue-whale", "dna"),
        ("observable-universe", "honeybee"), ("butterfly", "wing-scale"), ("leaf", "chlorophyll"), ("star", "quark"),
    ],
)  # fmt: skip
def test_ways_that_people_ask_for_are_there(outer, inner):
    assert ladder.path_exists(outer, inner)


@pytest.mark.parametrize(
    "id", ["forest", "meadow", "ocean", "city", "room", "person", "tree", "leaf", "flower", "cell", "atom", "face"]
)
def test_where_ways_meet_they_part_again(id):
    """So that another seed goes another way."""
    assert len(ladder.inside(id)) >= 3


def test_sizes_come_from_works_that_are_told_apart():
    works = ladder.ladder().sources
    used = collections.Counter(t.source for t in THINGS)
    assert set(used) <= set(works)
    assert len(used) >= 20
    assert all(1900 <= work.year <= 2026 and work.author and work.title for work in works.values())
    assert max(used.values()) < len(THINGS) / 4


def test_the_bundled_models_words_are_its_own():
    assert {t.bundled for t in THINGS if t.bundled} == set(CLASS_NAMES)


@pytest.mark.parametrize("wording", WORDINGS)
def test_wordings_are_short(wording):
    limit = clip_limit()
    for t, text in said(wording):
        assert len(text.split()) <= MOST_WORDS[wording], (t.id, text)
        assert limit.count(text) <= MOST_TOKENS, (t.id, text)


@pytest.mark.parametrize("wording", WORDINGS)
def test_wordings_say_what_is_there_and_not_how_it_is_pictured(wording):
    assert [(t.id, text) for t, text in said(wording) if NO_SUBJECT.search(text)] == []


@pytest.mark.parametrize("wording", WORDINGS)
def test_wordings_are_phrases_with_the_right_article(wording):
    for t, text in said(wording):
        assert text == text.strip(" ."), t.id
        assert not re.search(r"\ba (?!u(?:ni|s|pside))[aeiou]|\ban (?!X-|hour)[^aeiou]", text), (t.id, text)
        assert text.split()[0] in ("a", "an", "the") or text[0].islower(), (t.id, text)


@pytest.mark.parametrize("wording", ["looks", "centre", "detail", "around"])
def test_no_two_things_are_worded_alike(wording):
    twice = [text for text, n in collections.Counter(text for _, text in said(wording)).items() if n > 1]
    assert twice == []


@pytest.mark.parametrize("wording", ["looks", "centre"])
def test_wordings_name_their_thing(wording):
    """So that a level names what the next one shows."""
    for t, text in said(wording):
        own = {word for name in t.names for word in words(name)}
        own |= {plural for word in own for plural in plurals(word)}
        assert own & set(words(text)), (t.id, text)


@pytest.mark.parametrize("wording", WORDINGS)
def test_wordings_pass_the_checks_of_a_schedule_at_the_widths_they_are_for(wording):
    for t, text in said(wording):
        width = min(t.size_m * VIEW_OF[wording], 1e29)
        story = Story.model_validate({"title": t.id, "p": 2, "levels": [{"prompt": text, "width_m": width}]})
        assert check_schedule(story, clip_limit()) == (), (t.id, text)


def test_things_are_found_by_their_names():
    for t in THINGS:
        for name in t.names:
            found = find(name)
            assert [f.thing.id for f in found] == [t.id], name
