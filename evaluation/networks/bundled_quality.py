"""What the bundled model can do, as numbers: the figures of its model card and the bars of its tests."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from evaluation.border import seam
from evaluation.networks.clip import Scorer
from evaluation.networks.scorer_training import held_out, name_scenes
from evaluation.windows import estimate_psnr
from zoomlib.bundled.world.vocabulary import CLASSES, COLOUR_NAMES, phrase
from zoomlib.denoiser import Denoiser
from zoomlib.geometry import Window
from zoomlib.inpainting import Config, prepare
from zoomlib.methods import independent, joint
from zoomlib.walk import last

STEPS = 30


def scorer_accuracy(scorer: Scorer, count: int = 1080) -> dict[str, float]:
    """Share of held-out pictures whose class, and whose colour where it has a word, the scorer names rightly."""
    pictures = held_out(count)
    kind, colour = name_scenes(scorer, pictures.images.float() / 127.5 - 1)
    worded = pictures.colour >= 0
    return {
        "class": float((kind == pictures.kind).float().mean()),
        "colour": float((colour == pictures.colour)[worded].float().mean()),
        "both": float(((kind == pictures.kind) & (colour == pictures.colour))[worded].float().mean()),
    }


def draw_samples(denoiser: Denoiser, prompts: Sequence[str], generator: torch.Generator, steps: int = STEPS) -> Tensor:
    """One independent picture for each prompt, (N, 3, H, W) in [-1, 1]."""
    parts = [prompts[k : k + 32] for k in range(0, len(prompts), 32)]
    stacks = [independent.sample_stack(denoiser, part, p=2, steps=steps, generator=generator) for part in parts]
    return torch.cat([stack.levels for stack in stacks])


@dataclass(frozen=True)
class Recognition:
    """Samples of every class and what the scorer sees in them: `images` (12 n, 3, H, W); shares (12,) right."""

    images: Tensor
    kind: Tensor
    colour: Tensor
    both: Tensor


def recognition(denoiser: Denoiser, scorer: Scorer, per_class: int, generator: torch.Generator) -> Recognition:
    """Sample `per_class` pictures of every class, colours in turn, and let the scorer name class and colour."""
    pairs = [(kind, n % len(COLOUR_NAMES)) for kind, n in product(range(len(CLASSES)), range(per_class))]
    images = draw_samples(denoiser, [phrase(kind, COLOUR_NAMES[colour]) for kind, colour in pairs], generator)
    kind, colour = name_scenes(scorer, images)
    wanted = torch.tensor(pairs)
    right = torch.stack([kind == wanted[:, 0], colour == wanted[:, 1]])
    shares = torch.stack([*right, right.all(0)]).float().view(3, len(CLASSES), per_class).mean(2)
    return Recognition(images, *shares)


@dataclass(frozen=True)
class Borders:
    """Held-out pictures with a new border around their middle half: `truth` and `made` (N, 3, H, W); the mean seam of
    that border as it is delivered, and as the model alone makes it."""

    truth: Tensor
    made: Tensor
    seam: float
    bare_seam: float


def outpainted(denoiser: Denoiser, count: int, generator: torch.Generator) -> Borders:
    """Outpaint `count` held-out pictures."""
    pictures = held_out(count, seed=999_979)
    truth = pictures.images.float() / 127.5 - 1
    H, W = truth.shape[-2:]
    middle = Window(H // 4, W // 4, H // 2, W // 2)
    mask = torch.ones(count, 1, H, W)
    mask[:, :, *middle.slices] = 0
    prompts = [pictures.phrase(row, 0, True) for row in range(count)]
    filling = prepare(denoiser, prompts, truth, mask, Config(STEPS))
    clean = last(filling.states(filling.draw(generator), generator)).clean
    bare = torch.where(mask > 0, denoiser.codec.decode(clean).cpu().clamp(-1, 1), truth)
    made = filling.picture(clean)
    seams = [sum(seam(image, middle)["seam"] for image in images) / count for images in (made, bare)]
    return Borders(truth, made, *seams)


@dataclass(frozen=True)
class Consolidation:
    """A way of joint sampling against independent sampling: means over stories and seeds."""

    text_score: float
    estimate_psnr: float
    seam: float


def measure(
    denoiser: Denoiser, scorer: Scorer, prompts: Sequence[str], seed: int, steps: int = 40, **settings: object
) -> Consolidation:
    """Text score, agreement (dB) and seam of one story; without settings, of independent sampling."""
    method = joint if settings else independent
    generator = torch.Generator().manual_seed(seed)
    *_, state = method.sample(denoiser, prompts, p=2, steps=steps, generator=generator, **settings)
    levels = state.clean.clamp(-1, 1).cpu()
    H, W = levels.shape[-2:]
    window = Window(H // 4, W // 4, H // 2, W // 2)
    seams = [seam(level, window)["seam"] for level in levels[:-1]]
    return Consolidation(
        float(scorer.text_image(levels, prompts).mean()),
        float(estimate_psnr(state.estimate.cpu(), 2).mean()),
        sum(seams) / len(seams),
    )


def average(rows: Sequence[Consolidation]) -> Consolidation:
    """Field by field."""
    return Consolidation(
        *(sum(getattr(row, name) for row in rows) / len(rows) for name in ("text_score", "estimate_psnr", "seam"))
    )


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """Frechet distance of two sets of embeddings (N, D) as Gaussians, |m_a - m_b|^2 + tr(A + B - 2 (AB)^(1/2)).

    Over the bundled scorer's image embeddings this is no FID and must not be called so.
    """
    means = a.double().mean(0) - b.double().mean(0)
    A, B = a.double().T.cov(), b.double().T.cov()
    root = torch.linalg.eigvals(A @ B).real.clamp(min=0).sqrt().sum()
    return float(means @ means + A.trace() + B.trace() - 2 * root)
