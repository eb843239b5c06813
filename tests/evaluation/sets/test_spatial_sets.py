"""Spatial distances (section 4 of the specification): parts in their order, of one picture each, and closed forms."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.sets import Extractor, extract
from evaluation.sets.frechet import fit, frechet_distance
from evaluation.sets.spatial import partition, spatial
from zoomlib.errors import InvalidInputError

COLOUR = Extractor("colour", "1", lambda image: image.mean((1, 2)), lambda pixels: (pixels, None))


def quartered(colours: torch.Tensor, side: int = 6) -> torch.Tensor:
    """A picture (3, side, side) of four plain quarters; `colours` (4, 3) from the top left, row by row."""
    rows = colours.reshape(2, 2, 3).permute(2, 0, 1)
    return rows.repeat_interleave(side // 2, 1).repeat_interleave(side // 2, 2)


def seen(pictures, eye, batch=4):
    return extract(pictures, lambda image: image, eye, batch=batch).values


def colours(count: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, 4, 3, generator=torch.Generator().manual_seed(seed))


def test_a_row_holds_the_quarters_of_one_picture_in_their_order():
    """Pictures share a batch: where rows hold parts of several, as in the released code, this fails."""
    known = colours(5)
    found = seen([quartered(one) for one in known], spatial(COLOUR, 2), batch=3)
    assert torch.allclose(found, known.reshape(5, 12), atol=1e-6)


@given(st.integers(4, 40), st.integers(4, 40))
@settings(max_examples=10, deadline=None)
def test_parts_hold_every_pixel_once_whatever_the_sides(height, width):
    image = torch.arange(3.0 * height * width).reshape(3, height, width)
    parts = partition(image)
    rows = [torch.cat(parts[4 * row : 4 * row + 4], 2) for row in range(4)]
    assert torch.equal(torch.cat(rows, 1), image)
    for side, sides in ((height, {one.shape[1] for one in parts}), (width, {one.shape[2] for one in parts})):
        assert sides <= {side // 4, side // 4 + 1}


@given(st.integers(1, 3), st.integers(1, 9))
@settings(max_examples=5, deadline=None)
def test_too_small_a_picture_is_refused(height, width):
    with pytest.raises(InvalidInputError, match=f"{width} x {height} pixels cannot be cut into 4 x 4"):
        partition(torch.zeros(3, height, width))


def test_a_set_has_no_distance_to_itself():
    found = fit(seen([quartered(one) for one in colours(30)], spatial(COLOUR, 2)))
    assert frechet_distance(found, found) == pytest.approx(0, abs=1e-6)


def test_what_has_only_changed_places_is_far_by_the_parts_and_near_by_the_whole():
    """One shift of brightness for a whole picture: both Gaussians have one covariance, so that what is left of the
    distance is |m - Pm|² of the quarters' means, in closed form within 1e-4."""
    mean = torch.tensor([0.5, -0.2, 0.1, 0.3])[:, None].expand(4, 3)
    moved = mean[[1, 0, 3, 2]]
    shifts = torch.randn(40, 1, 3, generator=torch.Generator().manual_seed(1)) * 0.1
    one, other = ([quartered(base + shift) for shift in shifts] for base in (mean, moved))
    by_parts = [fit(seen(pictures, spatial(COLOUR, 2))) for pictures in (one, other)]
    by_whole = [fit(seen(pictures, COLOUR)) for pictures in (one, other)]
    assert frechet_distance(*by_parts) == pytest.approx(float((mean - moved).square().sum()), abs=1e-4)
    assert frechet_distance(*by_whole) == pytest.approx(0, abs=1e-6)


def test_a_spatial_extractor_keeps_its_names_and_tells_no_classes():
    whole = Extractor("inception", "1", COLOUR.prepare, lambda pixels: (pixels, pixels), is_inception=True)
    eye = spatial(whole)
    assert (eye.name, eye.revision, eye.frechet) == ("inception", "1", "fid")
    features = extract([torch.zeros(3, 8, 8)], lambda image: image, eye)
    assert features.values.shape == (1, 48)
    assert features.logits is None
