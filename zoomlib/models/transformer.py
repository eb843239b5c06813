"""What families of transformers share: patches as sequences, places, and that most do not inpaint."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from zoomlib.denoiser import Codec
from zoomlib.errors import InvalidInputError
from zoomlib.models.backbone import Rows


class TextOnly:
    """The base of backbones that are told of words alone."""

    def kept(self, image: Tensor, mask: Tensor, codec: Codec) -> Rows:  # noqa: ARG002 - what inpainting ones are given
        """Raises InvalidInputError: there is no input for a picture."""
        raise InvalidInputError("This model has no input for a kept picture. Use one that inpaints.")


def own_type(network: nn.Module) -> torch.dtype:
    """The float type that a network computes in."""
    return next(network.parameters()).dtype


def packed(z: Tensor, patch: int) -> Tensor:
    """(L, C, H, W) to (L, patches in reading order, C patch patch)."""
    return F.pixel_unshuffle(z, patch).flatten(2).mT


def unpacked(tokens: Tensor, size: tuple[int, int], patch: int) -> Tensor:
    """The inverse of `packed` for z of that height and width."""
    rows, columns = size[0] // patch, size[1] // patch
    return F.pixel_shuffle(tokens.mT.reshape(len(tokens), -1, rows, columns), patch)


def places(rows: int, columns: int, device: torch.device) -> Tensor:
    """Where each patch lies: float32 (rows columns, 3) of 0, row and column."""
    row, column = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    return torch.stack([torch.zeros_like(row), row, column], 2).flatten(0, 1).float().to(device)


def filled_up(texts: Sequence[Tensor] | Tensor, length: int) -> Tensor:
    """Texts of any number of tokens, each (tokens, ...), as (L, length, ...), with zeros behind."""
    short = pad_sequence(list(texts), batch_first=True)
    whole = short.new_zeros(len(short), length, *short.shape[2:])
    whole[:, : short.shape[1]] = short
    return whole
