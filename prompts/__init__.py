"""Stories: what a zoom shows from level to level. Reading, checking, writing, and the ready ones."""

from prompts.errors import Problem, StoryError
from prompts.library import Summary, describe, load_story, names
from prompts.slugs import slug
from prompts.story import Level, Story, schema
from prompts.text import dump_story, parse_story

__all__ = [
    "Level",
    "Problem",
    "Story",
    "StoryError",
    "Summary",
    "describe",
    "dump_story",
    "load_story",
    "names",
    "parse_story",
    "schema",
    "slug",
]
