"""Checks of schedules: every kind of fault is found at its level, and sound stories pass."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prompts import Level, Story, load_story, names
from prompts.schedule import Violation, check_schedule
from prompts.schedule.centre import own_part, split
from prompts.schedule.lexicon import lemma, lexicon, words

RESULTS = sorted((Path(__file__).parents[2] / "docs" / "results" / "stories").glob("*.yaml"))


def story(*prompts, p=2, **keys):
    return Story(title="A", p=p, levels=[x if isinstance(x, Level) else Level(prompt=x) for x in prompts], **keys)


def found(*prompts, banned=(), **keys):
    """(level, kind) of each violation, in the order in which they are told."""
    return [(v.level, v.kind) for v in check_schedule(story(*prompts, **keys), banned=banned)]


SOUND = ("a forest with a red barn in the centre", "a red barn with an old door in the centre", "an old wooden door")


@pytest.mark.parametrize("name", [*names(), *RESULTS], ids=str)
def test_every_story_that_we_give_passes(name):
    assert check_schedule(load_story(name)) == ()


def test_a_violation_says_where_why_and_what_to_do():
    (fault,) = check_schedule(story("a forest with a barn in the centre", "a red bus"))
    assert fault == Violation(0, "centre", fault.reason, fault.remedy)
    assert "a red bus" in fault.reason
    assert "a red bus in the centre" in fault.remedy
    assert str(fault) == f"level 0, centre: {fault.reason} {fault.remedy}"
    (whole,) = check_schedule(story(*SOUND, style="zoomed in"))
    assert str(whole).startswith("banned: The story's style says 'zoomed'")


def test_widths_are_for_all_levels_or_for_none():
    levels = [Level(prompt=SOUND[0], width_m=8), Level(prompt=SOUND[1]), Level(prompt=SOUND[2])]
    faults = check_schedule(story(*levels))
    assert [(v.level, v.kind) for v in faults] == [(1, "step"), (2, "step")]
    assert ["width_m: 4" in faults[0].remedy, "width_m: 2" in faults[1].remedy] == [True, True]
    mended = [level.model_copy(update={"width_m": 8 / 2**i}) for i, level in enumerate(levels)]
    assert found(*mended) == []


@pytest.mark.parametrize(
    ("wide", "deep"),
    [
        ("a branch of green leaves in the centre", "a green leaf with pale veins"),
        ("galaxies with one galaxy in the centre", "the core of a galaxy"),
        ("a beach and the sea in the centre", "an ocean with waves"),
        ("a snowy field, fresh snow in the centre", "a snowflake"),
        ("a table with mice in the centre", "a mouse"),
        ("a garden with a bee's eye in the centre", "an eye of many facets"),
        ("black space, a golden star in the centre", "faint dust around a golden star in the centre"),
        ("bread crumbs with a fly in the centre", "a grey housefly"),
        ("ein Wald mit einem Baum in der Mitte", "die Rinde an einem Baum"),
        ("森の中の湖", "湖の水"),
        ("blue and red", "red"),
    ],
)
def test_what_is_named_in_other_forms_is_named(wide, deep):
    assert found(wide, deep) == []


@pytest.mark.parametrize(
    ("wide", "deep"),
    [
        ("a green forest with a red barn in the centre", "a red sports car on green tiles"),  # colours bind nothing
        ("a large old city in the centre", "a large old clock"),
        ("a forest", "a clock"),
        ("a view of the middle of a scene", "a view of a clock"),
    ],
)
def test_what_is_not_named_above_is_a_fault(wide, deep):
    assert found(wide, deep) == [(0, "centre")]


def test_a_loop_leads_on_to_its_first_level():
    levels = ("a gallery with a painting in the centre", "a painting with a ship in the centre", "a ship")
    assert found(*levels) == []
    assert found(*levels, loop=True) == [(2, "centre")]
    assert found(*levels[:2], "a ship with a picture of a gallery in the centre", loop=True) == []


@pytest.mark.parametrize(
    ("prompt", "own", "centre"),
    [
        ("a meadow with poppies, a furry bee in the centre", "a meadow with poppies", "a furry bee"),
        ("white surf and coral around a lagoon in the centre", "white surf and coral", "a lagoon"),
        ("a coast with a forest in the middle", "a coast", "a forest"),
        ("surf, coral and palms around a lagoon in its center", "surf, coral and palms", "a lagoon"),
        ("a lattice of atoms", "a lattice of atoms", ""),
        ("a lone star in the centre", "", "a lone star"),
    ],
)
def test_a_prompt_falls_into_what_fills_it_and_its_centre(prompt, own, centre):
    assert split(prompt) == (own, centre)
    assert own_part(prompt) == (own or prompt)


LONG = "a wide green meadow of poppies, daisies and tall grass between dark hedges under morning fog, one furry bee"


def test_the_same_words_twice_are_a_fault_of_the_second():
    assert found("a red barn", "A  red barns!", "a barn") == [(1, "duplicate")]
    assert found(LONG, LONG.replace("dark", "old"), LONG.replace("a wide", "the wide")) == [
        (1, "duplicate"),
        (2, "duplicate"),
    ]


def test_prompts_that_differ_by_two_words_or_are_short_are_no_duplicates():
    assert found("a red barn", "a white barn", "a barn in the snow") == []
    assert found(LONG, LONG.replace("dark", "old").replace("furry", "black")) == []
    assert found("a close view of a barn with a mill", "a mill with a close view of a barn", "a mill") == []


def test_faults_come_in_order_of_level_the_whole_story_first():
    faults = found(
        "a forest seen from below, 3 km wide", "a logo", "a logo", viewpoint="seen from above", style="8 mm wide"
    )
    assert faults == [
        (None, "banned"), (0, "viewpoint"), (0, "centre"), (0, "banned"), (1, "banned"), (2, "duplicate"),
        (2, "banned"),
    ]  # fmt: skip


TEXTS = st.text(max_size=60) | st.lists(st.sampled_from(sorted(lexicon().weak | lexicon().stop)), max_size=9).map(
    " ".join
)
PROMPTS = TEXTS.map(lambda text: f"a {text}".translate(dict.fromkeys([*range(32), *range(0x7F, 0xA0)], " ")))


@given(st.lists(PROMPTS, min_size=1, max_size=4), TEXTS, st.booleans(), st.booleans())
@settings(max_examples=200, deadline=None)
def test_any_story_is_checked_without_an_error(prompts, banned, loop, sized):
    try:
        levels = [Level(prompt=p, width_m=8 / 2**i if sized else None) for i, p in enumerate(prompts)]
        told = story(*levels, loop=loop, style=prompts[0])
    except ValueError:
        return  # the format refuses it
    for fault in check_schedule(told, banned=[banned]):
        assert fault.level is None or 0 <= fault.level < len(prompts)
        assert fault.reason
        assert fault.remedy
        assert str(fault).isprintable()


def test_lemmas():
    pairs = {
        "leaves": "leaf", "galaxies": "galaxy", "boxes": "box", "glass": "glass", "species": "species", "gas": "gas",
        "virus": "virus", "axis": "axis", "nuclei": "nucleus", "trees": "tree", "potatoes": "potato", "bus": "bus",
    }  # fmt: skip
    assert {word: lemma(word) for word in pairs} == pairs
    assert words("A bee’s eye, 3 Leaves & the bee's") == ("a", "bee", "eye", "leaf", "the", "bee")
