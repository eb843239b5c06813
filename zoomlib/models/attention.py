"""Self-attention maps of diffusers' UNets and transformers, read while they run; the models stay as they are.

Nothing of the model is replaced: hooks say which attention layer is at work, and a `TorchFunctionMode` sees the queries
and keys that its own processor hands to torch, after norms and rotary embeddings.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from zoomlib.denoiser import AttentionMaps
from zoomlib.errors import InvalidInputError

USUAL_GRID = 16
WORDS_FIRST = {
    "AttnAddedKV": True,
    "SlicedAttnAddedKV": True,
    "JointAttn": False,
    "FusedJointAttn": False,
    "FluxAttn": True,
    "FusedFluxAttn": True,
    "QwenDoubleStream": True,
    "ZSingleStream": False,
}
"""Whether the words' tokens stand before the picture's in a layer of both, by how its processor's class name begins."""
WORDS_ALONE = "context_refiner"
"""In the names of layers in which words look at words."""


@dataclass(eq=False)
class Layer:
    """One call of one attention layer: what it was given, and how to get the probabilities that it used."""

    name: str
    processor: str
    batch: int
    tokens: int
    words: int | None
    parts: list[Callable[[], Tensor]] = field(default_factory=list)
    lengths: tuple[int, int] | None = None

    @property
    def looks_at_itself(self) -> bool:
        """Whether keys come from the picture's tokens, with or without the words'."""
        return self.words is None or (self.lengths is not None and self.lengths[1] == self.tokens + self.words)

    def picture_map(self, tokens: int) -> Tensor:
        """Probabilities from picture to picture, the mean over the heads: float32 (B, tokens, tokens)."""
        whole = torch.cat([part().flatten(0, -3) for part in self.parts])
        mean: Tensor = whole.view(self.batch, -1, *whole.shape[-2:]).mean(1)
        if mean.shape[2] == tokens:
            return mean
        own = slice(-tokens, None) if self._words_first() else slice(tokens)
        return mean[:, own if mean.shape[1] > tokens else slice(None), own]

    def _words_first(self) -> bool:
        for start, first in WORDS_FIRST.items():
            if self.processor.startswith(start):
                return first
        raise InvalidInputError(
            f"Layer {self.name} attends to picture and words at once with {self.processor}, and it is not known here "
            f"which come first. Known are processors whose names begin with {', '.join(WORDS_FIRST)}."
        )


class Watch(TorchFunctionMode):
    """The attention of one forward pass in this thread. Made by `watch_attention`."""

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__()
        self.size, self.layers = size, list[Layer]()
        self._tokens: int | None = None
        self._open: list[Layer] = []
        self._thread = threading.get_ident()

    def maps(self, grid: int | None = None) -> AttentionMaps:
        """The maps of all self-attention layers of one grid, averaged over heads and layers.

        `grid` is the shorter side of the wanted grid; None takes the one nearest 16. Raises InvalidInputError, which
        names what there is, where no layer has it.
        """
        found = self._by_grid()
        wanted = self._nearest(found) if grid is None else [g for g in found if min(g) == grid]
        if not wanted:
            raise InvalidInputError(self._nothing(found, grid))
        chosen = wanted[0]
        total = sum(layer.picture_map(math.prod(chosen)) for layer in found[chosen])
        return AttentionMaps(torch.as_tensor(total) / len(found[chosen]), chosen)

    def _by_grid(self) -> dict[tuple[int, int], list[Layer]]:
        found: dict[tuple[int, int], list[Layer]] = {}
        for layer in self.layers:
            if layer.looks_at_itself and layer.parts and WORDS_ALONE not in layer.name:
                found.setdefault(grid_of(self._tokens or layer.tokens, self.size), []).append(layer)
        return found

    @staticmethod
    def _nearest(found: Mapping[tuple[int, int], object]) -> list[tuple[int, int]]:
        return sorted(found, key=lambda g: (abs(math.log2(min(g) / USUAL_GRID)), -min(g)))[:1]

    def _nothing(self, found: Mapping[tuple[int, int], object], grid: int | None) -> str:
        if found:
            there = ", ".join(f"{h} x {w}" for h, w in sorted(found))
            return (
                f"The model has no self-attention on a grid of {grid}; it has {there}. Choose one by its shorter side."
            )
        blind = sorted({layer.processor for layer in self.layers if layer.words is None and not layer.parts})
        what = f"it attends by {', '.join(blind)}" if blind else "it has no self-attention layers"
        return (
            f"This model shows no self-attention maps: {what}. Attention alignment needs softmax attention by torch; "
            "switch stage 1 off, or use another model or attention processor."
        )

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run the function, and note what an attention layer at work does with it."""
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        if self._open:
            if func is F.scaled_dot_product_attention:
                self._note(lambda: probabilities(*args, **kwargs), args, kwargs)
            elif func in (F.softmax, torch.softmax, Tensor.softmax):
                layer = self._open[-1]
                layer.parts.append(out.float)
                layer.lengths = (out.shape[-2], out.shape[-1])
        return out

    def _note(self, part: Callable[[], Tensor], args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        query, key = (args[k] if len(args) > k else kwargs[name] for k, name in enumerate(("query", "key")))
        self._open[-1].parts.append(part)
        self._open[-1].lengths = (query.shape[-2], key.shape[-2])

    def enter_root(self, _: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Note how many of a transformer's tokens are the picture's, where it takes tokens."""
        if threading.get_ident() == self._thread:
            x: Any = args[0] if args else kwargs.get("hidden_states", kwargs.get("sample"))
            if isinstance(x, Tensor):
                self._tokens = x.shape[1] if x.ndim == 3 else None
            else:  # a list of pictures (C, 1, H, W), which the model cuts into patches of 2 x 2 itself
                self._tokens = math.prod(x[0].shape[2:]) // 4

    def enter(self, name: str, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """An attention layer begins."""
        if threading.get_ident() == self._thread:
            x = args[0] if args else kwargs["hidden_states"]
            words = args[1] if len(args) > 1 else kwargs.get("encoder_hidden_states")
            tokens = x.shape[1] if x.ndim == 3 else math.prod(x.shape[2:])
            kind = type(getattr(module, "processor", module)).__name__
            self._open.append(Layer(name, kind, len(x), tokens, None if words is None else words.shape[1]))

    def leave(self) -> None:
        """It ends."""
        if threading.get_ident() == self._thread:
            self.layers.append(self._open.pop())


@contextmanager
def watch_attention(model: nn.Module, size: tuple[int, int]) -> Iterator[Watch]:
    """Within, every forward pass of `model` in this thread leaves its attention in the Watch; after, no trace is left.

    `size`: height and width of what the model sees, from which its grids follow. Maps are differentiable where the pass
    was. They cost the memory of an L x N x N map for each head.
    """
    watch = Watch(size)
    with ExitStack() as stack:
        stack.callback(model.register_forward_pre_hook(watch.enter_root, with_kwargs=True).remove)
        for name, module in model.named_modules():
            if hasattr(module, "get_processor") and hasattr(module, "set_processor"):
                for handle in _hooks(watch, name, module):
                    stack.callback(handle.remove)
        stack.enter_context(watch)
        yield watch


def _hooks(watch: Watch, name: str, module: nn.Module) -> list[Any]:
    def begin(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        watch.enter(name, module, args, kwargs)

    def end(*_: Any) -> None:
        watch.leave()

    return [module.register_forward_pre_hook(begin, with_kwargs=True), module.register_forward_hook(end)]


def probabilities(
    query: Tensor,
    key: Tensor,
    value: Tensor,  # noqa: ARG001 - the arguments of torch's attention
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,  # noqa: ARG001 - models here are ready for use and drop nothing
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """What `scaled_dot_product_attention` with these arguments weighs values by: float32 (..., queries, keys)."""
    if enable_gqa:
        key = key.repeat_interleave(query.shape[-3] // key.shape[-3], -3)
    scores = query.float() @ key.float().mT * (query.shape[-1] ** -0.5 if scale is None else scale)
    if is_causal:
        scores = scores.masked_fill(torch.ones_like(scores, dtype=torch.bool).triu(1), -math.inf)
    if attn_mask is not None:
        scores = scores.masked_fill(~attn_mask, -math.inf) if attn_mask.dtype == torch.bool else scores + attn_mask
    return scores.softmax(-1)


def grid_of(tokens: int, size: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of that many tokens over a picture of that height and width: the fitting shape nearest to it.

    >>> grid_of(384, (64, 96))
    (16, 24)
    """
    rows = math.sqrt(tokens * size[0] / size[1])
    fitting = [h for h in range(1, tokens + 1) if tokens % h == 0]
    best = min(fitting, key=lambda h: abs(math.log(h / rows)))
    return best, tokens // best
