"""Levels shared out among several devices, each with a model of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch
from torch import Tensor

from zoomlib.denoiser import Codec, Condition, Denoiser, Wrapper, draft_of
from zoomlib.errors import InvalidInputError
from zoomlib.ladder import Step

Part = TypeVar("Part")


class Sharded(Wrapper):
    """Replicas of one model on several devices, each with its share of the levels: the same estimates, sooner.

    Everything but estimates and pictures is the first one's, where all tensors live. Raises InvalidInputError where
    there is none, or where they are not of one shape.
    """

    def __init__(self, replicas: Sequence[Denoiser]):
        if not replicas or len({(one.shape, one.inpaints) for one in replicas}) != 1:
            shapes = [tuple(one.shape) for one in replicas]
            raise InvalidInputError(f"Levels are shared among replicas of one model, not of shapes {shapes}.")
        super().__init__(replicas[0])
        self.replicas = replicas
        self._pool = ThreadPoolExecutor(len(replicas), thread_name_prefix="device")
        self._codec = ShardedCodec([one.codec for one in replicas], self._pool)
        drafts = [draft_of(one) for one in replicas]
        own = all(draft is one.codec for draft, one in zip(drafts, replicas, strict=True))
        self._draft = self._codec if own else ShardedCodec(drafts, self._pool)

    @property
    def codec(self) -> Codec:
        """From and to pixels, on all devices."""
        return self._codec

    @property
    def draft(self) -> Codec:
        """The codec for estimates on the way, on all devices."""
        return self._draft

    def predict_clean(self, z: Tensor, step: Step, condition: Condition) -> Tensor:
        """The estimates of all replicas, float32 (L, C, H, W), on the first one's device."""

        def estimate(one: Denoiser, share: slice) -> Tensor:
            told = {name: rows.to(one.device) for name, rows in condition[share].rows.items()}
            return one.predict_clean(z[share].to(one.device), step, Condition(told)).to(z.device)

        return torch.cat(_shared(self._pool, estimate, self.replicas, len(z)))


class ShardedCodec:
    """Pictures shared out among the codecs of several replicas."""

    def __init__(self, codecs: Sequence[Codec], pool: ThreadPoolExecutor):
        self.codecs, self._pool = codecs, pool
        self.factor = codecs[0].factor

    def encode(self, images: Tensor) -> Tensor:
        """Pixels to latents, on the pixels' device."""
        work = [codec.encode for codec in self.codecs]
        return torch.cat(
            _shared(self._pool, lambda encode, share: encode(images[share]).to(images.device), work, len(images))
        )

    def decode(self, latents: Tensor) -> Tensor:
        """Latents to pixels, on the latents' device."""
        work = [codec.decode for codec in self.codecs]
        return torch.cat(
            _shared(self._pool, lambda decode, share: decode(latents[share]).to(latents.device), work, len(latents))
        )


def _shared(
    pool: ThreadPoolExecutor, work: Callable[[Part, slice], Tensor], workers: Sequence[Part], L: int
) -> list[Tensor]:
    """The work on L levels in as many shares as there are workers and levels, at once, in the order of the levels."""
    grad, count = torch.is_grad_enabled(), min(len(workers), L)
    edges = [L * k // count for k in range(count + 1)]

    def run(worker: Part, share: slice) -> Tensor:
        with torch.set_grad_enabled(grad):  # which is a thread's own
            return work(worker, share)

    shares = map(slice, edges, edges[1:])
    return [job.result() for job in [pool.submit(run, one, share) for one, share in zip(workers, shares, strict=False)]]
