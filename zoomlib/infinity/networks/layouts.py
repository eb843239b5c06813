"""Weights of the released program (`hubert0527/infinityGAN`) under our names, and back.

A checkpoint of it is a pickle, which we do not read: dump the tensors of its EMA generator to a safetensors file first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from torch import Size, Tensor, device

from zoomlib.errors import InvalidInputError
from zoomlib.infinity.config import GeneratorConfig
from zoomlib.infinity.networks.pair import Networks

UNUSED = re.compile(r"\.kernel$|\.const_z\.|\.noises\.")
"""Its tensors that nothing is computed from, or that are the same in every model: filters, a constant, fixed noise."""


def from_released(state: Mapping[str, Tensor], config: GeneratorConfig) -> dict[str, Tensor]:
    """A state of `Networks(config)` from the released generator's tensors by name (a prefix "module." is let go).

    Raises:
        InvalidInputError: a tensor is missing, unknown or of another size, named with both shapes.
    """
    theirs = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    ours: dict[str, Tensor] = {}
    for name, (foreign, shape) in _table(config).items():
        if foreign not in theirs:
            raise InvalidInputError(
                f"Expected a tensor {foreign}; there is none. Give the whole state of its generator."
            )
        tensor = theirs.pop(foreign)
        if _squeezed(tensor.shape) != _squeezed(shape):
            raise InvalidInputError(
                f"{foreign} has the shape {tuple(tensor.shape)}; these sizes ask for {tuple(shape)}. "
                "Give the GeneratorConfig that it was trained with."
            )
        ours[name] = tensor.reshape(shape)
    if unknown := sorted(name for name in theirs if not UNUSED.search(name)):
        raise InvalidInputError(
            f"No place for {', '.join(unknown[:3])} in these sizes. Give those it was trained with."
        )
    return ours


def to_released(state: Mapping[str, Tensor], config: GeneratorConfig) -> dict[str, Tensor]:
    """The inverse: the released generator's trained tensors, to be loaded with `strict=False`.

    Without what nothing is computed from: its constant, fixed noise and filters.
    """
    return {
        foreign: state[name].reshape(_foreign_shape(foreign, state[name].shape))
        for name, (foreign, _) in _table(config).items()
    }


def _table(config: GeneratorConfig) -> dict[str, tuple[str, Size]]:
    """Of each of our tensors its name there and its shape here."""
    with device("meta"):
        shapes = {name: tensor.shape for name, tensor in Networks(config).state_dict().items()}
    return {name: (foreign, shapes[name]) for name, foreign in _names(config)}


def _names(config: GeneratorConfig) -> Iterator[tuple[str, str]]:
    for index in range(config.structure_layers):
        yield from _layer(f"structure.layers.{index}", f"structure_synthesizer.implicit_model.conv_stack.{index}.conv")
    for index in range(config.layers):
        ours, theirs = f"texture.layers.{index}", f"texture_synthesizer.convs.{index}"
        yield from _layer(ours, theirs)
        yield f"{ours}.noise_strength", f"{theirs}.noise.weight"
    for block in range(config.blocks):
        ours, theirs = f"texture.to_rgb.{block}", f"texture_synthesizer.to_rgbs.{block}"
        yield from _conv(ours, theirs)
        yield f"{ours}.bias", f"{theirs}.bias"
    for index in range(config.mapping_layers):
        for part in ("weight", "bias"):
            # Its layer 0 is the normalisation.
            yield f"texture.mapping.layers.{index}.{part}", f"texture_synthesizer.mapping.{index + 1}.{part}"


def _layer(ours: str, theirs: str) -> Iterator[tuple[str, str]]:
    yield from _conv(ours, theirs)
    yield f"{ours}.bias", f"{theirs}.activate.bias"


def _conv(ours: str, theirs: str) -> Iterator[tuple[str, str]]:
    yield f"{ours}.conv.weight", f"{theirs}.conv.weight"
    for part in ("weight", "bias"):
        yield f"{ours}.conv.affine.{part}", f"{theirs}.conv.modulation.{part}"


def _foreign_shape(name: str, shape: Size) -> tuple[int, ...]:
    if name.endswith(".conv.weight"):
        return (1, *shape)
    if name.endswith(".noise.weight"):
        return (1,)
    if re.search(r"to_rgbs\.\d+\.bias$", name):
        return (1, *shape, 1, 1)
    return tuple(shape)


def _squeezed(shape: Size) -> tuple[int, ...]:
    return tuple(side for side in shape if side != 1)
