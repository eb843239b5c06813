import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from zoomlib.errors import InvalidInputError
from zoomlib.film import lettering, pictures
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


def test_a_long_prompt_ends_in_an_ellipsis_within_its_cell():
    lines = [line for line, _ in lettering.wrap("zoom " * 5000, 15, 240, 4)]
    assert len(lines) == 4
    assert lines[-1].endswith("…")
    assert not any(line.endswith("…") for line in lines[:-1])
    font = lettering.font(15, "")
    assert max(font.getlength(line) for line in lines) <= 240


def test_nothing_is_lost_when_it_fits():
    words = "a spiral galaxy seen from far above its bright centre"
    assert " ".join(line for line, _ in lettering.wrap(words, 15, 240, 4)) == words


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=80))
def test_any_text_wraps_within_its_width(text):
    for line, font in lettering.wrap(text, 15, 120, 4):
        assert len(line) <= 2 or font.getlength(line) <= 120 + 1e-6


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
    for settings_ in ({"tile_px": 8}, {"columns": 0}):
        with pytest.raises(InvalidInputError, match="tiles"):
            pictures.contact_sheet(stack_of(), ["a"] * 5, **settings_)


def test_without_any_other_font_pillows_own_draws_everything(monkeypatch):
    original = lettering.ImageFont.truetype

    def truetype(font, size=10, **options):
        if isinstance(font, str):  # Pillow reads its own from memory
            raise OSError("cannot open resource")
        return original(font, size, **options)

    monkeypatch.setattr(lettering.ImageFont, "truetype", truetype)
    assert pictures.contact_sheet(stack_of(len(NASTY)), NASTY, title="题").mode == "RGB"
