"""Tiles for looking around: those pixels that `tenfold infinity render` writes, as far as a plane goes."""

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from evaluation.explorer.pyramid import LEVELS
from flows.cli import app
from tasks.infinity_explore import MOST_PLANES, GeneratorTiles
from tests.doubles.planes import write_plane_folder
from zoomlib.errors import InvalidInputError
from zoomlib.images import to_uint8


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_plane_folder(tmp_path_factory.mktemp("planes") / "my planes")


@pytest.fixture(scope="module")
def tiles(folder):
    return GeneratorTiles(str(folder))


def test_a_tile_is_what_render_writes(tiles, folder, tmp_path):
    step = tiles.models[0].step
    origin, size = f"{-step},{2 * step}", f"{step}x{step}"
    options = ["--model", folder, "--origin", origin, "--size", size, "--seed", 2**64 - 1, "--out", tmp_path / "a.png"]
    done = CliRunner().invoke(app, ["infinity", "render", *map(str, options)])
    assert done.exit_code == 0, done.output
    with Image.open(tmp_path / "a.png") as picture:
        assert np.array_equal(to_uint8(tiles.paint(0, 2**64 - 1, -1, 2)), np.asarray(picture))


def test_the_last_tiles_that_are_offered_can_be_painted(tiles):
    (model, *_), most = tiles.models, tiles.models[0].most
    assert most % 2**LEVELS == 0
    assert most * model.step > 2**63 - 2**22
    for row, column in ((-most, most - 1), (most - 1, -most)):
        assert tiles.paint(0, 0, row, column).isfinite().all()


def test_generators_are_named_as_commands_take_them_and_planes_let_go(tiles, folder):
    assert [model.name for model in tiles.models][:2] == [str(folder), "bundled"]
    assert tiles.models[0].word == f"'{folder}'"
    assert GeneratorTiles("bundled-map").names == ("bundled-map", "bundled")
    for seed in range(MOST_PLANES + 3):
        tiles._plane(0, seed)
    assert len(tiles._planes) == MOST_PLANES
    with pytest.raises(InvalidInputError, match="no folder of a generator"):
        GeneratorTiles(str(folder.parent))
