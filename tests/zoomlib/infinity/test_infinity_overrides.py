"""Property test 15 of the specification, the latents' part: patches that lie over the field, and other seeds there.

Which pixels they change: test_infinity_edits.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.doubles.planes import SMALL
from zoomlib.errors import InvalidInputError
from zoomlib.infinity.field.latents import Latents
from zoomlib.infinity.field.overrides import NONE, Overrides, Patch, read_overrides, write_overrides
from zoomlib.infinity.field.places import features_of_cells
from zoomlib.infinity.field.reseeding import reseeded
from zoomlib.infinity.sizes import unit

FAR = -(2**61)


def patch(value: float, y: int = 0, x: int = 0, h: int = 2, w: int = 3, channels: int = SMALL.local) -> Patch:
    return Patch(y, x, torch.full((channels, h, w), value))


def test_the_later_patch_counts() -> None:
    first, second = Overrides((patch(1.0), patch(2.0, 1, 1))), Overrides((patch(3.0, 0, 2),))
    assert Latents(SMALL, 0, overrides=first | second).local(0, 0, 2, 4)[0, :, :3].tolist() == [[1, 1, 3], [1, 2, 3]]
    assert Latents(SMALL, 0, overrides=second | first).local(0, 0, 2, 4)[0, :, :3].tolist() == [[1, 1, 1], [1, 2, 2]]
    noise = Overrides((), {1: (patch(4.0, channels=1),)}) | Overrides((), {1: (patch(5.0, 0, 2, channels=1),), 0: ()})
    assert Latents(SMALL, 0, overrides=noise).noise(1, 0, 0, 1, 4)[0, 0, :3].tolist() == [4, 4, 5]
    assert not NONE
    assert not Overrides((), {0: ()})
    assert noise


def test_what_is_written_is_read_again_bit_for_bit(tmp_path: Path) -> None:
    field = Latents(SMALL, 8)
    overrides = Overrides(
        (Patch(FAR, 2**40, field.local(0, 0, 3, 4)), Patch(-1, 0, field.local(5, 5, 1, 1).half())),
        {4: (Patch(7, FAR, field.noise(4, 0, 0, 2, 2)), patch(1.0, channels=1)), 0: (patch(2.0, channels=1),)},
    )
    write_overrides(overrides, tmp_path / "o.safetensors")
    found = read_overrides(tmp_path / "o.safetensors")
    assert list(found.noise) == [4, 0]
    for one, other in zip(_all(found), _all(overrides), strict=True):
        assert (one.y, one.x, one.values.dtype) == (other.y, other.x, other.values.dtype)
        assert torch.equal(one.values, other.values)
    write_overrides(NONE, tmp_path / "none.safetensors")
    assert not read_overrides(tmp_path / "none.safetensors")


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "o.safetensors"
    save_file({"0": torch.zeros(1)}, path)
    with pytest.raises(InvalidInputError, match="holds no overrides"):
        read_overrides(path)
    write_overrides(Overrides((patch(1.0),)), path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-8])
    with pytest.raises(InvalidInputError, match="damaged"):
        read_overrides(path)
    with pytest.raises(InvalidInputError, match="There is no file"):
        read_overrides(tmp_path / "other.safetensors")


@pytest.mark.parametrize("values", [torch.zeros(3, 3), torch.zeros(1, 0, 2), torch.full((1, 1, 1), torch.nan)])
def test_a_patch_of_no_values_is_refused(values: torch.Tensor) -> None:
    with pytest.raises(InvalidInputError):
        Patch(0, 0, values)


def test_other_seeds_lie_in_their_cells_alone() -> None:
    field, other = Latents(SMALL, 1), Latents(SMALL, 2)
    edited = Latents(SMALL, 1, overrides=reseeded(SMALL, (2, -3, 2, 4), 2))
    inside = torch.zeros(9, 9, dtype=torch.bool)
    inside[2:4, 1:5] = True
    for one, found, two in zip(*(latents.local(0, -4, 9, 9) for latents in (field, edited, other)), strict=True):
        assert torch.equal(found, torch.where(inside, two, one))
    for layer in range(6):
        (top, bottom), (left, right) = (features_of_cells(layer, *cells, 3) for cells in ((2, 4), (-3, 1)))
        assert (bottom - top, right - left) == (2 * unit(layer), 4 * unit(layer))
        area = (layer, top - 2, left - 2, bottom - top + 4, right - left + 4)
        one, found, two = (latents.noise(*area)[0] for latents in (field, edited, other))
        assert torch.equal(found[2:-2, 2:-2], two[2:-2, 2:-2])
        found[2:-2, 2:-2] = one[2:-2, 2:-2]
        assert torch.equal(found, one)


def _all(overrides: Overrides) -> list[Patch]:
    return [*overrides.local, *(patch for patches in overrides.noise.values() for patch in patches)]
