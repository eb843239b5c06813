"""A codec that survives: too little memory, and half precision that is too coarse."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from zoomlib.denoiser import Codec
from zoomlib.errors import NoRoomError
from zoomlib.memory import gathered, is_out_of_memory, release

Note = Callable[[str], None]
"""Told, in a sentence, what was done otherwise than asked."""


def unheard(_: str) -> None:
    """The listener of a caller who wants no notes."""


class CarefulCodec:
    """A codec that takes one picture at a time, and does again what failed.

    Where memory runs out, what nobody uses is given back and the picture is taken again, then in tiles. Where half
    precision makes of finite numbers none, or one colour only (black, mostly), the codec goes over to float32 and stays
    there. The codec within may offer `tile()` and `widen()`, which switch to tiles and float32 and say whether they
    could. Raises NoRoomError where not even a tile has room.
    """

    def __init__(self, codec: Codec, on_note: Note = unheard) -> None:
        self.codec, self.on_note = codec, on_note
        self.factor = codec.factor

    def encode(self, images: Tensor) -> Tensor:
        """Pixels (L, 3, H, W) to latents, float32."""
        return gathered((self._one(self.codec.encode, image[None]) for image in images), len(images))

    def decode(self, latents: Tensor) -> Tensor:
        """Latents to pixels, float32."""
        return gathered((self._one(self.codec.decode, one[None]) for one in latents), len(latents))

    def _one(self, work: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        out = self._with_room(work, x)
        if _is_sound(out) or not _is_sound(x) or not self._switch("widen"):
            return out
        self.on_note("The autoencoder made no picture in half precision, so it works in float32 now.")
        return self._with_room(work, x)

    def _with_room(self, work: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        for attempt in range(3):
            try:
                return work(x)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
            release()  # not before the error has gone, which holds the tensors of all that failed
            if attempt == 1:
                if not self._switch("tile"):
                    break
                self.on_note(
                    "Memory ran out in the autoencoder, so it takes pictures in tiles now, which shows a little."
                )
        size = " x ".join(str(side) for side in reversed(x.shape[-2:]))
        raise NoRoomError(
            f"Memory ran out while the autoencoder took one picture ({size}), in tiles if it can. Use a smaller "
            "model.size, model.offload=model, or another device."
        )

    def _switch(self, name: str) -> bool:
        switch = getattr(self.codec, name, None)
        return bool(switch and switch())


def _is_sound(x: Tensor) -> bool:
    """Whether numbers are finite and not all the same."""
    low, high = x.detach().float().aminmax()
    return bool(torch.isfinite(high - low) & (high > low))
