"""What `tenfold infinity invert`, `outpaint` and `between` do."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from flows.failures import REFUSALS
from flows.infinity import Manner, Painter
from flows.interrupts import STOPPED
from flows.opening import root_of
from flows.terminal import plain, progress
from prompts import slug
from tasks.errors import RefusedError
from tasks.infinity_spec import WindowSpec
from tasks.infinity_words import read_list, read_point, read_size

if TYPE_CHECKING:
    from tasks.infinity_around import Surroundings
    from tasks.infinity_pictures import PictureSpec, Placed
    from zoomlib.infinity.generator import Described


@dataclass(frozen=True)
class Inverting:
    """How pictures are inverted, as the command line says it."""

    at: str | None = None
    longest: int | None = None
    steps: int = 3000
    seed: int = 0
    period: int | None = None
    lpips: Path | None = None

    def spec(self, path: Path) -> PictureSpec:
        """The same of one picture. Raises RefusedError and InvalidInputError."""
        at = None if self.at is None else read_point(self.at, "--at")
        from tasks.infinity_pictures import PictureSpec
        from zoomlib.infinity.inversion.settings import InversionSettings

        if not path.exists():
            raise RefusedError(f"{path} is not there. Give a picture, or the folder of an inversion.")
        settings = InversionSettings(steps=self.steps, seed=self.seed)
        return PictureSpec(path, at, self.longest, self.period, self.lpips, settings)


@dataclass(frozen=True)
class Around:
    """What is seen around pictures, as the command line says it."""

    origin: str | None = None
    size: str | None = None
    seeds: str = "0"
    paste: bool = False
    feather: int = 0
    out: Path | None = None
    runs: Path | None = None
    painter: Painter = field(default_factory=Painter)

    def window(self, usual: tuple[int, int, int, int], period: int | None) -> WindowSpec:
        """The window that is asked for; what is not told is as `usual` (y, x, height, width)."""
        y, x, height, width = usual
        if self.size is not None:
            wide, high = width, height
            height, width = read_size(self.size)
            y, x = y - (height - high) // 2, x - (width - wide) // 2
        if self.origin is not None:
            y, x = read_point(self.origin)
        return WindowSpec(y, x, height, width, period=period, look=self.painter.look())


@dataclass(frozen=True)
class Joint:
    """How two pictures are joined, as the command line says it. closed: all around."""

    gap: int | None = None
    blur: int | None = None
    closed: bool = False


def invert_command(
    picture: Path, how: Inverting, out: Path | None, runs: Path | None, painter: Painter, manner: Manner
) -> None:
    """Find the latents of a picture, or with a dry run say what that takes."""
    spec, look = how.spec(picture), painter.look()
    from tasks.infinity_pictures import invert, placed
    from tasks.infinity_render import loaded
    from zoomlib.infinity.generator import described

    one = placed(spec, described(look.model), root_of(runs), out)
    say_notes([one], manner)
    facts: dict[str, Any] = {"inversion": str(one.place), "at": list(one.at), "size": list(one.size)}
    if manner.dry_run:
        told = {**facts, "seconds_on_a_processor": round(one.seconds)}
        print(json.dumps(told, indent=2) if manner.as_json else f"{plain(one.told)} Nothing was written.")
        return
    with progress(sys.stderr, quiet=manner.quiet) as listener:
        found = invert(one, loaded(look, listener), on_event=listener)
    if manner.as_json:
        errors = {"error": found.error, "error_of_255": round(127.5 * found.error, 3)}
        print(json.dumps({**facts, **errors}, indent=2))
    elif manner.quiet:
        print(one.place)
    else:
        print(f"{'Inversion':<10} {plain(str(one.place))} ({found.steps:,} step{'s' * (found.steps != 1)})")
        print(f"{'Likeness':<10} {plain(str(one.place / 'painted.png'))}")
        print(f"{'Error':<10} {127.5 * found.error:.1f} of 255 a pixel, on average")


def outpaint_command(picture: Path, how: Inverting, what: Around, manner: Manner) -> None:
    """Go on with a picture on all sides, differently for each seed."""
    seeds, spec = read_list(what.seeds, "--seeds"), how.spec(picture)
    from tasks.infinity_around import Paste, around, plan_around
    from tasks.infinity_pictures import placed
    from zoomlib.infinity.generator import described

    paste = Paste(what.paste, what.feather)
    about = described(what.painter.model or "bundled")
    one = placed(spec, about, root_of(what.runs))
    target = what.out or Path(f"{slug(picture.stem)}-outpainted.png")
    window = what.window(around(one, about.config), one.period)
    _carry_out(plan_around([one], window, seeds, target, about, paste, force=manner.force), manner)


def between_command(
    first: Path,
    second: Path,
    how: Inverting,
    what: Around,
    joint: Joint,
    manner: Manner,
) -> None:
    """Join two pictures by what leads from the one to the other."""
    seeds = read_list(what.seeds, "--seeds")
    from tasks.infinity_around import Paste, both, plan_around
    from zoomlib.infinity.generator import described

    paste = Paste(what.paste, what.feather)
    about = described(what.painter.model or "bundled")
    pictures = _side_by_side([how.spec(first), how.spec(second)], about, root_of(what.runs), joint)
    period = pictures[0].period
    y, x, height, width = both(pictures)
    if period is not None:
        width = period * int(2**about.config.blocks)
    target = what.out or Path(f"{slug(first.stem)}-{slug(second.stem)}.png")
    window = what.window((y, x, height, width), period)
    work = plan_around(pictures, window, seeds, target, about, paste, force=manner.force, blur_px=joint.blur)
    _carry_out(work, manner)


def _side_by_side(specs: Sequence[PictureSpec], about: Described, root: Path, joint: Joint) -> list[Placed]:
    """Both pictures at their places: the second to the right of the first, if it is not inverted elsewhere already."""
    from tasks.infinity_around import beside, check_gap, closed_period
    from tasks.infinity_pictures import placed

    first, second = specs
    if joint.closed:
        sizes = [placed(spec, about, root).size for spec in specs]
        first = replace(first, period=closed_period(sizes, about.config, joint.gap))
    left = placed(first, about, root)
    if not second.path.is_dir():
        high = placed(second, about, root).size[0]
        column = left.at[1] + beside(left.size[1], about.config, joint.gap)
        second = replace(second, at=(-(high // 2), column), period=left.period)
    pictures = [left, placed(second, about, root)]
    check_gap(pictures, about.config, joint.blur)
    return pictures


def _carry_out(work: Surroundings, manner: Manner) -> None:
    from tasks.infinity_around import paint_around

    say_notes(work.pictures, manner)
    if manner.dry_run:
        _tell(work, manner)
        return
    with _said_what_is_kept(work), progress(sys.stderr, quiet=manner.quiet) as listener:
        made = paint_around(work, on_event=listener)
    if manner.as_json:
        print(json.dumps(_facts(work), indent=2))
        return
    for path in made:
        print(path if manner.quiet else f"{'Picture':<10} {plain(str(path))}")
    if not manner.quiet:
        for one in work.pictures:
            print(f"{'Inversion':<10} {plain(str(one.place))} (to be given instead of the picture)")


def _tell(work: Surroundings, manner: Manner) -> None:
    """What would be made."""
    from tasks.infinity_plan import told

    if manner.as_json:
        print(json.dumps({**_facts(work), "estimate": vars(work.estimate)}, indent=2))
        return
    for one in work.pictures:
        print(plain(one.told))
    window = work.windows[0]
    files = ", ".join(plain(str(target)) for target in work.targets)
    print(f"{window.width} x {window.height} px from {window.y},{window.x}: {files}")
    print(f"Each: {told(work.estimate, window.look.workers)} Nothing was written.")


def _facts(work: Surroundings) -> dict[str, Any]:
    return {
        "files": [str(path) for path in work.targets],
        "inversions": [str(one.place) for one in work.pictures],
        "windows": [window.as_json() for window in work.windows],
    }


@contextmanager
def _said_what_is_kept(work: Surroundings) -> Iterator[None]:
    """Ctrl-C in the body ends it with the words that are true here; before other errors it is said what is kept."""
    from zoomlib.infinity.streams.remainder import is_kept

    def painted() -> list[str]:
        there = ["whole pictures"] if not work.force and any(one.exists() for one in work.targets) else []
        return there + (["what is painted of the next"] if any(map(is_kept, work.targets)) else [])

    try:
        yield
    except KeyboardInterrupt:
        print(f"Stopped. {_kept(painted())}", file=sys.stderr)
        raise typer.Exit(STOPPED) from None
    except Exception as error:
        if painted() and not isinstance(error, REFUSALS):
            print(_kept(painted()), file=sys.stderr)
        raise


def _kept(painted: Sequence[str]) -> str:
    """In words; before anything is painted, inversions are there."""
    told = " and ".join(", ".join(["inversions", *painted]).rsplit(", ", 1))
    return f"Kept are {told}: the same command goes on from there."


def say_notes(pictures: Sequence[Placed], manner: Manner) -> None:
    """What reading has changed, on standard error."""
    for one in () if manner.quiet else pictures:
        for note in one.notes:
            print(f"Note: {plain(one.name)}: {plain(note)}", file=sys.stderr)
