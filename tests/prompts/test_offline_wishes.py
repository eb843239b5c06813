"""The ladder planner over many wishes: whatever is asked for, its story passes every check."""

from benchmarks.planning import wishes
from prompts import PlanError, make_plan, plan
from prompts.scales.ladder import things
from prompts.schedule import check_schedule
from prompts.schedule.tokens import clip_limit


def test_every_story_of_500_random_wishes_is_valid():
    limit, made = clip_limit(), 0
    for wish in wishes(500, seed=20):
        try:
            story = make_plan(wish, limit=limit).story
        except PlanError as error:
            said, draft = str(error), error.draft
            assert "has at most 64" in said
            assert draft is None
            continue
        made += 1
        assert check_schedule(story, limit) == (), wish
        assert len(story.levels) == (wish.levels or len(story.levels))
        assert story.p == (wish.p or story.p)
    assert made >= 470


def test_each_thing_of_the_ladder_can_be_shown_alone():
    for one in things():
        story = plan(f"a {one.names[0]}", levels=5)  # raises where the checks find fault
        assert any(word in " ".join(story.prompts()) for word in one.centre.split()), one.id
