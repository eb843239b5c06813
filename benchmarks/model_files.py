"""How long it takes to know what a large model is, and what decoding a picture keeps in memory.

The model is a folder in Stable Diffusion's format whose UNet is a file with holes: as long as asked for, empty on the
disk. Nothing is loaded.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import torch

from tests.doubles.tiny_pipelines import latent_pipeline
from zoomlib.memory import Meter
from zoomlib.models import Sources, describe
from zoomlib.models.files import digests

UNET = "unet/diffusion_pytorch_model.safetensors"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gb", type=float, default=20.0)
    parser.add_argument("--sides", type=int, nargs="+", default=[128, 256], help="of decoded pictures in pixels")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = described(options.gb) | {f"decode_{side}px_bytes_per_pixel": decoded(side) for side in options.sides}
    if options.json:
        print(json.dumps(found, indent=1))
    else:
        for name, value in found.items():
            print(f"{name:40} {value:10.3f}")


def described(gb: float) -> dict[str, float]:
    """Seconds to describe a model of that size: at first, again in another process, and in a hub's cache."""
    with tempfile.TemporaryDirectory() as work:
        folder, _ = latent_pipeline(Path(work), 4)
        hollow(folder / UNET, gb)
        sources = Sources(digests=Path(work) / "digests.json")
        first = seconds(folder, sources)
        again = seconds(folder, sources)
        blob = Path(work) / "blobs" / ("0" * 64)
        blob.parent.mkdir()
        (folder / UNET).rename(blob)
        (folder / UNET).symlink_to(blob)
        return {"first_s": first, "again_s": again, "hub_cache_s": seconds(folder, Sources())}


def seconds(folder: Path, sources: Sources) -> float:
    """To describe a model, as a new process would."""
    digests._SEEN.clear()
    began = time.perf_counter()
    describe(folder, sources=sources)
    return time.perf_counter() - began


def hollow(file: Path, gb: float) -> None:
    """Make a safetensors file of one tensor of zeros, which takes no room on the disk."""
    count = int(gb * 1e9) // 4
    header = json.dumps({"x": {"dtype": "F32", "shape": [count], "data_offsets": [0, 4 * count]}}).encode()
    header += b" " * (-len(header) % 8)
    with file.open("wb") as content:
        content.write(len(header).to_bytes(8, "little") + header)
        content.truncate(8 + len(header) + 4 * count)


@torch.no_grad()
def decoded(side: int) -> float:
    """Bytes of tensors per pixel while Stable Diffusion's autoencoder, of random weights, decodes one picture."""
    from diffusers import AutoencoderKL

    vae = AutoencoderKL(
        block_out_channels=(128, 256, 512, 512),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=2,
        latent_channels=4,
    ).eval()
    with Meter() as meter:
        vae.decode(torch.randn(1, 4, side // 8, side // 8))
    return meter.peak / side**2


if __name__ == "__main__":
    main()
