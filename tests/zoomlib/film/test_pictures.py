import numpy as np
import pytest
import torch

from zoomlib.errors import InvalidInputError
from zoomlib.film import pictures
from zoomlib.film.render import Renderer
from zoomlib.stack import ZoomStack


def stack_of(levels=5, size=(48, 64), channels=3):
    colours = torch.linspace(-0.9, 0.9, levels).view(levels, 1, 1, 1)
    return ZoomStack(colours.expand(levels, channels, *size).contiguous(), 2.0)


def test_the_poster_is_the_films_widest_view():
    stack = stack_of()
    poster = pictures.poster(stack, (160, 90))
    assert poster.size == (160, 90)
    assert np.array_equal(np.asarray(poster), Renderer(stack, (160, 90)).frame(0.0))


def test_the_poster_of_a_loop_has_level_0_within_the_last_level():
    stack = stack_of(2)
    round_a_loop, ended = (np.asarray(pictures.poster(stack, (64, 48), loop=loop)) for loop in (True, False))
    assert np.array_equal(round_a_loop, Renderer(stack, (64, 48), loop=True).frame(0.0))
    assert not np.array_equal(round_a_loop, ended)


@pytest.mark.parametrize(("levels", "columns"), [(1, None), (2, None), (5, None), (16, None), (7, 3), (3, 9)])
def test_the_sheet_shows_every_level_once_in_order(levels, columns):
    """Each level is of one colour; read in rows, the tiles' middles give them back in order."""
    stack = stack_of(levels)
    sheet = np.asarray(pictures.contact_sheet(stack, [""] * levels, "Title", tile_px=96, columns=columns)).astype(int)
    expected = np.round((stack.levels[:, 0, 0, 0].numpy() + 1) * 127.5)
    found = []
    for colour in expected:
        ys, xs = np.nonzero((np.abs(sheet - colour) <= 1).all(-1))
        assert len(ys) > 0.9 * 96 * 72
        found.append((int(np.median(ys)) // 20, int(np.median(xs))))
    assert found == sorted(found)


def test_prompts_and_titles_leave_ink_only_where_they_belong():
    blank, told = (
        np.asarray(pictures.contact_sheet(stack_of(4), prompts, title)).astype(int)
        for prompts, title in ((["", "", "", "x"], ""), (["", "a red nebula", "", "x"], ""))
    )
    ys, xs = np.nonzero(np.abs(blank - told).sum(-1))
    assert len(ys) > 50
    assert xs.min() > blank.shape[1] / 3  # beside level 0
    titled = np.asarray(pictures.contact_sheet(stack_of(4), ["", "a red nebula", "", "x"], "Ten")).astype(int)
    ys, _ = np.nonzero(np.abs(titled - told).sum(-1))
    assert len(ys) > 50
    assert ys.max() < 80


NASTY = [
    "银河系中心的一颗蓝色星星",
    "на русском",
    "مرحبا بالعالم",
    "🎉👩‍🚀",
    "\x00\ud800\n\t\r",
    "x" * 10_000,
    "a " * 10_000,
    "<b>&amp;</b> %s {0}",
    "\u202e reversed",
    "",
]


def test_any_text_can_be_drawn():
    sheet = pictures.contact_sheet(stack_of(len(NASTY)), NASTY, title="🎉" + "题" * 500, subtitle="\ud800")
    assert sheet.mode == "RGB"


def test_grey_and_tall_levels():
    assert pictures.contact_sheet(stack_of(3, (90, 30), channels=1), ["a", "b", "c"]).height > 600


def test_a_sheet_needs_a_prompt_per_level_and_room():
    with pytest.raises(InvalidInputError, match="5 levels, 2 prompts"):
        pictures.contact_sheet(stack_of(), ["a", "b"])
    with pytest.raises(InvalidInputError, match="5 levels, 1 width"):
        pictures.contact_sheet(stack_of(), ["a"] * 5, widths_m=[1.0])
    for settings_ in ({"tile_px": 8}, {"columns": 0}):
        with pytest.raises(InvalidInputError, match="tiles"):
            pictures.contact_sheet(stack_of(), ["a"] * 5, **settings_)


def test_widths_stand_above_the_prompts_of_their_levels():
    """Told and blank widths differ only in the cells that tell one, in its first line; all else is a line lower."""
    prompts = ["a nebula", "", "", ""]
    unknown, told = (
        np.asarray(pictures.contact_sheet(stack_of(4), prompts, widths_m=widths, columns=2)).astype(int)
        for widths in ([3e22, 2e22, None, None], [3e22, 1e22, None, None])
    )
    ys, xs = np.nonzero(np.abs(unknown - told).sum(-1))
    assert len(ys) > 20
    assert xs.min() > unknown.shape[1] / 2  # the cell of level 1
    assert np.ptp(ys) < 20  # one line
    plain = pictures.contact_sheet(stack_of(4), prompts, columns=2)
    assert told.shape[0] > plain.height


def test_the_same_sheet_without_widths_is_the_sheet_whose_widths_are_unknown():
    stack = stack_of(3)
    unknown = pictures.contact_sheet(stack, ["a"] * 3, widths_m=[None] * 3)
    assert np.array_equal(np.asarray(unknown), np.asarray(pictures.contact_sheet(stack, ["a"] * 3)))
