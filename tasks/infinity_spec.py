"""What a window of a plane is made of, as a value: it stands beside every picture, and makes it again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from tasks.errors import RefusedError
from tasks.infinity_words import check_seed

PRECISIONS = ("float32", "bfloat16")
KEY = "tenfold"
"""Under which the specification stands in the file beside a picture."""


def check_devices(names: str) -> tuple[str, ...]:
    """The devices of a text with commas between them. Raises RefusedError for several that do not go together: their
    pixels would differ in the last bits, and show who painted what."""
    devices = tuple(name.strip() for name in names.split(","))
    kinds = {name.partition(":")[0] for name in devices}
    if len(kinds) > 1 or ("auto" in kinds and len(devices) > 1) or "" in kinds:
        raise RefusedError(
            f"Expected a device, or several of one kind as cuda:0,cuda:1, to paint a plane; got {names}. Leave the "
            "others out."
        )
    return devices


@dataclass(frozen=True)
class Look:
    """How planes are painted. model: a shipped generator's name, or a folder. device: one, or several of one kind with
    commas between them, which paint in a process each. cells: side of a tile in latent cells, None for the usual.
    batch: tiles that are painted together. workers: processes that paint, with several devices as many as they are."""

    model: str = "bundled"
    device: str = "cpu"
    dtype: str = "float32"
    cells: int | None = None
    batch: int = 1
    workers: int = 1

    def __post_init__(self) -> None:
        if self.dtype not in PRECISIONS:
            raise RefusedError(f"Expected a precision of {' or '.join(PRECISIONS)}; got {self.dtype!r}.")
        least = [("--tile", self.cells), ("--batch", self.batch), ("--workers", self.workers)]
        if wrong := [f"{name} {value}" for name, value in least if value is not None and value < 1]:
            raise RefusedError(f"Expected 1 or more; got {', '.join(wrong)}.")
        count = len(check_devices(self.device))
        if count > 1 and self.workers != count:
            raise RefusedError(
                f"A process for each device paints, {count} for {self.device}; got --workers {self.workers}. Leave it "
                "out; a device that is named twice has two."
            )
        if count == 1 and self.workers > 1 and not self.device.startswith("cpu"):
            raise RefusedError(
                f"Several processes paint on the CPU only, and this is for {self.device}. Use --workers 1 and --batch "
                f"for several tiles at once, or name the device as often: --device {self.device},{self.device}."
            )


@dataclass(frozen=True)
class WindowSpec:
    """Pixels [y, y + height) x [x, x + width) of a seed's plane; row 0 is the horizon.

    period: latent cells after which the plane repeats from left to right. styles: (y, x, seed) of the styles that are
    fused, at their places in pixels; blur_px: how wide the borders between them are, None for the usual. regions:
    (y, x, height, width, seed) of rectangles of cells whose latents are another seed's. stretch: how many cells take
    the place of one in the vertical coordinate.
    """

    y: int
    x: int
    height: int
    width: int
    seed: int = 0
    period: int | None = None
    styles: tuple[tuple[int, int, int], ...] = ()
    blur_px: int | None = None
    regions: tuple[tuple[int, int, int, int, int], ...] = ()
    stretch: float = 1.0
    look: Look = Look()

    def __post_init__(self) -> None:
        check_seed(self.seed)
        if self.height < 1 or self.width < 1:
            raise RefusedError(f"A window has at least one pixel a side; got {self.width}x{self.height}.")
        if self.period is not None and self.period < 1:
            raise RefusedError(f"A plane repeats after 1 cell or more; got --period {self.period}.")
        if not 2.0**-64 <= self.stretch <= 2.0**64:
            raise RefusedError(f"Expected --stretch above 0, from 2^-64 to 2^64, as 1 or 2.5; got {self.stretch:g}.")
        if any(not -(2**63) <= place < 2**63 for y, x, _ in self.styles for place in (y, x)):
            raise RefusedError("A --style lies beyond coordinates of signed 64 bits. Choose a place nearer to 0.")
        if self.blur_px is not None and self.blur_px < 1:
            raise RefusedError(f"Expected --blur as a width of 1 pixel or more; got {self.blur_px}.")
        if self.blur_px is not None and len(self.styles) < 2:
            raise RefusedError("--blur is how wide the borders between styles are, in pixels: give --style, twice.")

    def as_json(self) -> dict[str, Any]:
        """Plain values; `from_json` is the inverse."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Any) -> WindowSpec:
        """The specification of a file. Raises RefusedError for unknown names and values of other kinds."""
        values = _known(values, cls)
        look = _known(values.pop("look", {}), Look)
        for name in ("styles", "regions"):
            rows = values.get(name, [])
            if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
                raise RefusedError(f"Expected lists of numbers for {name}; got {str(rows)[:60]}.")
            values[name] = tuple(tuple(row) for row in rows)
        lengths = {"styles": 3, "regions": 5}
        numbers = [n for name in lengths for row in values[name] for n in row]
        plain = [values.get(name, 0) for name in ("y", "x", "height", "width", "seed")] + numbers
        plain += [one for one in (values.get("period"), values.get("blur_px"), look.get("cells")) if one is not None]
        plain += [look.get(name, 1) for name in ("batch", "workers")]
        if any(type(one) is not int for one in plain) or type(values.get("stretch", 1.0)) not in (int, float):
            raise RefusedError(f"Expected whole numbers in the specification of a window; got {str(values)[:200]}.")
        if any(len(row) != length for name, length in lengths.items() for row in values[name]):
            raise RefusedError("A style is three numbers (y, x, seed), a region five (y, x, height, width, seed).")
        try:
            return cls(**values, look=Look(**look))
        except TypeError as error:  # a size or a place that is missing
            raise RefusedError(f"The specification of a window is not whole: {error}.") from error


def _known(values: Any, of: type[Look | WindowSpec]) -> dict[str, Any]:
    names = {field.name for field in fields(of)}
    if not isinstance(values, Mapping) or not values.keys() <= names:
        raise RefusedError(f"Expected {', '.join(sorted(names))} in a specification; got {str(values)[:200]}.")
    return dict(values)


def read_spec(path: Path) -> tuple[WindowSpec, str]:
    """The specification in the file beside a picture, and the SHA-256 of the weights that painted it.

    Raises RefusedError for a file that is none of ours, or of a picture that more than a window's specification made.
    """
    from zoomlib.infinity.streams.writing import FORMAT  # torch comes with it

    if not path.is_file():
        raise RefusedError(f"There is no file {path}. Name the FILE.json beside a picture.")
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        told = facts[KEY]
        if facts.get("format") != FORMAT:
            raise RefusedError(f"{path} is of the format {facts.get('format')!r}, and this program reads {FORMAT}.")
        return WindowSpec.from_json(told["window"]), str(facts.get("revision", ""))
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, RefusedError):
            raise
        raise RefusedError(
            f"{path} is not the file beside a picture that `tenfold infinity render` or `panorama` wrote. "
            "Name a FILE.json of theirs."
        ) from error
