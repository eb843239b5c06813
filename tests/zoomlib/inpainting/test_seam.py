"""The border: nothing changes where made continues kept, and steps of colour go, on the made side alone."""

from functools import cache

import pytest
import torch

from evaluation.border import seam
from evaluation.networks.scorer_training import held_out
from tests.doubles.gaussian import GaussianDenoiser
from zoomlib.geometry import Window
from zoomlib.inpainting import Config, prepare
from zoomlib.inpainting.seam import codec_colours, join, soften
from zoomlib.methods import outpaint
from zoomlib.walk import last

SIDE, WINDOW = 64, Window(16, 16, 32, 32)
MASK = torch.ones(1, 1, SIDE, SIDE)
MASK[..., 16:48, 16:48] = 0


@cache
def scenes(count=16):
    """Pictures of the bundled world: things with edges, texture, and flat skies."""
    return held_out(count, seed=999_979).images.float() / 127.5 - 1


def plane(slopes=((0.3, -0.5), (0.0, 0.8), (-0.4, 0.1))):
    y, x = torch.meshgrid(torch.linspace(-0.5, 0.5, SIDE), torch.linspace(-0.5, 0.5, SIDE), indexing="ij")
    return torch.stack([a * x + b * y for a, b in slopes])[None]


def joined(made, image, mask=MASK):
    mask = mask.expand(len(image), 1, SIDE, SIDE)
    out, records = join(torch.where(mask > 0, made, image), image, mask)
    return torch.where(mask > 0, out, image), records


def mean_seam(images):
    return sum(seam(image, WINDOW)["seam"] for image in images) / len(images)


def band_mask():
    mask = torch.zeros(1, 1, SIDE, SIDE)
    mask[..., 12:52, 12:52] = 1
    mask[..., 20:44, 20:44] = 0
    return mask


def one_side():
    mask = torch.zeros(1, 1, SIDE, SIDE)
    mask[..., 40:] = 1
    return mask


@pytest.mark.parametrize("mask", [MASK, 1 - MASK, band_mask(), one_side(), MASK * 0, MASK * 0 + 1])
def test_nothing_changes_on_a_plane_that_goes_on(mask):
    out, (record,) = joined(plane(), plane(), mask)
    assert (out - plane()).abs().max() < 1e-6
    assert record["gain"] == [1, 1, 1]
    assert record["offset"] == [0, 0, 0]
    assert abs(record["worst"]) < 1e-6


def test_little_changes_where_a_scene_goes_on():
    """Scenes cut in two and joined again, full of edges: the median change is 0, its rms 0.03 (of a
    range of 2; measured 0.022), and the border stays as visible as it was, to 0.15 (0.89 after 1.00)."""
    image = scenes()
    out, records = joined(image, image)
    changed = (out - image)[MASK.expand_as(image) > 0]
    assert changed.abs().median() == 0
    assert changed.square().mean().sqrt() < 0.03
    assert torch.tensor([record["step"] for record in records]).abs().median() == 0
    assert abs(mean_seam(out) - mean_seam(image)) < 0.15


@pytest.mark.parametrize(("offset", "before"), [(0.2, 1.3), (0.4, 2.0)])
def test_a_step_of_colour_goes(offset, before):
    """The mean seam comes below 1, where it was 1 before the offset; the record tells the offset, to 15 % of it."""
    image, shift = scenes(), torch.tensor([1, -0.5, 0.3])
    made = image + offset * shift[:, None, None]
    out, records = joined(made, image)
    assert mean_seam(torch.where(MASK > 0, made, image)) > before
    assert 0.8 < mean_seam(out) < 1
    found = torch.tensor([record["step"] for record in records]).median(0).values / offset
    assert (found - shift).abs().max() < 0.15


def test_a_step_of_one_side_goes_and_the_others_stay():
    """The side with the step from 7.8 to 1.5; the others had none and have none."""
    image = plane() + 0.02 * torch.randn(4, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    made = image.clone()
    made[..., 48:] += 0.2
    seams = [seam(picture, WINDOW) for picture in (*torch.where(MASK > 0, made, image), *joined(made, image)[0])]
    assert min(one["seam_right"] for one in seams[:4]) > 3
    for one in seams[4:]:
        assert one["seam_right"] < 1.8
        assert max(one[f"seam_{side}"] for side in ("left", "top", "bottom")) < 1.2


def test_a_correction_fades_out_into_the_made_side():
    image, made = plane(), plane() + 0.2
    out, (record,) = joined(made, image)
    left = (out - image)[0, 0, 32, :16].flip(0)  # from the border out
    assert left[0].abs() < 0.02
    assert (left.diff() > -1e-3).all()
    assert left[15] > 0.19
    assert record["step"] == pytest.approx([0.2] * 3, abs=1e-3)
    assert record["worst"] == pytest.approx(0.2, abs=1e-3)


def test_a_made_edge_that_meets_the_border_is_left_alone():
    """A thing that ends at the border by chance is no step of colour: half of one side is another colour."""
    image = plane() + 0.02 * torch.randn(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    made = image.clone()
    made[..., 16:26, :16] += 0.8
    out, _ = joined(made, image)
    assert (out - made)[..., 34:, :].abs().mean() < 0.01
    assert (out - made)[..., :, 48:].abs().mean() < 0.01


def test_what_the_codec_did_to_kept_pixels_is_undone():
    """Gain and offset of each channel come back to 1e-6 from kept pixels alone; flat pictures have an offset only."""
    image, gain, offset = scenes(), torch.tensor([0.95, 1.1, 1.0]), torch.tensor([0.03, -0.02, 0.1])
    made = gain[:, None, None] * image + offset[:, None, None]
    found = codec_colours(made.double(), image.double(), 1 - MASK.double().expand(len(image), 1, SIDE, SIDE))
    assert (found[0].squeeze() - gain).abs().max() < 0.01
    textured = image[:, :, 16:48, 16:48].flatten(2).std(-1) > 0.1
    assert (found[1].squeeze() - offset).abs()[textured].max() < 0.01
    flat = torch.full((1, 3, SIDE, SIDE), 0.5)
    found = codec_colours((flat + 0.1).double(), flat.double(), 1 - MASK.double())
    assert found[0].flatten().tolist() == [1, 1, 1]
    assert found[1].flatten().tolist() == pytest.approx([0.1] * 3, abs=1e-6)


class Shifting:
    """A codec that loses contrast and turns blue each time something passes."""

    factor = 1

    def encode(self, images):
        return images

    def decode(self, latents):
        return 0.9 * latents + torch.tensor([-0.03, 0.0, 0.06])[:, None, None]


def test_a_codec_s_colours_do_not_reach_what_is_made():
    """The same as with a perfect codec, to 0.01 of a range of 2; without the correction 0.04 and more."""
    image = torch.where(MASK > 0, 0.0, scenes(2)[:2])
    pictures = []
    for codec in (None, Shifting()):
        model = GaussianDenoiser((3, SIDE, SIDE), "flow")
        if codec:
            model.codec = codec
        filling = prepare(model, ["0"] * 2, image, MASK.expand(2, 1, SIDE, SIDE), Config(5))
        clean = last(filling.states(filling.draw(torch.Generator().manual_seed(0)), torch.Generator())).clean * 0.5
        pictures.append((filling.joined(torch.where(MASK > 0, clean, image)), clean))
    (perfect, _), clean = pictures[0]
    (shifted, records), _ = pictures[1]
    assert (shifted - perfect).square().mean().sqrt() < 0.01
    assert (Shifting().decode(clean) - clean)[MASK.expand_as(clean) > 0].square().mean().sqrt() > 0.04
    assert [record["gain"] for record in records] == [pytest.approx([0.9] * 3, abs=0.01)] * 2


def test_a_border_that_shows_in_detail_is_softened_only_near_it():
    generator = torch.Generator().manual_seed(0)
    image = plane() + 0.02 * torch.randn(8, 3, SIDE, SIDE, generator=generator)
    made = plane() + 0.02 * torch.randn(8, 3, SIDE, SIDE, generator=generator)
    made[..., 15, 16:48] += 0.15 * torch.randn(8, 3, 32, generator=generator)
    kept = (1 - MASK).expand(8, 1, SIDE, SIDE)
    out = soften(made.double(), image.double(), kept.double())
    changed = (out - made).abs().amax((0, 1)) > 0
    assert changed[12:16, 16:48].any()
    changed[11:53, 11:53] = False
    assert not changed.any()
    before, after = (torch.where(MASK > 0, x.float(), image) for x in (made, out))
    tops = [sum(seam(picture, WINDOW)["seam_top"] for picture in pictures) / 8 for pictures in (before, after)]
    assert tops[0] > 1.5
    assert tops[1] < 0.7 * tops[0]


def test_pictures_of_a_batch_do_not_touch_each_other():
    image = scenes()[:2]
    made = image + torch.tensor([0.3, 0.0])[:, None, None, None]
    both, records = joined(made, image)
    for row in range(2):
        alone, (record,) = joined(made[row : row + 1], image[row : row + 1])
        assert torch.allclose(both[row], alone[0], atol=1e-6)
        assert records[row]["step"] == pytest.approx(record["step"])


def test_a_codec_s_shift_does_not_add_up_over_eight_levels():
    """Mean colours of every level as with a perfect codec, to 0.001 of a range of 2; 0.058 where what the codec did is
    not undone."""
    stacks = []
    for codec in (None, Shifting()):
        model = GaussianDenoiser((3, 32, 32), "flow")
        if codec:
            model.codec = codec
        start = 0.5 * scenes()[0, :, 16:48, 16:48]
        stacks.append(
            outpaint.sample_stack(
                model, ["0"] * 8, p=2, start=start, steps=5, generator=torch.Generator().manual_seed(0)
            )
        )
    perfect, shifted = (stack.levels.mean((2, 3)) for stack in stacks)
    assert (perfect - shifted).abs().max() < 1e-3
