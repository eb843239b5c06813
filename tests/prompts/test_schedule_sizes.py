"""Sizes: what a prompt names must be visible in a view of its width; pictures, similes and compounds are let alone."""

import pytest

from prompts import Level, Story, load_story, names
from prompts.schedule import check_schedule
from prompts.schedule.sizes import fits

SIZED = [name for name in names() if load_story(name).levels[0].width_m]


@pytest.mark.parametrize(
    ("prompt", "width_m"),
    [
        ("a spiral galaxy with blue arms", 1e5),
        ("a large city with towers and streets", 1e-3),
        ("a green leaf with pale veins", 1e-7),
        ("a majestic spiral galaxy", 1.0),
        ("a green leaf, its veins in the centre", 1e3),
        ("a continent with a river in the centre", 50.0),
        ("a meadow with a continent in the centre", 100.0),
        ("a dark wall with a spiral galaxy in the centre", 4.0),
        ("rooftops with a green leaf in the centre", 5e4),
    ],
)
def test_what_misses_its_view_by_orders_of_magnitude_is_a_fault(prompt, width_m):
    assert not fits(prompt, width_m)
    faults = check_schedule(Story(title="A", p=2, levels=[Level(prompt=prompt, width_m=width_m)]))
    assert [(v.level, v.kind) for v in faults] == [(0, "size")]
    assert "across" in faults[0].reason


@pytest.mark.parametrize(
    ("prompt", "width_m"),
    [
        ("a spiral galaxy with blue arms", 1e21),
        ("a green leaf with pale veins", 0.2),
        ("a green leaf with pale veins", 2e-3),  # a part of it
        ("scattered green leaves on dark soil", 5.0),  # many of them
        ("a table with a tiny green leaf in the centre", 1e3),  # admitted to be tiny
        ("black space, a golden star in the centre", 1e18),  # it shines
        ("black space, a spiral galaxy in the centre", 1e25),
        ("the surface of a spiral galaxy", 1.0),  # not the galaxy itself
        ("a golden sun surface, a city gate in the centre", 10.0),
        ("soft blue wool", 5.0),  # a mass
        ("a sea of fog with a galaxy of lights in the centre", 50.0),  # "of": neither sea nor galaxy
        ("a large oak workbench with a city map in the centre", 4.0),  # compounds
        ("a star-shaped dune, a star fruit in the centre", 100.0),
        ("an old painting of a city with a galaxy in the centre", 1.0),  # likenesses
        ("a galaxy drawn in brown ink", 0.5),
        ("florets like a spiral galaxy with a galaxy in the centre", 0.1),
        ("deep blue ocean", 3.0),  # alike at any width
        ("white mist around a dark void in the centre", 1e-3),
        ("a wug with a blicket in the centre", 1.0),  # unknown things
    ],
)
def test_what_can_be_meant_is_let_alone(prompt, width_m):
    assert fits(prompt, width_m)
    story = Story(title="A", p=2, levels=[Level(prompt=prompt, width_m=width_m)])
    assert check_schedule(story) == ()


def test_a_picture_binds_no_size_from_its_level_on():
    levels = [
        Level(prompt="a hall with a painting of a city in the centre", width_m=4.0),
        Level(prompt="a city with a continent in the centre", width_m=0.4),
        Level(prompt="a continent", width_m=0.04),
    ]
    assert check_schedule(Story(title="A", p=10, levels=levels)) == ()
    faults = check_schedule(Story(title="A", p=10, levels=levels[1:]))
    assert [(v.level, v.kind) for v in faults] == [(0, "size"), (0, "size"), (1, "size")]


def test_stories_without_widths_have_no_sizes():
    assert check_schedule(Story(title="A", p=2, levels=["a galaxy with a leaf in the centre", "a leaf"])) == ()


@pytest.mark.parametrize("factor", [1e-9, 1e9])
def test_most_ready_stories_at_quite_another_scale_are_found_out(factor):
    """The share is what the check finds with all widths wrong by nine decades; at their own it finds nothing."""
    caught = 0
    for name in SIZED:
        story = load_story(name)
        levels = [level.model_copy(update={"width_m": level.width_m * factor}) for level in story.levels]
        caught += any(v.kind == "size" for v in check_schedule(story.model_copy(update={"levels": tuple(levels)})))
        assert not any(v.kind == "size" for v in check_schedule(story))
    assert caught / len(SIZED) >= 0.75
