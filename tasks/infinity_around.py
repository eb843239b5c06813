"""What lies around pictures: outpainting of one, by several seeds, and what leads from one picture to another."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tasks.errors import RefusedError
from tasks.events import Listener, StageDone, ignore
from tasks.infinity_pictures import Placed, invert
from tasks.infinity_plan import check_absent, check_time, planned
from tasks.infinity_render import TILES, loaded, write
from tasks.infinity_spec import KEY, WindowSpec
from tasks.machine import check_room, existing_parent
from tasks.versions import software
from zoomlib.infinity.config import GeneratorConfig
from zoomlib.infinity.generator import Described
from zoomlib.infinity.inversion.area import area_of
from zoomlib.infinity.inversion.between import between, checked_blur, gaps_between, smallest_gap_px
from zoomlib.infinity.inversion.outpainting import outpainted
from zoomlib.infinity.streams.remainder import kept_bytes
from zoomlib.infinity.streams.writing import Estimate, check_target


@dataclass(frozen=True)
class Paste:
    """Whether the pictures' own pixels are laid over their likeness, and over how many pixels they fade in there."""

    own: bool = False
    feather_px: int = 0

    def __post_init__(self) -> None:
        if self.feather_px < 0 or (self.feather_px and not self.own):
            raise RefusedError(
                f"--feather is over how many pixels a pasted picture fades in, 0 or more, with --paste; got "
                f"{self.feather_px}."
            )


@dataclass(frozen=True)
class Surroundings:
    """Windows around one picture, or two, that are to be painted: found possible, as far as that can be seen.

    windows: one for each target. estimate: what one of them takes. blur_px: between two pictures, None for the widest.
    made: targets that the same work has made before it was interrupted. force: in the place of what is there.
    """

    pictures: tuple[Placed, ...]
    windows: tuple[WindowSpec, ...]
    targets: tuple[Path, ...]
    about: Described
    estimate: Estimate
    paste: Paste
    blur_px: int | None = None
    made: frozenset[Path] = frozenset()
    force: bool = False


def plan_around(
    pictures: Sequence[Placed],
    window: WindowSpec,
    seeds: Sequence[int],
    target: Path,
    about: Described,
    paste: Paste,
    *,
    force: bool = False,
    blur_px: int | None = None,
) -> Surroundings:
    """One window for each seed; of several, those stay that the same work has made before it was interrupted.

    Raises RefusedError and InvalidInputError as `plan_painting`.
    """
    _check_feather(pictures, paste)
    targets = tuple(target if len(seeds) == 1 else target.with_stem(f"{target.stem}-{seed}") for seed in seeds)
    windows = tuple(replace(window, seed=seed) for seed in seeds)
    estimate = planned(window, target)[1]
    work = Surroundings(tuple(pictures), windows, targets, about, estimate, paste, blur_px, force=force)
    work = replace(work, made=_made(work))
    missing = [one for one in targets if one not in work.made]
    for one in missing:
        check_absent(one, force=force)
        check_target(one, window.height, window.width, needed=estimate.disk_bytes)
    check_time(estimate, window.look.workers, force=force)
    if len(missing) > 1:
        beside = estimate.disk_bytes - estimate.file_bytes
        check_all(target, estimate.file_bytes * len(missing) + beside - sum(map(kept_bytes, missing)))
    return work


def check_all(target: Path, needed: int) -> None:
    """Raise RefusedError where the disk has no room for all pictures together."""

    check_room(
        existing_parent(target.parent), needed, "all pictures together", "Ask for fewer --seeds or another --out."
    )


def _check_feather(pictures: Sequence[Placed], paste: Paste) -> None:
    """Refuse what pasting would only after the inversion."""
    most = min(min(one.size) for one in pictures) // 2
    if paste.feather_px > most:
        raise RefusedError(
            f"A picture fades in over half of its shorter side at most, {most} px here; got --feather "
            f"{paste.feather_px}."
        )


def _made(work: Surroundings) -> frozenset[Path]:
    """Targets that are there and that this very work has made, by what stands beside them; none if all are there."""
    there = [target.exists() for target in work.targets]
    if work.force or all(there) or not any(there):
        return frozenset()
    found = zip(work.windows, work.targets, strict=True)
    return frozenset(target for window, target in found if target.exists() and _is_made(work, window, target))


def _is_made(work: Surroundings, window: WindowSpec, target: Path) -> bool:
    try:
        told = json.loads(target.with_name(f"{target.name}.json").read_text(encoding="utf-8"))
        same = {**_told(work, window), "software": software()}
        return bool(told["revision"] == work.about.revision and _bare(told[KEY]) == _bare(same))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _bare(told: Any) -> Any:
    """What stands beside a picture without how many processes and devices have painted it, which changes nothing."""
    told = json.loads(json.dumps(told))
    for of in told.values():
        if isinstance(of, dict):
            look = of["seen"]["look"]
            look |= {"workers": 1, "device": sorted({name.partition(":")[0] for name in look["device"].split(",")})}
    return told


def paint_around(work: Surroundings, *, on_event: Listener = ignore) -> list[Path]:
    """Invert what is not yet, and paint; the files, each with one beside it that says what made it."""
    generator = loaded(work.windows[0].look, on_event)
    found = [invert(one, generator, on_event=on_event) for one in work.pictures]
    made = []
    for window, target in zip(work.windows, work.targets, strict=True):
        if target in work.made:
            made.append(target)
            on_event(StageDone(TILES, False, 0.0))
            continue
        how: dict[str, Any] = {"seed": window.seed, "paste": work.paste.own, "feather_px": work.paste.feather_px}
        how |= {"cells": window.look.cells, "batch": window.look.batch}
        if len(found) == 1:
            plane = outpainted(generator, found[0], **how)
        else:
            plane = between(generator, found[0], found[1], blur_px=work.blur_px, **how)
        with plane:
            made.append(write(plane, window, target, _told(work, window), on_event, force=work.force))
    return made


def _told(work: Surroundings, window: WindowSpec) -> dict[str, Any]:
    """What stands beside a picture: the inversions hold the rest."""
    kind = "outpainted" if len(work.pictures) == 1 else "between"
    pictures = [
        {
            "name": one.name,
            "at": list(one.at),
            "size": list(one.size),
            "inversion": str(one.place),
            "sha256": _digest(one.place),
        }
        for one in work.pictures
    ]
    return {
        kind: {
            "pictures": pictures,
            "seen": window.as_json(),
            "paste": work.paste.own,
            "feather_px": work.paste.feather_px,
            "blur_px": work.blur_px,
        }
    }


def _digest(folder: Path) -> str:
    """SHA-256 of the latents that an inversion's folder names; empty where there is none."""
    try:
        return str(json.loads((folder / "inversion.json").read_text(encoding="utf-8"))["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def around(picture: Placed, config: GeneratorConfig) -> tuple[int, int, int, int]:
    """(y, x, height, width) of the usual outpainting: as high as the picture, and on either side of it the columns that
    it still has a say in, and as many as it has itself, which are the seed's alone."""
    (y, x), (height, width) = picture.at, picture.size
    _, left, _, right = area_of(config, picture.at, height, width).touched_px
    beyond = max(x - left, right - x - width) + width
    return y, x - beyond, height, width + 2 * beyond


def beside(width: int, config: GeneratorConfig, gap_px: int | None) -> int:
    """How many columns after a picture of `width` pixels another begins: `gap_px` after its end, by default twice the
    smallest gap. Raises RefusedError for too small a one."""
    least = smallest_gap_px(config)
    gap = 2 * least if gap_px is None else gap_px
    if gap < least:
        raise RefusedError(
            f"Between two pictures these weights need {least} px, so that neither changes the other; got --gap {gap}."
        )
    return width + gap


def closed_period(sizes: Sequence[tuple[int, int]], config: GeneratorConfig, gap_px: int | None) -> int:
    """The fewest cells around which pictures of these sizes stand with a gap as in `beside` on either side."""
    around_px = sum(beside(width, config, gap_px) for _, width in sizes)
    return -(-around_px // int(2**config.blocks))


def check_gap(pictures: Sequence[Placed], config: GeneratorConfig, blur_px: int | None) -> None:
    """Raise InvalidInputError for too near pictures and too wide a blur, before anything is inverted."""
    first, second = pictures
    checked_blur(config, min(gap.px for gap in gaps_between(first, second, config.blocks)), blur_px)


def both(pictures: Sequence[Placed]) -> tuple[int, int, int, int]:
    """(y, x, height, width) of the smallest window that holds all pictures."""
    top, left = (min(one.at[axis] for one in pictures) for axis in (0, 1))
    bottom, right = (max(one.at[axis] + one.size[axis] for one in pictures) for axis in (0, 1))
    return top, left, bottom - top, right - left
