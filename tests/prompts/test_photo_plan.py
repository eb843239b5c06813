"""A photograph's caption opens a schedule that is planned offline."""

from dataclasses import replace

import pytest

from prompts import PlanError, PlanRequest, make_plan
from prompts.schedule import check_schedule
from prompts.seeing.caption import Caption

WALL = Caption(
    "a mossy stone wall with ferns, wet granite, soft green light", "an oak leaf", 0.4, "frontal view", "photograph"
)


def planned(text: str = "", opening: Caption = WALL, **wish):
    return make_plan(PlanRequest(text=text, **wish), opening=opening).story


@pytest.mark.parametrize("text", ["", "into a leaf cell", "a honeybee", "from a garden to a quark"])
def test_the_caption_is_the_widest_view_and_its_width_viewpoint_and_style_hold(text):
    story = planned(text)
    first = story.levels[0]
    assert first.prompt.startswith(WALL.prompt)
    assert first.prompt.endswith("in the centre")
    assert (story.viewpoint, story.style) == (WALL.viewpoint, WALL.style)
    assert first.width_m in (None, pytest.approx(0.4))
    assert check_schedule(story) == ()


def test_without_words_it_leads_through_what_stands_in_the_middle_into_its_insides():
    story = planned()
    widths = [level.width_m for level in story.levels]
    assert any("leaf" in level.prompt for level in story.levels[1:3])
    assert widths == pytest.approx([0.4 / 2**level for level in range(8)], rel=0.01)
    assert story == planned()
    assert len(planned(levels=5, p=4.0).levels) == 5
    unmeasured = planned(opening=replace(WALL, width_m=None))
    assert any("leaf" in level.prompt for level in unmeasured.levels[1:])


def test_what_stands_in_the_middle_is_on_the_way():
    prompts = [level.prompt for level in planned("into a leaf cell").levels]
    assert any("leaf" in prompt for prompt in prompts[:3])


def test_asked_for_viewpoint_and_style_come_first():
    story = planned("a honeybee", viewpoint="seen from above", style="oil painting")
    assert (story.viewpoint, story.style) == ("seen from above", "oil painting")


def test_a_photograph_of_which_nothing_is_known_needs_words():
    strange = Caption("blurred shapes", "a wibblewobble", None, "", "")
    with pytest.raises(PlanError, match="wibblewobble"):
        planned(opening=strange)
    assert planned("a honeybee", opening=strange).levels[0].prompt.startswith("blurred shapes")
