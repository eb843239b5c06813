"""Stories: what a zoom shows from level to level. Reading, checking, writing, planning, and the ready ones."""

from prompts.errors import PlanError, Problem, StoryError
from prompts.library import Summary, describe, load_story, names
from prompts.planning import make_plan, plan
from prompts.request import PlanRequest
from prompts.slugs import slug
from prompts.story import Level, Story, schema
from prompts.text import dump_story, parse_story

__all__ = [
    "Level",
    "PlanError",
    "PlanRequest",
    "Problem",
    "Story",
    "StoryError",
    "Summary",
    "describe",
    "dump_story",
    "load_story",
    "make_plan",
    "names",
    "parse_story",
    "plan",
    "schema",
    "slug",
]
