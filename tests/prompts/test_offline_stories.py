"""Stories of the ladder planner: the same for the same seed, and what stands in them."""

import subprocess
import sys
from pathlib import Path

import pytest

from prompts import PlanError, PlanRequest, dump_story, make_plan, parse_story, plan
from prompts.offline.data import read
from prompts.offline.phrases import head, sized
from prompts.scales.ladder import thing
from prompts.scales.naming import find
from prompts.schedule import TextLimit, check_schedule
from prompts.schedule.tokens import clip_limit
from prompts.schedule.wording import directions
from prompts.seeing.caption import Caption

ROOT = Path(__file__).parents[2]
SPACES = TextLimit("words", 40, lambda text: len(text.split()))


def prompts_of(text, **wish):
    return [level.prompt for level in plan(text, **wish).levels]


@pytest.mark.parametrize("step", [1.5, 2, 2.5, 3, 6, 16])
@pytest.mark.parametrize("levels", [1, 2, 5, 24, 64])
def test_extremes_are_valid(step, levels):
    for text in (
        "from the observable universe to a quark",
        "a quark",
        "the observable universe",
        "from 1e29 m to 1e-34 m",
    ):
        story = plan(text, p=step, levels=levels)
        assert (story.p, len(story.levels)) == (step, levels)
        assert check_schedule(story, clip_limit()) == ()


def test_the_seed_decides_and_nothing_else():
    code = "from prompts import plan, dump_story; print(dump_story(plan('from a city to a quark', seed=5)))"
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert said == {dump_story(plan("from a city to a quark", seed=5)) + "\n"}
    assert len({tuple(prompts_of("from a city to a quark", seed=seed)) for seed in range(6)}) == 6


def test_a_story_survives_its_file_and_says_how_it_was_made():
    story = plan("from a forest to a frosty oak leaf", seed=3)
    assert parse_story(dump_story(story)) == story
    assert story.title == "Forest to frosty oak leaf"
    assert "from a forest to a frosty oak leaf" in story.about
    assert "seed 3" in story.about


def test_neighbours_are_met_in_each_other_and_bridges_are_told():
    assert make_plan(PlanRequest(text="from a forest to a leaf")).notes == ()
    made = make_plan(PlanRequest(text="from a blue whale to a gear", p=2))
    note = next(note for note in made.notes if "not usually met" in note)
    level = int(note.split("level ")[1].split()[0])
    placed = find(note)[0].thing
    assert 0 < level < len(made.story.levels)
    assert thing(placed.id).centre.split()[-1] in " ".join(p for p in made.story.prompts()[level - 1 : level + 1])


def test_the_users_words_stand_in_the_story():
    said = prompts_of("from a forest to a frosty oak leaf", p=2)
    assert "a frosty oak leaf in the centre" in said[-2]
    assert said[-1].startswith("a frosty oak leaf")
    assert len(said[-1]) > len("a frosty oak leaf")
    assert any("a silver dragon in the centre" in prompt for prompt in prompts_of("a silver dragon (3 m) in a city"))


def test_viewpoint_and_style_fit_the_range_or_are_the_wishs():
    for seed in range(8):
        cosmic = plan("from a galaxy to a leaf", seed=seed)
        assert "above" not in cosmic.viewpoint
        assert "macro" not in cosmic.style
        assert "above" not in plan("a cat", seed=seed).viewpoint
        assert "above" in plan("from a city to a leaf", seed=seed).viewpoint
    story = plan("a leaf", viewpoint="seen from below", style="woodcut", negative="snow", title="Mine")
    assert (story.viewpoint, story.style, story.negative, story.title) == ("seen from below", "woodcut", "snow", "Mine")
    assert plan("a leaf", viewpoint="", style="").prompts() == tuple(prompts_of("a leaf"))


def test_a_short_text_encoder_gets_fewer_words():
    made = make_plan(PlanRequest(text="from a forest to a leaf"), limit=TextLimit("few", 24, SPACES.count))
    assert all(len(prompt.split()) <= 24 for prompt in made.story.prompts())
    assert any("left out" in note for note in made.notes)
    with pytest.raises(PlanError) as caught:
        make_plan(PlanRequest(text="from a forest to a leaf"), limit=TextLimit("none", 2, SPACES.count))
    assert caught.value.draft is not None
    assert caught.value.faults


def test_banned_words_are_avoided_where_there_are_others():
    for seed in range(5):
        request = PlanRequest(text="from a galaxy to a planet", seed=seed)
        assert "haze" not in " ".join(make_plan(request, banned=["haze"]).story.prompts())


CAPTION = Caption(
    "a sunny garden with a wooden bench, red roses", "a rose", 6.0, "frontal view", "photograph, soft light"
)


def test_a_photograph_opens_the_story():
    story = make_plan(PlanRequest(text="a pollen grain", p=4), opening=CAPTION).story
    assert story.levels[0].prompt.startswith("a sunny garden with a wooden bench, red roses, ")
    assert story.levels[0].prompt.endswith(" in the centre")
    assert story.levels[0].width_m == 6
    assert (story.viewpoint, story.style) == ("frontal view", "photograph, soft light")
    assert story.levels[-1].width_m < 1e-3
    assert check_schedule(story) == ()


def test_what_stands_in_the_middle_of_a_photograph_is_on_the_way():
    wall = Caption("a brick wall in evening sun", "an oak leaf", 2.0, "frontal view", "photograph")
    said = [level.prompt for level in make_plan(PlanRequest(text="into a leaf cell", p=2), opening=wall).story.levels]
    assert all("brick wall" in prompt for prompt in said[:3])
    assert not any("tree" in prompt or "twig" in prompt for prompt in said)
    assert said[4].startswith("an oak leaf") or said[3].startswith("an oak leaf")
    assert "cell" in said[-1]


def test_a_photograph_alone_leads_into_its_middle_or_tells_what_that_is():
    wall = Caption("a brick wall in evening sun", "an oak leaf", 2.0, "frontal view", "photograph")
    story = make_plan(PlanRequest(), opening=wall).story
    assert check_schedule(story) == ()
    assert any(level.prompt.startswith("an oak leaf") for level in story.levels)
    assert story.levels[-1].width_m < 0.05
    mountain = make_plan(PlanRequest(text="a mountain"), opening=wall)
    assert any("'mountain' is larger than the photograph" in note for note in mountain.notes)
    with pytest.raises(PlanError, match=r"shows 'a qwertz', which is not known here\. Name things"):
        make_plan(PlanRequest(), opening=Caption("a wall", "a qwertz", None, "", ""))


def test_phrases_between_things_begin_with_none_of_them_and_name_no_direction():
    phrases = read("words.yaml")
    for kind in ("accents", "empty"):
        for group in phrases[kind].values():
            assert len(set(group)) == len(group)
            assert [p for p in group if any(f.start == 0 for f in find(p)) or directions(p)] == []
    accents = [phrase for group in phrases["accents"].values() for phrase in group]
    assert len(set(accents)) == len(accents)
    assert all(entry["words"] for kind in ("viewpoints", "styles") for entry in read("manner.yaml")[kind])


def test_heads_and_sizes_of_phrases():
    assert head("star clouds and dark dust lanes") == "star clouds"
    assert head("rows of gold and blue tiles") == "rows of gold and blue tiles"
    assert head("glossy green leaves on thin twigs") == "glossy green leaves"
    assert (sized("an oak", 0.05), sized("oak leaves", 0.01), sized("a leaf", 0.5)) == (
        "a small oak",
        "tiny oak leaves",
        "a leaf",
    )
    assert sized("a huge rusty red canyon", 0.01) == "a tiny rusty red canyon"
    assert sized("Mars", 0.01) == "Mars"
    assert sized("the Milky Way", 0.01) == "the Milky Way"


def test_a_faulty_wish_is_one_sentence():
    with pytest.raises(PlanError, match=r"levels: .*Correct these values\.$"):
        plan("a leaf", levels=0)


@pytest.mark.parametrize("vocabulary", ["any", "bundled"])
def test_what_the_format_refuses_is_our_error(vocabulary):
    for wish in ({"title": "../up"}, {"title": "???"}, {"negative": "a\x07"}):
        with pytest.raises(PlanError, match="A story cannot have these"):
            make_plan(PlanRequest(text="a leaf", vocabulary=vocabulary, **wish))
