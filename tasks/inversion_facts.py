"""What the folder of an inversion says of itself, without its tensors."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from tasks.errors import RefusedError


@dataclass(frozen=True)
class Facts:
    """What the folder of an inversion says of itself."""

    at: tuple[int, int]
    size: tuple[int, int]
    period: int | None
    revision: str


def read_facts(folder: Path) -> Facts:
    """The facts of an inversion, without its tensors. Raises RefusedError for a folder that holds none."""
    try:
        told = json.loads((folder / "inversion.json").read_text(encoding="utf-8"))
        (y, x), (height, width) = told["at"], told["size"]
        period = None if told["period"] is None else int(told["period"])
        return Facts((int(y), int(x)), (int(height), int(width)), period, str(told["generator"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RefusedError(
            f"{folder} is a folder, but of no inversion: no inversion.json that can be read is in it. Give a "
            "picture, or a folder that `tenfold infinity invert` wrote."
        ) from error
