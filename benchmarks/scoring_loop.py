"""Scores of stacks as one would write them with the libraries: a loop over pictures, nothing shared or batched."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image
from safetensors.torch import load_file
from skimage.color import deltaE_cie76, rgb2lab
from skimage.measure import blur_effect
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from evaluation.networks.text_image import Scorer

Found = dict[tuple[str, int | None], float]
"""Values by score and level, or wider level of a pair."""
Pixels = NDArray[np.float64]


@torch.inference_mode()
def loop(stacks: list[tuple[list[Path], list[str]]], scorer: Scorer, head: Path, part: str) -> list[Found]:
    """The scores of each stack; the centre of a level shows the next one, p = 2."""
    transform = image_transform_v2(PreprocessCfg(**scorer.model.visual.preprocess_cfg), is_train=False)
    weights = load_file(head)
    return [_stack(files, prompts, scorer, transform, weights, part) for files, prompts in stacks]


def _stack(files, prompts, scorer, transform, weights, part) -> Found:
    found: Found = {}
    seen, told, before = [], [], None
    for level, (file, prompt) in enumerate(zip(files, prompts, strict=True)):
        picture = Image.open(file).convert("RGB")
        seen.append(scorer.model.encode_image(transform(picture)[None], normalize=True)[0])
        told.append(scorer.model.encode_text(scorer.tokenize([prompt]).ids, normalize=True)[0])
        found["aesthetic", level] = float(weights["weight"][0] @ seen[-1] + weights["bias"][0])
        if part == "all":
            pixels = np.asarray(picture) / 255
            found |= {(name, level): value for name, value in level_scores(pixels, level < len(files) - 1).items()}
            if before is not None:
                found |= {(name, level - 1): value for name, value in pair_scores(before, pixels).items()}
            before = pixels
    for i, image in enumerate(seen):
        cosines = [float(image @ text) for text in told]
        found["clip_score", i] = max(100 * cosines[i], 0)
        found["clip_margin", i] = cosines[i] - max(cosines[:i] + cosines[i + 1 :])
        found["clip_rank", i] = 1 + sum(cosine > cosines[i] for cosine in cosines)
    if part == "all":
        add_sums(found, len(files))
    return found


def level_scores(pixels: Pixels, shows_next: bool) -> dict[str, float]:
    """Blur and slope; seams and the colour step at the window, where there is one."""
    found = {"blur": blur_effect(pixels, channel_axis=-1), "spectrum_slope": slope(pixels)}
    if shows_next:
        found |= seams(pixels) | {f"step_{axis}": value for axis, value in zip("Lab", step(pixels), strict=True)}
    return found


def slope(pixels: Pixels) -> float:
    """Slope of the log of radial means of the power spectrum of the luma under a Hann window."""
    luma = pixels @ [0.2126, 0.7152, 0.0722] * 2
    H, W = luma.shape
    power = np.abs(np.fft.fft2((luma - luma.mean()) * np.outer(np.hanning(H), np.hanning(W)))) ** 2
    radius = np.hypot(np.fft.fftfreq(H)[:, None], np.fft.fftfreq(W)) * min(H, W)
    ring = np.floor(radius + 0.5).astype(int).ravel()
    means = np.bincount(ring, power.ravel()) / np.bincount(ring)
    frequencies = np.arange(2, min(H, W) // 4 + 1)
    return float(np.polyfit(np.log(frequencies), np.log(means[frequencies]), 1)[0])


def seams(pixels: Pixels) -> dict[str, float]:
    """Mean step across each side of the window over those on lines 2 to 4 pixels off."""
    low, high = len(pixels) // 4, 3 * len(pixels) // 4
    down, across = np.abs(np.diff(pixels, axis=0)), np.abs(np.diff(pixels, axis=1))
    lines = {"left": low, "right": high, "top": low, "bottom": high}
    on, off = {}, {}
    for side, at in lines.items():
        steps = [
            (down[at + d - 1, low:high] if side in ("top", "bottom") else across[low:high, at + d - 1]).mean()
            for d in (0, -4, -3, -2, 2, 3, 4)
        ]
        on[side], off[side] = steps[0], np.mean(steps[1:])
    floor = 0.5 / 255
    found = {f"seam_{side}": float((on[side] + floor) / (off[side] + floor)) for side in lines}
    whole = float((sum(on.values()) + 4 * floor) / (sum(off.values()) + 4 * floor))
    return {**found, "seam_worst": max(found.values()), "seam": whole}


def step(pixels: Pixels) -> Pixels:
    """Mean Lab (3,) of 4 pixels outside the window's border less that of 4 pixels inside."""
    colours = rgb2lab(pixels)
    low, high = len(pixels) // 4, 3 * len(pixels) // 4
    outer, window, inner = (np.zeros(pixels.shape[:2], bool) for _ in range(3))
    outer[low - 4 : high + 4, low - 4 : high + 4] = True
    window[low:high, low:high] = True
    inner[low + 4 : high - 4, low + 4 : high - 4] = True
    return colours[outer & ~window].mean(0) - colours[window & ~inner].mean(0)


def pair_scores(wide: Pixels, fine: Pixels) -> dict[str, float]:
    """PSNR, SSIM and colour difference of the window and the next level, at the window's size."""
    side = len(wide)
    a = wide[side // 4 : 3 * side // 4, side // 4 : 3 * side // 4]
    b = fine.reshape(side // 2, 2, side // 2, 2, 3).mean((1, 3))
    return {
        "window_psnr": peak_signal_noise_ratio(a, b, data_range=1),
        "window_ssim": structural_similarity(
            a, b, data_range=1, channel_axis=-1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        ),
        "delta_e": deltaE_cie76(rgb2lab(a), rgb2lab(b)).mean(),
    }


def add_sums(found: Found, levels: int) -> None:
    """What is summed over the levels: of differences inwards, of colour steps outwards."""
    total = 0.0
    for level in range(levels - 1):
        total += found["delta_e", level]
        found["delta_e_sum", level] = total
    drift = np.zeros(3)
    for level in reversed(range(levels - 1)):
        here = np.array([found.pop((f"step_{axis}", level)) for axis in "Lab"])
        drift = drift + here
        found["colour_step", level] = float(np.linalg.norm(here))
        found["colour_drift", level] = float(np.linalg.norm(drift))
