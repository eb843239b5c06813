"""Stories of the ladder planner hold together: the place stays, what comes is named, nobody is opened up unasked."""

from random import Random

import pytest

from prompts import Level, Story, plan
from prompts.offline.data import read
from prompts.offline.outline import outline
from prompts.offline.phrases import head
from prompts.offline.understanding import understand
from prompts.request import PlanRequest
from prompts.scales.ladder import thing, things
from prompts.schedule.centre import split
from prompts.schedule.comparing import duplicate_faults
from prompts.schedule.lexicon import lexicon

SEEDS = range(12)


def way_of(text, seed=0, **wish):
    request = PlanRequest(text=text, seed=seed, **wish)
    return [one.id for one in outline(request, understand(request), Random(seed)).way]


@pytest.mark.parametrize("text", ["from the universe to a quark", "from a galaxy to an atom", "from 1e21 m to 1e-15 m"])
def test_a_way_through_the_world_passes_the_earth(text):
    assert all("earth" in way_of(text, seed) for seed in SEEDS)


def test_what_is_not_on_earth_is_sought_elsewhere():
    assert "earth" not in way_of("from a galaxy to a comet nucleus")


def test_nobody_is_opened_up_unasked():
    hidden = {one.id for one in things() if one.hidden}
    assert {"gut", "brain", "heart"} <= hidden
    for text in ("a cat", "a person", "a horse", "from a city to a cell", "from a person to an atom"):
        assert not any(hidden.intersection(way_of(text, seed)) for seed in SEEDS), text
    assert "heart" in way_of("from a person to a heart")
    assert "gut" in way_of("from a person to an intestine cell via an intestine")


def test_a_way_from_living_things_stays_with_them():
    for seed in SEEDS:
        domains = [thing(one).domain for one in way_of("from a person to an atom", seed)]
        assert not {"city", "machines"}.intersection(domains), seed


def test_indoors_what_is_around_a_thing_is_of_the_place():
    said = " ".join(plan("from a submarine to a person", p=2).prompts())
    assert "pale even ground" not in said
    assert "hull" in said
    outside = " ".join(plan("from a beach to a person", p=2).prompts())
    assert "pale even ground" in outside


def test_the_thing_that_comes_is_named_before_its_surroundings_fill_the_view():
    for text in ("from a galaxy to a leaf cell", "from the universe to a quark", "a honeybee", "the moon"):
        for level in plan(text).levels[:-1]:
            _, centre = split(level.prompt)
            assert centre, level.prompt
            assert not {"space", "darkness", "emptiness"}.intersection(centre.split()), level.prompt


def test_empty_space_gets_accents_of_space():
    near = [level.prompt for level in plan("the moon").levels if level.prompt.startswith("black space")]
    assert len(near) > 1
    assert not any(word in prompt for prompt in near for word in ("edges", "texture", "silky", "ridges", "outlines"))


def test_what_was_asked_for_fills_the_view_before_what_is_as_large():
    for seed in SEEDS:
        said = [level.prompt for level in plan("from a city to a person's eye to a cell", seed=seed).levels]
        assert any(prompt.startswith("a person's eye between pale lids") for prompt in said), seed


def test_a_head_ends_with_a_noun():
    assert head("loose blue dwarf galaxy light with bright pink knots of gas") == "loose blue dwarf galaxy light"
    assert head("a dust ring with bright orange clumps") == "a dust ring"
    assert head("a lumpy black comet nucleus spraying bright white jets of gas, far out in the dark void") == (
        "a lumpy black comet nucleus spraying bright white jets of gas"
    )
    for one in things():
        for words in (one.looks, one.detail, one.around):
            last = head(words).split()[-1]
            assert last not in lexicon().joints, words
            assert head(words) == words or last.endswith("light") or last not in ("a", "deep", "wet", "soft"), words


def test_natural_ways_lead_through_nature():
    for text in ("from a mountain to a snowflake", "a leaf", "from a forest to a leaf", "leaf cell nucleus"):
        for seed in SEEDS:
            ids = [one for one in way_of(text, seed) if one in {t.id for t in things()}]
            domains = {thing(one).domain for one in ids}
            assert not {"city", "machines", "animals", "body"}.intersection(domains), (text, ids)


def test_light_does_not_change_from_level_to_level():
    for seed in SEEDS:
        said = " ".join(plan("a beach", p=2, seed=seed, style="", levels=24).prompts())
        assert not any(f"{light} light" in said for light in ("cool", "golden", "hazy", "silvery")), seed


def test_levels_that_differ_in_their_accents_alone_are_no_duplicates():
    phrases = read("words.yaml")["accents"]
    shown = "rough grey stone walls of an old castle {}, a tiny red wooden door with heavy iron bands in the centre"
    levels = [Level(prompt=shown.format(accent)) for group in phrases.values() for accent in group]
    for some in (levels[:60], levels[-60:]):
        assert list(duplicate_faults(Story(title="A", p=2, levels=some))) == []
