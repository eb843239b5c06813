"""The checks on stories as language models write them: the true faults are told, and nothing else."""

from pathlib import Path

import pytest
import yaml

from prompts import Level, Story
from prompts.schedule import check_schedule
from prompts.schedule.tokens import clip_limit

STORIES = yaml.safe_load(Path(__file__).with_name("natural_stories.yaml").read_text(encoding="utf-8"))
STYLE = "photorealistic, soft light, high detail"


def made(data, factor=1.0):
    widths = [factor * float(data["width_m"]) / data["p"] ** i for i in range(len(data["levels"]))]
    levels = [Level(prompt=prompt, width_m=width) for prompt, width in zip(data["levels"], widths, strict=True)]
    return Story(title="A", p=data["p"], viewpoint=data["viewpoint"], style=STYLE, levels=levels)


@pytest.mark.parametrize("data", STORIES, ids=lambda data: data["levels"][0].split(",")[0])
def test_true_faults_are_told_and_nothing_else(data):
    found = check_schedule(made(data), clip_limit())
    assert [[v.level, v.kind] for v in found] == data["faults"]


@pytest.mark.parametrize("factor", [1e-6, 1e-4, 1e4, 1e6])
def test_nearly_all_are_found_out_at_a_scale_that_is_wrong_by_decades(factor):
    """Widths wrong throughout, steps right: only the sizes of what is named can tell."""
    caught = [any(v.kind == "size" for v in check_schedule(made(data, factor))) for data in STORIES]
    assert sum(caught) / len(caught) >= 0.8


def test_levels_in_the_wrong_order_are_found_out():
    """Each story with two neighbours exchanged: the centre of one no longer leads to the other."""
    told = 0
    for data in STORIES:
        levels = list(data["levels"])
        levels[1], levels[2] = levels[2], levels[1]
        told += bool(check_schedule(made({**data, "levels": levels})))
    assert told / len(STORIES) >= 0.5
