"""The distances that an inversion makes small, and the augmentation that both pictures share."""

import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from zoomlib.errors import InvalidInputError
from zoomlib.infinity.inversion.augment import augmented, translated
from zoomlib.infinity.inversion.lpips_vgg import LpipsVgg, read_lpips, shapes
from zoomlib.infinity.inversion.perceptual import Perceptual


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def picture(seed=0, h=37, w=53):
    coarse = torch.rand(1, 3, 6, 6, generator=seeded(seed)) * 2 - 1
    return F.interpolate(coarse, size=(h, w), mode="bilinear", align_corners=True)


def test_equal_pictures_have_the_distance_0_and_the_slope_0_exactly():
    a = picture().requires_grad_()
    distance = Perceptual()(a, picture())
    (slope,) = torch.autograd.grad(distance, a)
    assert distance == 0
    assert bool((slope == 0).all())


def test_the_distance_grows_with_what_is_changed_and_does_not_depend_on_the_order():
    near, far, same = picture() + 0.02, picture() + 0.3, picture()
    distance = Perceptual()
    assert 0 < distance(same, near) < distance(same, far)
    torch.testing.assert_close(distance(same, far), distance(far, same), rtol=1e-6, atol=0)


def test_texture_of_the_same_mean_counts_more_than_in_the_pixels_alone():
    """What a squared difference of pixels takes for equal, features tell apart."""
    flat = torch.zeros(1, 3, 32, 32)
    grain = 0.1 * torch.sign(torch.randn(1, 3, 32, 32, generator=seeded()))
    shifted = torch.full_like(flat, 0.1)
    distance = Perceptual()
    assert (flat - grain).square().mean() == pytest.approx(float((flat - shifted).square().mean()))
    assert distance(flat, grain) > 1.2 * distance(flat, shifted)


@pytest.mark.parametrize(("h", "w"), [(16, 16), (17, 40), (101, 101)])
def test_every_size_from_the_smallest_on_has_a_finite_slope(h, w):
    a = picture(1, h, w).requires_grad_()
    Perceptual()(a, torch.zeros(1, 3, h, w)).backward()
    assert bool(a.grad.isfinite().all())
    assert float(a.grad.abs().sum()) > 0


@pytest.mark.slow  # it loads transformers
def test_lpips_is_that_of_the_published_library(tmp_path):
    pytest.importorskip("lpips")
    from tests.evaluation.tiny_heads import lpips_model

    model = lpips_model("vgg")
    with torch.no_grad():  # as drawn for the score, five layers of 0.05 would make features of 10^6
        for name, value in model.named_parameters():
            if "net" in name and value.ndim == 4:
                value.mul_(20 * (2 / value[0].numel()) ** 0.5)
    wanted = {name: model.state_dict()[name].contiguous() for name in shapes()}
    save_file(wanted, tmp_path / "vgg.safetensors")
    a, b = picture(0, 33, 40), picture(1, 33, 40)
    ours = read_lpips(tmp_path / "vgg.safetensors")(a, b)
    with torch.no_grad():
        torch.testing.assert_close(ours, model(a, b).mean(), rtol=1e-5, atol=0)


def test_lpips_at_no_features_has_a_finite_slope():
    weights = {name: torch.zeros(shape) if "bias" in name else torch.ones(shape) for name, shape in shapes().items()}
    weights = {name: value - 2 if "slice1.0.weight" in name else value for name, value in weights.items()}
    a = torch.ones(1, 3, 16, 16, requires_grad=True)
    LpipsVgg(weights)(a, torch.ones(1, 3, 16, 16) * 0.5).backward()
    assert bool(a.grad.isfinite().all())


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda w: w.pop("lin4.model.1.weight"), "lin4.*nothing"),
        (lambda w: w.update({"net.slice1.0.weight": torch.zeros(64, 3, 11, 11)}), "11, 11"),
        (lambda w: w["lin0.model.1.weight"].fill_(torch.nan), "not finite"),
    ],
)
def test_weights_of_another_network_are_refused(tmp_path, spoil, words):
    few = {name: torch.zeros(shape) for name, shape in shapes().items()}
    spoil(few)
    save_file(few, tmp_path / "w.safetensors")
    with pytest.raises(InvalidInputError, match=words):
        read_lpips(tmp_path / "w.safetensors")


def test_a_missing_or_foreign_file_is_refused(tmp_path):
    (tmp_path / "x.safetensors").write_bytes(b"nothing")
    for name in ("x.safetensors", "none.safetensors"):
        with pytest.raises(InvalidInputError, match=r"docs/scores\.md"):
            read_lpips(tmp_path / name)


def test_augmentation_changes_both_pictures_alike_and_is_repeatable():
    same = augmented(torch.cat([picture(), picture()]), seeded(3))
    assert torch.equal(same[0], same[1])
    assert not torch.equal(same[:1], picture())
    assert torch.equal(same, augmented(torch.cat([picture(), picture()]), seeded(3)))
    assert not torch.equal(same, augmented(torch.cat([picture(), picture()]), seeded(4)))


def test_augmentation_cuts_out_at_most_a_quarter_and_lets_slopes_through():
    a = picture().requires_grad_()
    out = augmented(a, seeded(5))
    out.sum().backward()
    assert out.shape == a.shape
    assert bool(a.grad.isfinite().all())
    # A quarter is cut out, and at most an eighth of each side moved away.
    assert float((out == 0).all(1).float().mean()) <= 0.25 + 2 / 8
    assert float((a.grad != 0).float().mean()) > 0.4


@pytest.mark.parametrize(("down", "right"), [(0, 0), (2, -3), (-1, 0), (0, 4)])
def test_translation_moves_by_whole_pixels(down, right):
    a = picture(2, 9, 8)
    back = translated(translated(a, down, right), -down, -right)
    rows = slice(max(-down, 0), 9 - max(down, 0))
    columns = slice(max(-right, 0), 8 - max(right, 0))
    assert torch.equal(back[..., rows, columns], a[..., rows, columns])
    assert torch.equal(translated(a, down, right), torch.roll(a, (down, right), (2, 3))) is (down == right == 0)
