"""What a run is given and need not make: a picture to start from, pictures of single levels, levels of another run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import torch
from PIL import Image, ImageOps
from safetensors.torch import load_file
from torch import Tensor

from tasks.errors import RefusedError
from tasks.run import GivenFile, Run
from tasks.specs import BaseSpec
from tasks.store import sha256_of
from zoomlib.images import from_pil, read_picture, to_pil
from zoomlib.reading import Notes, load_picture

Size = tuple[int, int]
"""(height, width) in pixels."""


def taken(path: Path) -> GivenFile:
    """A picture file with the hash of its content. Raises InvalidInputError where it is none."""
    load_picture(path)
    return GivenFile(path.resolve(), sha256_of(path))


def fit(path: Path, size: Size) -> Tensor:
    """The largest centred part of a picture that has the shape of a level, scaled to it; float32 (3, H, W)."""
    return from_pil(ImageOps.fit(to_pil(load_picture(path)[0]), (size[1], size[0]), Image.Resampling.LANCZOS))


def changes(path: Path, size: Size) -> Notes:
    """What reading and fitting a picture changes, a sentence each."""
    image, notes = load_picture(path)
    _, height, width = image.shape
    H, W = size
    scale = min(height / H, width / W)
    part = round(H * scale), round(W * scale)
    if part != (height, width):
        notes += (f"Of its {width} x {height} pixels the middle {part[1]} x {part[0]} are used, a level's shape.",)
    if scale < 1:
        notes += (f"It was enlarged to {W} x {H} pixels, a level's size, without new detail.",)
    return notes


def fitted_photo(run: Run, size: Size) -> Tensor | None:
    """The picture that the run starts from as a level of `size`, float32 (3, H, W) in [-1, 1]; None without one."""
    return None if run.photo is None else fit(run.photo.path, size)


def start_level(method: ModuleType, levels: int) -> int | None:
    """The level that a photograph is for; None where the method has no use for one."""
    return {"widest": 0, "deepest": levels - 1}.get(getattr(method, "PHOTO", ""))


def given_levels(run: Run) -> frozenset[int]:
    """Levels that need no model: their pictures are there."""
    kept = () if run.config.base is None else [i for i, own in enumerate(run.config.base.levels) if own is not None]
    return frozenset({*_kept_files(run), *kept})


def keeps_photo(run: Run) -> bool:
    """Whether the run's photograph becomes a level as it is; where levels are blended, one alone takes part in that."""
    return "feather" not in run.config.sampling or bool(run.images) or run.config.base is not None


def given_pictures(run: Run, size: Size) -> dict[int, Tensor]:
    """The pictures of single levels at `size`, float32 (3, H, W) in [-1, 1], from their files or from the base run.

    Levels of the base come at the size that they were sampled at bit for bit, and at that of its finished pictures;
    at other sizes they are not there. Raises RefusedError where the base has none of the size that is sampled.
    """
    given = {level: fit(picture.path, size) for level, picture in run.images.items()}
    base = run.config.base
    return given if base is None or base.sampled is None else given | _kept(run, base, size)


def _kept(run: Run, base: BaseSpec, size: Size) -> dict[int, Tensor]:
    levels = load_file(sampled_file(run, base))["levels"]
    kept = {level: own for level, own in enumerate(base.levels) if own is not None}
    if max(kept.values(), default=0) >= len(levels):
        raise RefusedError(f"Run {base.run} has {len(levels)} levels, but base.levels names {max(kept.values())}.")
    if tuple(levels.shape[-2:]) == size:
        return {level: levels[own] for level, own in kept.items()}
    if size == run.size_px:
        raise RefusedError(
            f"The levels of run {base.run} have {levels.shape[-1]} x {levels.shape[-2]} pixels, this model makes "
            f"{size[1]} x {size[0]}. Continue the run with the model that made it."
        )
    files = {level: stack_file(run, base, own) for level, own in kept.items()}
    finished = {level: read_picture(file).expand(3, -1, -1) for level, file in files.items() if file is not None}
    return {level: picture for level, picture in finished.items() if tuple(picture.shape[-2:]) == size}


def untouched(run: Run) -> dict[int, Tensor]:
    """Levels of the base in which nothing can have changed, windows and all: those deeper than what was made again,
    and all where the base was only gone on from. Some methods make windows anew even so, as that of a latent model."""
    base = run.config.base
    if base is None:
        return {}
    after = max(base.open, default=-2) + 1
    return {level: kept for level, kept in given_pictures(run, run.size_px).items() if level > after}


def finished_pictures(run: Run) -> dict[int, Tensor]:
    """The finished pictures of the base's `untouched` levels, (3, H, W), where they have the size that is sampled."""
    base = run.config.base
    if base is None:
        return {}
    kept = {level: base.levels[level] for level in untouched(run) if level < len(base.levels)}
    files = {level: stack_file(run, base, own) for level, own in kept.items() if own is not None}
    found = {level: read_picture(file).expand(3, -1, -1) for level, file in files.items() if file is not None}
    return {level: picture for level, picture in found.items() if tuple(picture.shape[-2:]) == run.size_px}


def sampled_file(run: Run, base: BaseSpec) -> Path:
    """The base's sampled levels in the store. Raises RefusedError where they are gone."""
    file = None if base.sampled is None else run.workshop.store.find(base.sampled, "safetensors")
    if file is None:
        raise RefusedError(f"The levels of run {base.run} are not in the store of {run.root} any more. Make it again.")
    return file


def stack_file(run: Run, base: BaseSpec, level: int) -> Path | None:
    """A finished picture of the base in the store, or None."""
    return run.workshop.store.find(base.stack[level], "png") if level < len(base.stack) else None


def put_back(run: Run, sampled: Tensor, levels: Tensor) -> Tensor:
    """Enlarged levels (L, 3, H, W) with the given pictures wherever sampling has kept these as they were.

    A picture that was given larger than it was sampled, or that a base has enlarged already, shows what it really
    holds and not what super-resolution makes of it.
    """
    out = levels.clone()
    for level, same, picture in _shown(run, sampled, (levels.shape[-2], levels.shape[-1])):
        out[level] = torch.where(same, picture, levels[level])
    return out


def known(run: Run, sampled: Tensor, size: Size, *, anywhere: bool = False) -> dict[int, Tensor]:
    """The given pictures at the size of enlarged levels, by level, that sampling has kept everywhere, or anywhere."""
    found = _shown(run, sampled, size)
    return {level: picture for level, same, picture in found if bool(same.any() if anywhere else same.all())}


def _shown(run: Run, sampled: Tensor, size: Size) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Levels with a picture that is known at their size, where sampling has kept it (H, W), and that picture."""
    if run.photo is None and not run.images and run.config.base is None:
        return
    small, large = _all_given(run, (sampled.shape[-2], sampled.shape[-1])), _all_given(run, size)
    factor = size[1] // sampled.shape[-1]
    for level in sorted(small.keys() & large.keys() - _coarse(run, size)):
        same = (sampled[level] == small[level]).all(0)
        yield level, same.repeat_interleave(factor, 0).repeat_interleave(factor, 1), large[level]


def _all_given(run: Run, size: Size) -> dict[int, Tensor]:
    return {level: fit(file.path, size) for level, file in _kept_files(run).items()} | given_pictures(run, size)


def _kept_files(run: Run) -> dict[int, GivenFile]:
    """The picture files whose levels show them as they are, the photograph among them where it is one."""
    start = start_level(run.method, len(run.story.levels))
    first = {} if run.photo is None or start is None or not keeps_photo(run) else {start: run.photo}
    return first | dict(run.images)


def _coarse(run: Run, size: Size) -> set[int]:
    """Levels whose picture has fewer pixels than the enlarged level: super-resolution knows more of it."""
    shapes = {level: load_picture(file.path)[0].shape for level, file in _kept_files(run).items()}
    return {level for level, (_, h, w) in shapes.items() if h < size[0] or w < size[1]}
