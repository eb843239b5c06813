"""What a run is given: pictures of levels, a photograph, seeds, a margin; what of it is kept, said and refused."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from tasks import plan
from tasks.cost import cost
from tasks.errors import RefusedError
from tasks.given import fit, put_back
from tasks.pipeline import Report
from tests.doubles.painter import Studio
from tests.tasks.test_pipeline import in_store, run
from tests.tasks.test_plan import prepared
from zoomlib.errors import InvalidInputError
from zoomlib.images import from_uint8
from zoomlib.methods import load_method
from zoomlib.stack import ZoomStack

OUTPAINT = "method=outpaint-direct"
RING = torch.ones(32, 32, dtype=torch.bool)
RING[8:24, 8:24] = False
"""The pixels of a level that show no deeper one, at p = 2."""


def picture(path: Path, size: tuple[int, int] = (32, 32), seed: int = 0) -> Path:
    """A soft random picture of (width, height)."""
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(path)
    return path


def level(prompt: str, image: Path | None = None, **more) -> dict:
    return {"prompt": prompt, **more} | ({} if image is None else {"image": str(image)})


def sampled(report: Report) -> torch.Tensor:
    return load_file(in_store(report, "sampling", "sampled"))["levels"]


@pytest.mark.parametrize("at", [{0}, {1}, {2}, {0, 2}, {0, 1, 2}])
def test_a_picture_of_any_level_is_kept_bit_for_bit(tmp_path, at):
    files = {i: picture(tmp_path / f"{i}.png", seed=i) for i in at}
    levels = [level("abc"[i], files.get(i)) for i in range(3)]
    report = run(tmp_path / "runs", OUTPAINT, "sampling.steps=3", "enlarge.model=none", levels=levels)
    found, stack = sampled(report), ZoomStack.load(report.run.folder / "stack").levels
    away = torch.ones(32, 32, dtype=torch.bool)
    away[4:28, 4:28] = False  # beyond the band that joins a picture to a level that shows something else
    for i, file in files.items():
        wanted = fit(file, (32, 32))
        area = torch.ones(32, 32, dtype=torch.bool) if i == 2 else away
        assert torch.equal(found[i][:, area], wanted[:, area])
        assert torch.equal(stack[i][:, area], wanted[:, area])
    facts = json.loads((report.run.folder / "config.json").read_text())
    assert facts["images_sha256"].keys() == {str(i) for i in at}


def test_a_level_that_is_given_passes_no_model(tmp_path):
    file = picture(tmp_path / "a.png")
    plain = prepared(tmp_path, OUTPAINT, "guidance.scale=1")
    given = prepared(tmp_path, OUTPAINT, "guidance.scale=1", levels=["a", "b", level("c", file)])
    photo = prepared(tmp_path, OUTPAINT, "guidance.scale=1", f"photo={file}")
    assert (cost(plain).evaluations, cost(given).evaluations, cost(photo).evaluations) == (12, 8, 8)


def test_a_photograph_goes_where_the_method_starts(tmp_path):
    file = picture(tmp_path / "a.png", (64, 64))
    report = run(tmp_path / "runs", OUTPAINT, f"photo={file}", "enlarge.model=none")
    assert torch.equal(sampled(report)[2], fit(file, (32, 32)))
    large = run(tmp_path / "runs", OUTPAINT, f"photo={file}")
    assert torch.equal(ZoomStack.load(large.run.folder / "stack").levels[2], fit(file, (64, 64)))


def test_enlarged_levels_show_what_was_given_wherever_it_was_kept(tmp_path):
    file, small = picture(tmp_path / "a.png", (64, 64)), picture(tmp_path / "b.png", (40, 40), seed=1)
    levels = [level("a", file), "b", level("c", small)]
    made = prepared(tmp_path, OUTPAINT, levels=levels)
    before = torch.stack([fit(file, (32, 32)), torch.zeros(3, 32, 32), fit(small, (32, 32))])
    before[0, 1, 5, 7] += 0.25  # a pixel that sampling has changed
    large = torch.full((3, 3, 64, 64), 0.5)
    after = put_back(made, before, large)
    changed = torch.zeros(64, 64, dtype=torch.bool)
    changed[10:12, 14:16] = True
    assert torch.equal(after[0][:, ~changed], fit(file, (64, 64))[:, ~changed])
    assert (after[0][:, changed] == 0.5).all()
    assert (after[1:] == 0.5).all()  # nothing was given; the picture has fewer pixels than the enlarged level


def test_a_picture_of_a_levels_size_is_not_touched(tmp_path):
    values = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    Image.fromarray(values).save(tmp_path / "a.png")
    assert torch.equal(fit(tmp_path / "a.png", (24, 32)), from_uint8(values))


def test_what_is_done_to_pictures_is_said_and_kept(tmp_path):
    Image.new("CMYK", (80, 40)).save(tmp_path / "print.tiff")
    Image.new("RGBA", (20, 20)).save(tmp_path / "clear.png")
    levels = [level("a", tmp_path / "print.tiff"), "b", "c"]
    report = run(tmp_path / "runs", OUTPAINT, f"photo={tmp_path / 'clear.png'}", levels=levels)
    notes = "\n".join(report.run.notes)
    for words in (
        "print.tiff, level 0: CMYK became RGB",
        "print.tiff, level 0: Of its 80 x 40 pixels the middle 40 x 40 are used",
        "clear.png, level 2: What is transparent in it became white",
        "clear.png, level 2: It was enlarged to 32 x 32 pixels",
    ):
        assert words in notes
    assert len(report.run.notes) == 4
    assert json.loads((report.run.folder / "config.json").read_text())["notes"] == list(report.run.notes)


def test_a_seed_of_a_level_changes_what_is_made_of_it(tmp_path):
    base = sampled(run(tmp_path, OUTPAINT))
    other = sampled(run(tmp_path, OUTPAINT, levels=["a", level("b", seed=5), "c"]))
    assert torch.equal(base[2], other[2])
    assert not torch.equal(base[1][:, RING], other[1][:, RING])


BAD = {
    "not a picture": (lambda path: path.write_text("no picture"), "cannot be read as a picture"),
    "truncated": (lambda path: path.write_bytes(picture(path).read_bytes()[:80]), "cannot be read as a picture"),
    "1 x 1": (lambda path: Image.new("RGB", (1, 1)).save(path), "too small: 1 x 1 pixels. A picture has at least 16"),
    "40,000 wide": (
        lambda path: Image.new("L", (40_000, 20)).save(path),
        "too large: 40000 x 20 pixels. .* at most 16",
    ),
    "missing": (lambda path: None, "is not a file"),
}


@pytest.mark.parametrize(("make", "words"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("where", ["photo", "level"])
def test_a_bad_picture_is_refused_before_anything_is_loaded_or_written(tmp_path, make, words, where):
    path, studio = tmp_path / "bad.png", Studio()
    make(path)
    changes = {"levels": ["a", level("b", path), "c"]} if where == "level" else {}
    settings = [f"photo={path}"] if where == "photo" else []
    with pytest.raises(InvalidInputError, match=words):
        prepared(tmp_path / "runs", OUTPAINT, *settings, studio=studio, **changes)
    assert studio.loaded == []
    assert not (tmp_path / "runs").exists()


def test_a_method_without_use_for_pictures_refuses_them_and_names_others(tmp_path, monkeypatch):
    joint = load_method("joint")
    blind = SimpleNamespace(Config=joint.Config, run=joint.run)
    monkeypatch.setattr(plan, "load_method", lambda name: blind if name == "joint" else load_method(name))
    file = picture(tmp_path / "a.png")
    with pytest.raises(RefusedError, match=r"Level 1 names a picture, and method joint takes none.*outpaint"):
        prepared(tmp_path, levels=["a", level("b", file), "c"])
    with pytest.raises(RefusedError, match=r"cannot start from a photograph. Use one of .*outpaint"):
        prepared(tmp_path, f"photo={file}")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["sampling.margin=0"], "margin must be a number of pixels above 0"),
        (["sampling.margin=-4"], "margin"),
        (["sampling.margin=NaN"], "margin"),
        (["sampling.margin=wide"], r"sampling\.margin"),
        (["sampling.margin=1e4"], "[Nn]othing is kept"),
        (["sampling.margin=8", "p=2"], r"A margin of 8 .* is a zoom factor of 1.5, and p is 2. Leave one of the two"),
        (["method=joint", "sampling.margin=8"], "no setting 'margin'"),
        (["sampling.steps.more=3"], r"sampling\.steps"),
    ],
)
def test_a_margin_that_cannot_be_is_refused(tmp_path, settings, words):
    with pytest.raises((RefusedError, InvalidInputError), match=words):
        prepared(tmp_path / "runs", OUTPAINT, *settings)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("margin", "p"), [(8, 1.5), (16, 2), (5, 1.3125)])
def test_a_margin_says_p_whatever_the_story_says(tmp_path, margin, p):
    assert prepared(tmp_path, OUTPAINT, f"sampling.margin={margin}").p == p
    again = prepared(tmp_path, OUTPAINT, f"sampling.margin={margin}", f"p={p}")
    assert again.id == prepared(tmp_path, OUTPAINT, f"sampling.margin={margin}").id


@pytest.mark.parametrize("method", ["outpaint-direct", "independent"])
def test_a_factor_that_is_not_whole_goes_from_the_levels_to_the_film(tmp_path, method):
    levels = ["a", level("b", focus=(0.4, 0.6)), "c"]
    report = run(tmp_path, f"method={method}", "p=1.5", levels=levels)
    stack = ZoomStack.load(report.run.folder / "stack")
    assert (stack.p, stack.levels.shape) == (1.5, (3, 3, 64, 64))
    assert report.video.is_file()
