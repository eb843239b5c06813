"""The zoom stack: levels that show each other, their rendering, and their place on disk."""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from zoomlib import photograph
from zoomlib.area import render
from zoomlib.blend import Mode, blend
from zoomlib.errors import InvalidInputError
from zoomlib.geometry import Box, Focus, Zoom, boxes, check_factors, check_focus, ring
from zoomlib.images import read_picture, save_png
from zoomlib.photograph import Photograph
from zoomlib.pyramid import nest

MANIFEST = "stack.json"
_FORMAT = 1
_RANGE_SLACK = 1e-3


def render_levels(levels: Tensor, p: int, focus: Focus = None, feather: float = 0.0, *, loop: bool = False) -> Tensor:
    """Pi_image of every level: each with all deeper ones in their windows. Float (L, C, H, W) -> the same.

    The window of level i equals the area-averaged level i+1. `feather`, 0 to 0.5, is the share of the window's side
    over which the paste fades in; with 0 (the paper, arXiv 2312.02149, Algorithm 1) the windows agree exactly.
    Raises InvalidInputError as `geometry.windows`, and for a feather outside 0 .. 0.5.
    """
    _check_feather(feather)
    L, _, H, W = levels.shape
    return nest(levels, p, ring(L, H, W, p, focus), feather=feather, loop=loop)


def _check_feather(feather: float) -> None:
    if not 0 <= feather <= 0.5:
        raise InvalidInputError(f"feather is a share of the window's side between 0 and 0.5, but is {feather!r}.")


def consolidate(
    levels: Tensor,
    p: int,
    *,
    blending: Mode = "laplacian",
    coarse_weight: float = 1.0,
    feather: float = 0.0,
    focus: Focus = None,
    loop: bool = False,
    photo: Photograph | None = None,
    photo_mode: photograph.Mode = "projection",
) -> Tensor:
    """Blend, then render: levels that disagree in, levels that show each other out. Float (L, C, H, W) -> the same.

    With a photograph, the levels are moved towards it before blending; with mode `projection`, what comes out shows it
    exactly. Arguments and errors as of `blend`, `render_levels` and `Photograph.apply`.
    """
    held = levels if photo is None else photo.apply(levels, photo_mode)
    blended = blend(held, p, blending, focus, coarse_weight, loop=loop)
    if photo is None or photo_mode == "adam":
        return render_levels(blended, p, focus, feather, loop=loop)
    # Up-sampling in the blend and soft windows move the means of cells a little: projecting again keeps them exact.
    rendered = render_levels(photo.project(blended), p, focus, feather, loop=loop)
    return photo.project(rendered) if feather else rendered


def bounded(levels: Tensor, p: Zoom, focus: Focus = None, *, loop: bool = False) -> Tensor:
    """Levels (L, C, H, W) whose windows agree, clamped to [-1, 1] so that they still do: the mean of what was clamped
    is not the clamped mean."""
    low, high = levels.aminmax()
    if low >= -1 and high <= 1:
        return levels
    return ZoomStack(levels.clamp(-1, 1), p, focus, loop).rendered().levels


@dataclass(frozen=True, eq=False)
class ZoomStack:
    """The levels of a zoom: float32 (L, C, H, W) in [-1, 1], the zoom factor p > 1 between them, and the focus.

    `p` may name one factor for each of the L - 1 steps. In a closed `loop` the last level has a window, too, which
    shows level 0. Raises InvalidInputError for another type, shape or range, for a malformed p or focus, and for a loop
    of one level or whose steps differ.
    """

    levels: Tensor
    p: Zoom
    focus: Focus = None
    loop: bool = False

    def __post_init__(self) -> None:
        x = self.levels
        if not isinstance(x, Tensor) or x.ndim != 4 or x.dtype != torch.float32 or 0 in x.shape:
            got = f"{x.dtype} {tuple(x.shape)}" if isinstance(x, Tensor) else type(x).__name__
            raise InvalidInputError(f"A zoom stack holds float32 levels of shape (L, C, H, W), not {got}.")
        low, high = x.aminmax()
        if low.isnan():
            raise InvalidInputError("The levels of a zoom stack hold values that are not numbers. Sample them again.")
        if not (low >= -1 - _RANGE_SLACK and high <= 1 + _RANGE_SLACK):
            raise InvalidInputError(
                f"The levels of a zoom stack lie in [-1, 1], but these reach from {low:.3g} to {high:.3g}. Clamp them."
            )
        boxes(len(x), x.shape[2], x.shape[3], self.p, self.focus)
        if self.loop:
            _check_closed(self.factors, self.p)
        if isinstance(self.p, Sequence):
            object.__setattr__(self, "p", self.factors)
        if self.focus is not None:
            object.__setattr__(self, "focus", check_focus(len(x), self.focus))

    def __len__(self) -> int:
        return len(self.levels)

    @property
    def factors(self) -> tuple[float, ...]:
        """The zoom factor of each step: level i + 1 shows a part of level i that is factors[i] times smaller."""
        return check_factors(len(self), self.p)

    @property
    def windows(self) -> tuple[Box, ...]:
        """The window of level i+1 inside level i, in pixels, for i = 0 .. L-2."""
        return boxes(len(self), self.levels.shape[2], self.levels.shape[3], self.p, self.focus)

    @property
    def ring(self) -> tuple[Box, ...]:
        """As `windows`, in a loop with one more: that of the last level, which shows level 0."""
        if not self.loop:
            return self.windows
        H, W = self.levels.shape[2:]
        return boxes(len(self) + 1, H, W, self.factors[0], self.focus and (*self.focus, None))

    def image(self, i: int, feather: float = 0.0) -> Tensor:
        """Level i with all deeper ones pasted in, float32 (C, H, W). Feather as in `render_levels`.

        Every pixel that lies wholly in the next level's window shows its mean there, at any p.
        """
        if not 0 <= i < len(self):
            raise InvalidInputError(f"This stack has levels 0 to {len(self) - 1}, not {i!r}.")
        _check_feather(feather)
        if self.loop:
            return self.rendered(feather).levels[i]
        p = self.p[i:] if isinstance(self.p, Sequence) else self.p
        return ZoomStack(self.levels[i:], p, self.focus and self.focus[i:]).rendered(feather).levels[0]

    def rendered(self, feather: float = 0.0) -> "ZoomStack":
        """The stack of all `image`s: levels that agree. Raises InvalidInputError for a loop whose windows lie between
        pixels."""
        p = self._divisor
        if p is not None:
            levels = render_levels(self.levels, p, self.focus, feather, loop=self.loop)
        elif self.loop:
            raise InvalidInputError(
                f"A closed loop is rendered on whole pixels, and {tuple(self.levels.shape[2:])} cannot be divided by "
                f"p = {self.p}."
            )
        else:
            levels = torch.stack(render(list(self.levels), self.windows, self.p, feather))
        return ZoomStack(levels, self.p, self.focus, self.loop)

    @property
    def _divisor(self) -> int | None:
        """The factor of every step, if there is one that divides levels into whole pixels."""
        H, W = self.levels.shape[2:]
        if isinstance(self.p, Sequence) or self.p != int(self.p) or H % int(self.p) or W % int(self.p):
            return None
        return int(self.p)

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write level_00.png, level_01.png, ... (8 bit, lossless) and, last, the manifest with their SHA-256."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MANIFEST).unlink(missing_ok=True)
        for stale in folder.glob("level_*.png"):
            stale.unlink()
        entries = []
        for i, level in enumerate(self.levels):
            path = folder / f"level_{i:02d}.png"
            save_png(level, path)
            entries.append({"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()})
        manifest = {"format": _FORMAT, "p": self.p, "focus": self.focus, "levels": entries}
        manifest |= {"loop": True} if self.loop else {}
        temporary = folder / f".{MANIFEST}.{os.getpid()}"
        temporary.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        temporary.replace(folder / MANIFEST)
        return folder

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> "ZoomStack":
        """Read what `save` wrote. Raises InvalidInputError where a file is missing or differs from the manifest."""
        folder = Path(folder)
        p, focus, loop, files = _read_manifest(folder)
        levels = [_read_level(folder / name, sha256) for name, sha256 in files]
        for (name, _), level in zip(files, levels, strict=True):
            if level.shape != levels[0].shape:
                shapes = tuple(levels[0].shape), tuple(level.shape)
                raise InvalidInputError(
                    f"The levels of a zoom stack are of one size and kind: {files[0][0]} is {shapes[0]}, {name} is "
                    f"{shapes[1]} (channels, height, width). Bring them to one size; tenfold compose can do so."
                )
        return cls(torch.stack(levels), p, focus, loop)


def _check_closed(factors: Sequence[float], p: Zoom) -> None:
    if len(set(factors)) != 1:
        raise InvalidInputError(
            f"A closed loop has two levels or more and one zoom factor for all, not {len(factors) + 1} levels and "
            f"p = {p}."
        )


def _read_manifest(folder: Path) -> tuple[Zoom, Focus, bool, list[tuple[str, str]]]:
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if manifest["format"] != _FORMAT:
            raise ValueError(f"its format is {manifest['format']!r}, not {_FORMAT}")
        files = [(f"level_{i:02d}.png", str(entry["sha256"])) for i, entry in enumerate(manifest["levels"])]
        focus = manifest["focus"]
        if not files:
            raise ValueError("it names no levels")
        focus = focus and tuple(point and tuple(point) for point in focus)
        return manifest["p"], focus, bool(manifest.get("loop", False)), files
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInputError(
            f"{folder} is not a complete zoom stack: {MANIFEST} cannot be used ({error!r}). Sample the stack again."
        ) from error


def _read_level(path: Path, sha256: str) -> Tensor:
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        raise InvalidInputError(f"{path} is missing or differs from the manifest beside it. Sample the stack again.")
    return read_picture(path)
