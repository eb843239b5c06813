"""Where levels of latent models are made to agree: `space`, `every`, `switch` and `noise` of joint sampling, ablated.

    python -m benchmarks.spaces [--parts exact bundled costs] [--seeds 4] [--steps 50] [--stories 2] [--json]

- exact: a Gaussian field of 64 px with spectrum f^-2 behind a block codec (cosines; 8 x 8 pixels to 36 numbers of 64,
  and 4 x 4 to 10 of 16, per colour: what they lose is 11 to 12 dB below the field), with its closed-form latent model.
  Six levels, p = 2, the paper's weights. dB by which the finished pictures' power departs from that of the coded field,
  in octaves from low to high; agreement: windows of the model's own last estimates, signal over difference in dB;
  codec: pictures through the codec per level and step; seconds of the whole on one thread.
- bundled: the bundled model seen through an orthonormal block codec, which makes it a latent model exactly. Eight
  levels, settings as usual. Text: 100 cos by the bundled scorer; agreement: PSNR; seam: step across borders over that
  beside.
- costs: multiplications of one level, counted by torch on shapes alone, of real architectures with their own sizes.
"""

import argparse
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from benchmarks.methods import stories
from evaluation.networks.clip import load_scorer
from evaluation.windows import score_windows
from tasks.loading import USUAL_GUIDANCE, USUAL_RESCALE
from tests.doubles.blocks import BlockGaussian, InBlocks, coded_errors_db, coded_spectrum
from zoomlib.grain import grain_of
from zoomlib.guidance import Guided
from zoomlib.methods import independent, joint
from zoomlib.models import load_denoiser
from zoomlib.pyramid import down
from zoomlib.scene import Scene, finished
from zoomlib.walk import State, last

Settings = Mapping[str, Any]
PIXELS, SIZE, LEVELS = {"space": "pixels"}, 64, 6
VARIANTS: dict[str, Settings] = {
    "pixels": PIXELS,
    "pixels, every 2nd step": PIXELS | {"every": 2},
    "pixels, every 4th": PIXELS | {"every": 4},
    "pixels, every 8th": PIXELS | {"every": 8},
    "latents, then pixels from noise 0.9": {"space": "mixed", "switch": 0.9},
    "latents, then pixels from noise 0.5": {"space": "mixed", "switch": 0.5},
    "latents, then pixels from noise 0.2": {"space": "mixed", "switch": 0.2},
    "latents": {"space": "latents"},
    "latents, noise shared there": {"space": "latents", "noise": "latents"},
    "pixels, noise shared in latents": PIXELS | {"noise": "latents"},
    "pixels, noise of each level's own": PIXELS | {"noise": "random"},
}
SHOWN = [name for name in VARIANTS if not any(word in name for word in ("2nd", "8th", "0.9", "0.2", "own"))]
UNETS: dict[str, tuple[int, dict[str, Any]]] = {
    "Stable Diffusion 1": (64, {"cross_attention_dim": 768, "attention_head_dim": 8}),
    "Stable Diffusion XL": (
        128,
        {
            "block_out_channels": (320, 640, 1280),
            "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            "transformer_layers_per_block": (1, 2, 10),
            "attention_head_dim": (5, 10, 20),
            "cross_attention_dim": 2048,
            "use_linear_projection": True,
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 256,
            "projection_class_embeddings_input_dim": 2816,
        },
    ),
}
WIDTHS = (128, 256, 512, 512)


def sampled(denoiser: Any, prompts: Sequence[str], seed: int, settings: Settings) -> State:
    """The last state of a joint run, or of levels by themselves."""
    own = dict(settings)
    method = independent if own.pop("alone", False) else joint
    return last(method.sample(denoiser, prompts, p=2, generator=torch.Generator().manual_seed(seed), **own))


def exact(f: int, kept: int, eta: float, settings: Settings, seeds: int, steps: int) -> list[float]:
    """dB in four bands, agreement, codec passes per level and step, seconds."""
    model, levels, ratios = BlockGaussian(f, kept, SIZE), [], []
    decode, began = model.codec.decode, time.perf_counter()
    usual = {} if "alone" in settings else {"coarse_weight": 1.0, "feather": 0.0}
    for seed in range(seeds):
        state = sampled(model, ["0"] * LEVELS, seed, usual | dict(settings) | {"steps": steps, "eta": eta})
        levels.append(state.clean if state.pictures else decode(state.clean))
        estimate = state.estimate if state.pictures else decode(state.estimate)
        quarter = SIZE // 4
        window = estimate[:-1, :, quarter:-quarter, quarter:-quarter]
        ratios.append(window.square().mean() / (window - down(estimate[1:], 2)).square().mean())
    seconds = time.perf_counter() - began
    counted = model.codec.passes
    bands = coded_errors_db(torch.cat(levels), coded_spectrum(f, kept, SIZE)).tolist()
    grain = grain_of(model.codec, model.shape[0], model.device)
    probes = 2 * grain.rows[0].numel() if grain and not {"alone", "noise"} & settings.keys() else 0
    # The codec is probed once a run, with small pictures, which are left out.
    passes = (counted - seeds * probes) / (seeds * LEVELS * steps)
    return [*bands, float(10 * torch.stack(ratios).mean().log10()), passes, seconds]


def bundled(f: int | None, settings: Settings, chosen: Sequence[Sequence[str]], steps: int) -> list[float]:
    """Text score, agreement, seam, seconds of a story; f None is the model itself."""
    scorer = load_scorer("bundled")
    model = Guided(load_denoiser("bundled"), USUAL_GUIDANCE, rescale=USUAL_RESCALE, clamp=True)
    rows, began = [], time.perf_counter()
    for prompts in chosen:
        denoiser = model if f is None else InBlocks(model, f)
        state = sampled(denoiser, prompts, 0, {"steps": steps} | dict(settings))
        stack = finished(denoiser, state, Scene(2.0), "model")
        seams = [score.value for score in score_windows(stack) if score.score == "seam"]
        off = (state.estimate[:-1, :, 16:48, 16:48] - down(state.estimate[1:], 2)).square().mean((1, 2, 3))
        psnr = float((10 * torch.log10(4 / off)).mean())
        rows.append([float(scorer.text_image(stack.levels, prompts).mean()), psnr, sum(seams) / len(seams)])
    means = torch.tensor(rows).mean(0).tolist()
    return [*means, (time.perf_counter() - began) / len(chosen)]


def multiplications(module: nn.Module, *args: Any, **told: Any) -> float:
    """Billions of one call, on shapes alone."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(*args, **told)
    return counter.get_total_flops() / 2e9


def costs(side: int, config: Settings) -> list[float]:
    """Billions of multiplications for a level of z of that side: the model with guidance; decode and encode; tiny."""
    from diffusers import AutoencoderKL, AutoencoderTiny, UNet2DConditionModel

    blocks = {"down_block_types": ("DownEncoderBlock2D",) * 4, "up_block_types": ("UpDecoderBlock2D",) * 4}
    with torch.device("meta"):
        unet = UNet2DConditionModel(sample_size=side, in_channels=4, out_channels=4, **config)
        vae, tiny = AutoencoderKL(block_out_channels=WIDTHS, layers_per_block=2, **blocks), AutoencoderTiny()
        z, picture = torch.empty(1, 4, side, side), torch.empty(1, 3, side * 8, side * 8)
        words, time_ = torch.empty(1, 77, config["cross_attention_dim"]), torch.empty(1)
        added = {"text_embeds": torch.empty(1, 1280), "time_ids": torch.empty(1, 6)}
        passes = multiplications(unet, z, time_, words, added_cond_kwargs=added)
        parts = [(vae.decoder, z), (vae.encoder, picture), (tiny.decoder, z), (tiny.encoder, picture)]
        return [2 * passes, *(multiplications(part, x) for part, x in parts)]


EXACT = (("dB low", "", "", "high", "agreement dB", "codec", "s"), (1, 1, 1, 1, 1, 2, 1))
BUNDLED = (("text", "agreement dB", "seam", "s a story"), (1, 1, 2, 0))
COSTS = (("model, guided", "decode", "encode", "tiny: decode", "encode"), (0, 0, 0, 1, 1))
Table = tuple[str, tuple[tuple[str, ...], tuple[int, ...]], Iterator[tuple[str, list[float]]]]
"""Its title, its columns with the digits of their figures, and its rows, which are measured when asked for."""


def tables(asked: argparse.Namespace) -> Iterator[Table]:
    """What was asked for."""
    if "exact" in asked.parts:
        rows = {"each level by itself": {"alone": True}} | VARIANTS
        for f, kept, eta in ((8, 36, 0.0), (8, 36, 1.0), (4, 10, 0.0), (4, 10, 1.0)):
            found = ((name, exact(f, kept, eta, how, asked.seeds, asked.steps)) for name, how in rows.items())
            yield f"{f} x {f} to {kept}, eta {eta:g}", EXACT, found
    if "bundled" in asked.parts:
        chosen = stories()[: asked.stories]
        ways: list[tuple[str, int | None, Settings]] = [("the model itself, in pixels", None, {})]
        ways += [(name, 8, VARIANTS[name]) for name in SHOWN]
        yield "8 x 8, bundled", BUNDLED, ((name, bundled(f, how, chosen, asked.steps)) for name, f, how in ways)
    if "costs" in asked.parts:
        yield "multiplications, billions", COSTS, ((name, costs(*unet)) for name, unet in UNETS.items())


def show(one: Table) -> None:
    """Print a table as Markdown, row by row."""
    title, (columns, digits), rows = one
    print(f"\n| {title} | {' | '.join(columns)} |\n|---{'|---' * len(columns)}|", flush=True)
    for name, values in rows:
        print(f"| {name} | {' | '.join(f'{v:,.{d}f}' for v, d in zip(values, digits, strict=True))} |", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", default=["exact", "bundled", "costs"])
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--stories", type=int, default=2, choices=range(1, 6))
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if asked.json:
        print(json.dumps({title: dict(rows) for title, _, rows in tables(asked)}))
        return
    for one in tables(asked):
        show(one)


if __name__ == "__main__":
    main()
