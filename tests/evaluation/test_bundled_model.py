"""The shipped weights hold what their card says. Everything goes through the public loaders; only seeds are chosen."""

import json
from dataclasses import asdict

import pytest
import torch

from evaluation.networks import bundled_quality as quality
from evaluation.networks.clip import load_scorer
from prompts import load_story
from tasks.loading import USUAL_GUIDANCE, USUAL_RESCALE
from tasks.model_card import STORIES
from zoomlib import bundled
from zoomlib.bundled.world.vocabulary import CLASS_NAMES
from zoomlib.guidance import Guided
from zoomlib.methods import joint
from zoomlib.models import load_denoiser, load_upscaler


@pytest.fixture(scope="module")
def denoiser():
    return Guided(load_denoiser("bundled"), USUAL_GUIDANCE, USUAL_RESCALE, clamp=True)


@pytest.fixture(scope="module")
def scorer():
    return load_scorer("bundled")


def test_scorer_names_held_out_pictures(scorer):
    """At least 95 % right, class and colour together, on 1,080 pictures that no training saw."""
    assert quality.scorer_accuracy(scorer)["both"] >= 0.95


def test_class_and_colour_of_a_prompt_are_recognised(denoiser, scorer):
    """In at least 9 of 10 samples of every class."""
    seen = quality.recognition(denoiser, scorer, 10, torch.Generator().manual_seed(11))
    weak = {name: float(share) for name, share in zip(CLASS_NAMES, seen.both, strict=True) if share < 0.9}
    assert not weak


def test_an_outpainted_border_continues_the_centre(denoiser):
    """Mean seam under 1.3 over 24 held-out pictures; 1 is invisible."""
    borders = quality.outpainted(denoiser, 24, torch.Generator().manual_seed(2))
    assert borders.seam < 1.3
    assert torch.equal(borders.truth[..., 16:48, 16:48], borders.made[..., 16:48, 16:48])
    assert not torch.equal(borders.truth, borders.made)


def test_joint_sampling_agrees_and_still_follows_the_words(denoiser, scorer):
    """Against independent sampling, over the stories of its vocabulary: at least 10 dB better agreement of the model's
    own last estimates, at least 88 % of the text score, seam of at most 1.15."""
    stories = [load_story(name).prompts() for name in STORIES]
    apart = quality.average([quality.measure(denoiser, scorer, prompts, 0) for prompts in stories])
    settings = asdict(joint.Config())
    together = quality.average([quality.measure(denoiser, scorer, prompts, 0, **settings) for prompts in stories])
    assert together.estimate_psnr >= apart.estimate_psnr + 10
    assert together.text_score >= 0.88 * apart.text_score
    assert together.seam <= 1.15


def test_super_resolution_beats_bicubic_enlargement():
    """In PSNR on pictures of the world, by at least 1 dB."""
    from torch.nn import functional as F

    from evaluation.windows import psnr
    from zoomlib.bundled.sheets import world_pictures

    truth = world_pictures(2, 256, seed=77)
    small = F.avg_pool2d(truth, 4)
    ours = load_upscaler("bundled")(small).clamp(-1, 1)
    bicubic = F.interpolate(small, scale_factor=4, mode="bicubic").clamp(-1, 1)
    assert psnr(ours, truth).mean() > psnr(bicubic, truth).mean() + 1


def test_the_weights_are_small_and_in_safe_formats():
    files = [path for path in bundled.folder().rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 40e6
    assert {path.suffix for path in files} <= {".safetensors", ".json", ".md", ".png"}


def test_the_card_is_about_these_weights():
    """The card's figures of the shipped model, as a file, and the sheets that it shows."""
    facts = json.loads((bundled.folder() / "card.json").read_text())
    card = (bundled.folder() / "README.md").read_text()
    assert f"{100 * facts['scorer']['class']:.1f} %" in card
    assert all((bundled.folder() / name).is_file() for name in ("samples.png", "world.png", "outpainting.png"))
