"""Rendering of levels and the stack on disk."""

import json
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from zoomlib.errors import InvalidInputError
from zoomlib.geometry import windows
from zoomlib.images import from_uint8, to_uint8
from zoomlib.pyramid import down
from zoomlib.stack import ZoomStack, consolidate, render_levels


def random(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(sum(shape))) * 2 - 1


@settings(deadline=None, max_examples=30)
@given(
    st.integers(1, 6),
    st.sampled_from([2, 3, 4]),
    st.integers(1, 8),
    st.integers(1, 8),
    st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_rendered_windows_agree_with_the_next_level(levels, p, a, b, point):
    focus = [point] * levels
    x = render_levels(random(levels, 3, a * p, b * p), p, focus)
    for i, window in enumerate(windows(levels, a * p, b * p, p, focus)):
        rows, columns = window.slices
        assert (x[i, :, rows, columns] - down(x[i + 1], p)).abs().max() <= 1e-6


def test_rendering_again_changes_nothing_and_the_deepest_level_is_its_own():
    levels = random(5, 3, 32, 32)
    x = render_levels(levels, 2)
    assert torch.equal(render_levels(x, 2), x)
    assert torch.equal(x[4], levels[4])


def test_consolidated_levels_agree_whatever_came_in():
    x = consolidate(random(6, 3, 64, 64), 2)
    for i in range(5):
        assert torch.allclose(x[i, :, 16:48, 16:48], down(x[i + 1], 2), atol=1e-6)
    assert torch.allclose(consolidate(x, 2), x, atol=1e-5)


@pytest.mark.parametrize("feather", [-0.1, 0.51, math.nan])
def test_an_impossible_feather_is_refused(feather):
    with pytest.raises(InvalidInputError, match=r"between 0 and 0\.5"):
        render_levels(random(2, 3, 8, 8), 2, feather=feather)


@pytest.mark.parametrize(("channels", "focus"), [(3, None), (1, None), (3, ((0.25, 0.75), None, (0.5, 0.5)))])
def test_a_saved_stack_loads_as_its_8_bit_self_and_saves_to_the_same_bytes(tmp_path, channels, focus):
    stack = ZoomStack(random(3, channels, 16, 24), 2, focus)
    first = ZoomStack.load(stack.save(tmp_path / "a"))
    assert torch.equal(first.levels, from_uint8(to_uint8(stack.levels)))
    assert (first.p, first.focus) == (2, focus)
    first.save(tmp_path / "b")
    names = sorted(file.name for file in (tmp_path / "a").iterdir())
    assert names == ["level_00.png", "level_01.png", "level_02.png", "stack.json"]
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_factors_per_step_survive_saving_and_part_with_their_levels(tmp_path):
    stack = ZoomStack(random(3, 3, 24, 24), [2, 1.5])
    assert stack.p == stack.factors == (2, 1.5)
    assert ZoomStack.load(stack.save(tmp_path)).p == (2, 1.5)
    assert ZoomStack(stack.levels, 2).factors == (2, 2)
    same = ZoomStack(stack.levels, (2.0, 2.0))
    assert torch.allclose(same.rendered().levels, ZoomStack(stack.levels, 2).rendered().levels, atol=1e-6)
    assert torch.equal(stack.image(1), stack.rendered().levels[1])


def test_levels_of_different_sizes_or_without_numbers_are_refused(tmp_path):
    ZoomStack(random(2, 3, 16, 16), 2).save(tmp_path)
    other = ZoomStack(random(2, 3, 8, 8), 2).save(tmp_path / "other")
    (tmp_path / "level_01.png").write_bytes((other / "level_01.png").read_bytes())
    manifests = [json.loads((folder / "stack.json").read_text()) for folder in (tmp_path, other)]
    manifests[0]["levels"][1] = manifests[1]["levels"][1]
    (tmp_path / "stack.json").write_text(json.dumps(manifests[0]))
    with pytest.raises(InvalidInputError, match="one size"):
        ZoomStack.load(tmp_path)
    with pytest.raises(InvalidInputError, match="not numbers"):
        ZoomStack(torch.full((2, 3, 8, 8), math.nan), 2)


def test_saving_fewer_levels_over_more_leaves_none_of_the_old(tmp_path):
    ZoomStack(random(4, 3, 8, 8), 2).save(tmp_path)
    ZoomStack(random(2, 3, 8, 8), 4.0).save(tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["level_00.png", "level_01.png", "stack.json"]
    assert len(ZoomStack.load(tmp_path)) == 2


@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_any_flipped_bit_of_a_level_is_noticed(tmp_path_factory, data):
    folder = ZoomStack(random(2, 3, 8, 8), 2).save(tmp_path_factory.mktemp("stack"))
    victim = folder / "level_01.png"
    content = bytearray(victim.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    victim.write_bytes(content)
    with pytest.raises(InvalidInputError, match=r"level_01\.png is missing or differs"):
        ZoomStack.load(folder)


def test_a_missing_level_manifest_or_folder_is_noticed(tmp_path):
    folder = ZoomStack(random(2, 3, 8, 8), 2).save(tmp_path / "s")
    (folder / "level_00.png").unlink()
    with pytest.raises(InvalidInputError, match="missing"):
        ZoomStack.load(folder)
    (folder / "stack.json").unlink()
    for place in (folder, tmp_path / "nowhere", folder / "level_01.png"):
        with pytest.raises(InvalidInputError, match="not a complete zoom stack"):
            ZoomStack.load(place)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: "not json",
        lambda m: json.dumps([1]),
        lambda m: json.dumps(m | {"format": 99}),
        lambda m: json.dumps({k: v for k, v in m.items() if k != "p"}),
        lambda m: json.dumps(m | {"levels": []}),
        lambda m: json.dumps(m | {"levels": [{"file": "../secret.png", "sha256": "0"}]}),
        lambda m: json.dumps(m | {"levels": [{"file": 7}]}),
        lambda m: json.dumps(m | {"p": "two"}),
        lambda m: json.dumps(m | {"focus": [1, 2]}),
    ],
)
def test_a_spoilt_manifest_is_refused(tmp_path, change):
    folder = ZoomStack(random(2, 3, 8, 8), 2).save(tmp_path)
    manifest = json.loads((folder / "stack.json").read_text())
    (folder / "stack.json").write_text(change(manifest))
    with pytest.raises(InvalidInputError):
        ZoomStack.load(folder)


def test_an_interrupted_save_is_not_taken_for_a_stack(tmp_path, monkeypatch):
    ZoomStack(random(3, 3, 8, 8), 2).save(tmp_path)
    monkeypatch.setattr("zoomlib.stack.save_png", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        ZoomStack(random(3, 3, 8, 8), 2).save(tmp_path)
    with pytest.raises(InvalidInputError, match="not a complete"):
        ZoomStack.load(tmp_path)


def test_image_renders_a_level_with_the_deeper_ones():
    levels = random(4, 3, 32, 32)
    stack = ZoomStack(levels, 2, [(0.3, 0.6)] * 4)
    for i in range(4):
        assert torch.equal(stack.image(i), render_levels(levels, 2, [(0.3, 0.6)] * 4)[i])
    with pytest.raises(InvalidInputError, match="levels 0 to 3"):
        stack.image(4)


def test_image_of_a_stack_between_whole_factors_shows_the_next_level_in_its_box():
    levels = torch.zeros(2, 3, 30, 30)
    levels[1] = 0.5
    stack = ZoomStack(levels, 1.5)
    picture = stack.image(0)
    (box,) = stack.windows
    assert (box.top, box.left, box.height, box.width) == (5, 5, 20, 20)
    assert torch.allclose(picture[:, 5:25, 5:25], torch.full((3, 20, 20), 0.5))
    assert picture[:, :5].abs().max() == 0


@pytest.mark.parametrize(
    "levels",
    [
        torch.zeros(3, 8, 8),
        torch.zeros(2, 3, 8, 8, dtype=torch.float64),
        torch.zeros(0, 3, 8, 8),
        torch.full((2, 3, 8, 8), 1.1),
        torch.full((2, 3, 8, 8), math.nan),
        [[1]],
    ],
)
def test_a_stack_of_anything_but_levels_in_range_is_refused(levels):
    with pytest.raises(InvalidInputError):
        ZoomStack(levels, 2)


@pytest.mark.parametrize(("p", "focus"), [(1, None), (math.nan, None), (2, [(0.5, 0.5)]), (2, [(0.5, 7), None])])
def test_a_stack_with_a_bad_p_or_focus_is_refused(p, focus):
    with pytest.raises(InvalidInputError):
        ZoomStack(torch.zeros(2, 3, 8, 8), p, focus)
