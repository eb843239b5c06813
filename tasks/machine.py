"""What this machine offers: devices, folders that can be written, room on the disk."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tasks.errors import RefusedError

SPARE_BYTES = 32 * 2**20


def resolve_device(name: str) -> str:
    """The device that `auto` means here; raises RefusedError for one that is not here."""
    import torch  # takes seconds, and whoever asks only for room on the disk needs none of it

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.empty(0, device=torch.device(name))
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0][:160]
        raise RefusedError(f"Device {name!r} cannot be used here: {reason}. Use --device auto or cpu.") from error
    return name


def resolve_devices(names: str) -> str:
    """As `resolve_device`, of one device or of several with commas between them."""
    return ",".join(resolve_device(name.strip()) for name in names.split(","))


def existing_parent(folder: Path) -> Path:
    """The folder itself or the nearest one above it that exists: where it would be created."""
    place = folder.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    return place


def is_writable(place: Path) -> bool:
    """Whether files can be created in an existing folder."""
    return place.is_dir() and os.access(place, os.W_OK | os.X_OK)


def check_writable(folder: Path, remedy: str) -> Path:
    """The existing folder in which `folder` is or would be created. Raises RefusedError where nothing can be."""
    place = existing_parent(folder)
    if not is_writable(place):
        raise RefusedError(f"Nothing can be written to {place}. {remedy}")
    return place


def check_room(place: Path, needed: int, what: str, remedy: str) -> None:
    """Raise RefusedError where the disk of `place` has no room for `needed` bytes and a little more."""
    need, free = needed + SPARE_BYTES, shutil.disk_usage(place).free
    if need > free:
        raise RefusedError(
            f"Not enough disk: {what} needs about {need / 2**20:,.0f} MB and {place} has {free / 2**20:,.0f} MB free. "
            f"{remedy}"
        )
