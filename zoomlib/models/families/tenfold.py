"""The bundled model and its like: a UNet in pixel space, on patches, with one CLIP text tower."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zoomlib.denoiser import Codec, IdentityCodec
from zoomlib.ladder import Step
from zoomlib.models.backbone import Facts, Parts, Rows
from zoomlib.models.files.folder import Folder, read_tokenizer, size_of
from zoomlib.models.noise.schedule import VariancePreserving, check_betas, most_steps
from zoomlib.models.unet import check_channels, kept_rows, run_unet, seen


def fits(parts: Mapping[str, str]) -> bool:
    """A UNet without an autoencoder, and CLIP."""
    return (
        parts.get("unet") == "UNet2DConditionModel"
        and parts.get("text_encoder") == "CLIPTextModel"
        and not parts.keys() & {"vae", "vqvae", "transformer", "text_encoder_2"}
    )


def facts(folder: Folder) -> Facts:
    """What its configuration says."""
    config, patch = folder.config("unet"), _patch(folder)
    channels, inpaints = check_channels(config, patch)
    height, width = size_of(config)
    scheduler = folder.config("scheduler")
    check_betas(scheduler)
    return Facts(
        family="pixel UNet",
        channels=channels,
        size=(height * patch, width * patch),
        factor=1,
        parts=("unet", "text_encoder", "tokenizer", "scheduler"),
        multiple=patch * 2 ** (len(config["block_out_channels"]) - 1),
        inpaints=inpaints,
        guidance=2.0,
        rescale=0.7,
        clamp=True,
        most_steps=most_steps(scheduler),
    )


def load(folder: Folder, dtype: torch.dtype) -> Parts:
    """The model, on the CPU."""
    import transformers
    from diffusers import UNet2DConditionModel

    modules = {
        "unet": folder.module("unet", UNet2DConditionModel, dtype),
        "text_encoder": folder.module("text_encoder", transformers.CLIPTextModel, dtype),
    }
    text = TextTower(read_tokenizer(folder.path / "tokenizer"), modules["text_encoder"])
    backbone = _Backbone(modules["unet"], text, _patch(folder))
    return Parts(backbone, VariancePreserving(folder.config("scheduler")), IdentityCodec(), modules)


class _Backbone:
    def __init__(self, unet: nn.Module, text: TextTower, patch: int) -> None:
        self.network, self.text, self.patch = unet, text, patch

    def words(self, prompts: Sequence[str]) -> Rows:
        return {"text": self.text(prompts)}

    def kept(self, image: Tensor, mask: Tensor, codec: Codec) -> Rows:
        return kept_rows(image, mask, codec)

    def predict(self, z: Tensor, step: Step, rows: Mapping[str, Tensor]) -> Tensor:
        out = run_unet(self.network, seen(z, rows, self.patch), step.time, rows["text"])
        return F.pixel_shuffle(out, self.patch)


class TextTower:
    """A tokenizer and a CLIP text model of transformers."""

    def __init__(self, tokenizer: Any, encoder: nn.Module) -> None:
        self.tokenizer, self.encoder = tokenizer, encoder

    @torch.no_grad()
    def __call__(self, texts: Sequence[str]) -> Tensor:
        """Hidden states of all tokens, float32 (B, tokens, width). A text that is too long keeps its end token."""
        config: Any = self.encoder.config
        length = config.max_position_embeddings
        ids = self.tokenizer(list(texts), padding="max_length", max_length=length, truncation=True, return_tensors="pt")
        device = next(self.encoder.parameters()).device
        return self.encoder(ids.input_ids.to(device)).last_hidden_state.float()  # type: ignore[no-any-return]


def _patch(folder: Folder) -> int:
    return int(folder.index.get("patch_size", 1))
