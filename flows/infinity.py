"""What `tenfold infinity render` and `panorama` do."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from flows.failures import REFUSALS
from flows.interrupts import STOPPED
from flows.terminal import plain, progress
from tasks.errors import RefusedError
from tasks.infinity_spec import Look, WindowSpec, check_devices, read_spec
from tasks.infinity_words import read_point, read_region, read_size, read_style

if TYPE_CHECKING:
    from tasks.infinity_render import Painting

HEIGHT, WIDTH = 256, 1024


@dataclass(frozen=True)
class Manner:
    """How a command goes about it."""

    dry_run: bool = False
    as_json: bool = False
    force: bool = False
    quiet: bool = False


@dataclass(frozen=True)
class Painter:
    """Who paints, as the command line says it; None is the usual. alone: only one device can."""

    model: str | None = None
    device: str | None = None
    dtype: str = "float32"
    tile: int | None = None
    batch: int = 1
    workers: int = 1
    alone: bool = False

    def look(self) -> Look:
        """The same, checked: devices that are here, with a process for each of several. Raises RefusedError."""
        devices = check_devices(self.device or "auto")
        if self.alone and len(devices) > 1:
            raise RefusedError(f"This is done by one device; got --device {self.device}. Name one of them.")
        look = Look(self.model or "bundled", "cpu", self.dtype, self.tile, self.batch, self.workers)
        from tasks.machine import resolve_devices

        workers = len(devices) if self.workers == 1 else self.workers
        return replace(look, device=resolve_devices(",".join(devices)), workers=workers)


@dataclass(frozen=True)
class Wish:
    """A window, as the command line says it."""

    origin: str | None = None
    size: str | None = None
    seed: int = 0
    styles: Sequence[str] = ()
    blur: int | None = None
    period: int | None = None
    regions: Sequence[str] = ()
    stretch: float = 1.0
    painter: Painter = field(default_factory=Painter)

    def spec(self) -> WindowSpec:
        """The same as a value. Raises RefusedError for what is not understood or cannot be."""
        height, width = (HEIGHT, WIDTH) if self.size is None else read_size(self.size)
        y, x = (-(height // 2), 0) if self.origin is None else read_point(self.origin)
        styles = tuple(read_style(text) for text in self.styles)
        regions = tuple(read_region(text) for text in self.regions)
        window = WindowSpec(y, x, height, width, self.seed, self.period, styles, self.blur, regions, self.stretch)
        return replace(window, look=self.painter.look())


def render_command(wish: Wish, out: Path | None, again: Path | None, manner: Manner) -> None:
    """Paint a window, or one that was painted before again; with a dry run only say what it takes."""
    spec, revision = (wish.spec(), "") if again is None else _painted_before(again, wish)
    from tasks.infinity_render import plan_painting

    target = out or Path(f"plane-{spec.seed}.png")
    carry_out(plan_painting(spec, target, force=manner.force, revision=revision), manner)


def _painted_before(file: Path, wish: Wish) -> tuple[WindowSpec, str]:
    """What made a picture, with the device and the processes of now, and the weights that must be there."""
    painter = wish.painter
    if wish != Wish(painter=Painter(painter.model, painter.device, workers=painter.workers)):
        raise RefusedError(
            "--again makes a picture as it was: beside it give --out, --model, --device and --workers only."
        )
    spec, revision = read_spec(file)
    look = painter.look()
    look = replace(spec.look, model=painter.model or spec.look.model, device=look.device, workers=look.workers)
    return replace(spec, look=look), revision


def panorama_command(wish: Wish, out: Path | None, manner: Manner) -> None:
    """Paint a window as wide as its plane goes around."""
    spec = wish.spec()
    from tasks.infinity_plan import circumference
    from tasks.infinity_render import plan_painting
    from zoomlib.infinity.generator import described

    spec = replace(spec, period=circumference(described(spec.look.model), spec.width))
    target = out or Path(f"panorama-{spec.seed}.png")
    carry_out(plan_painting(spec, target, force=manner.force), manner)


def carry_out(painting: Painting, manner: Manner) -> None:
    """Paint what was planned and say where it is, or with a dry run what it takes."""
    from tasks.infinity_plan import told
    from tasks.infinity_render import paint

    spec, estimate = painting.spec, painting.estimate
    facts: dict[str, Any] = {"file": str(painting.target), "window": spec.as_json(), "estimate": vars(estimate)}
    if manner.dry_run:
        if manner.as_json:
            print(json.dumps(facts, indent=2))
        else:
            print(json.dumps(spec.as_json(), indent=2))
            print(f"{plain(str(painting.target))}: {told(estimate, spec.look.workers)} Nothing was written.")
        return
    begun = time.monotonic()
    with said_what_is_kept(painting.target), progress(sys.stderr, quiet=manner.quiet) as listener:
        target = paint(painting, on_event=listener)
    seconds = time.monotonic() - begun
    if manner.as_json:
        print(json.dumps({**facts, "seconds": round(seconds, 3)}, indent=2))
    elif manner.quiet:
        print(target)
    else:
        show(target, spec, seconds)


def show(target: Path, spec: WindowSpec, seconds: float) -> None:
    """Say what a picture shows and where it lies."""
    turns = "" if spec.period is None else f", again after {spec.period} cell{'s' * (spec.period != 1)}"
    print(f"{'Window':<10} {spec.width} x {spec.height} px from {spec.y},{spec.x}, seed {spec.seed}{turns}")
    print(f"{'Picture':<10} {plain(str(target))} ({seconds:,.1f} s)")
    print(f"{'Made by':<10} {plain(str(target))}.json (tenfold infinity render --again FILE makes it again)")


@contextmanager
def nothing_kept() -> Iterator[None]:
    """Ctrl-C in the body ends it with the words that are true where nothing is gone on from."""
    try:
        yield
    except KeyboardInterrupt:
        print("Stopped. Nothing was written.", file=sys.stderr)
        raise typer.Exit(STOPPED) from None


@contextmanager
def said_what_is_kept(target: Path) -> Iterator[None]:
    """Ctrl-C in the body ends it with the words that are true here; before other errors it is said what is kept."""
    from zoomlib.infinity.streams.remainder import folder_of, is_kept

    kept = f"What is painted is kept in {plain(str(folder_of(target)))}: the same command goes on from there."
    try:
        yield
    except KeyboardInterrupt:
        words = kept if is_kept(target) else "Nothing was written, as little was painted."
        print(f"Stopped. {words}", file=sys.stderr)
        raise typer.Exit(STOPPED) from None
    except Exception as error:
        if is_kept(target) and not isinstance(error, REFUSALS):
            print(kept, file=sys.stderr)
        raise
