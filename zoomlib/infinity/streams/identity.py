"""What makes the bytes of a picture, as one number: pictures of the same one are the same bit for bit."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import platform
import uuid
import zlib
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch
from torch import Tensor

from zoomlib.infinity.painting.plane import Plane
from zoomlib.infinity.painting.portable import Portable
from zoomlib.infinity.painting.tiles import Window


def identity(plane: Plane, window: Window, suffix: str, mark: str = "") -> str:
    """SHA-256 of all that a window's file follows from: the painter with its weights, styles, latents and pictures, the
    grid, the window, the kind of file, the kind of machine and of libraries; not how many processes paint.

    mark: a word that must be the same, too. Of a painter that cannot be taken apart, and where devices of several kinds
    paint, a number that is no other's.
    """
    kinds = sorted({_kind(device) for device in plane.devices})
    told = {
        "painter": content(plane.painter),
        "facts": plane.facts(),
        "grid": [plane.grid.blocks, plane.grid.cells, plane.batch],
        "window": [window.y0, window.x0, window.height, window.width],
        "suffix": suffix,
        "machine": [*(kinds if len(kinds) == 1 else [uuid.uuid4().hex]), *_libraries()],
        "mark": mark,
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _kind(device: torch.device) -> str:
    """What the last bits of pixels depend on."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type} {platform.machine()} {torch.backends.cpu.get_cpu_capability()}"


def _libraries() -> list[str]:
    return [torch.__version__, zlib.ZLIB_RUNTIME_VERSION, *map(_version, ("tenfold", "numpy", "zarr"))]


def content(thing: Any) -> str:
    """SHA-256 of a value by what it holds, the same in every process."""
    out = io.BytesIO()
    pickler = _Contents(out, protocol=5)
    pickler.fast = True  # twice the same value is told as two equal ones
    try:
        pickler.dump(thing)
    except (pickle.PicklingError, TypeError, AttributeError, ValueError, RecursionError):
        return uuid.uuid4().hex
    return hashlib.sha256(out.getvalue()).hexdigest()


class _Contents(pickle.Pickler):
    """Tells tensors by their values, wherever they are, and networks by their tensors."""

    def reducer_override(self, value: Any) -> Any:
        """As `pickle.Pickler.reducer_override`."""
        if isinstance(value, Tensor):
            return tuple, (_told(value),)
        if isinstance(value, torch.nn.Module):
            return tuple, ((type(value).__qualname__, tuple(value.state_dict().items())),)
        if isinstance(value, Portable):  # how many devices there are changes nothing
            state = {name: held for name, held in value.__getstate__().items() if name not in ("device", "devices")}
            return dict, (state,)
        if isinstance(value, torch.device):
            return str, (value.type,)
        return NotImplemented


def _told(tensor: Tensor) -> tuple[str, tuple[int, ...], str]:
    values = tensor.detach().to_dense().cpu().contiguous()
    data = values.reshape(-1).view(torch.uint8).numpy()
    return str(tensor.dtype), tuple(tensor.shape), hashlib.sha256(data.data).hexdigest()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"
