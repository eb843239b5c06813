"""How a run's model runs here, in words: devices, precision, levels at a time, and whether its weights have room."""

from __future__ import annotations

import torch

from tasks import planes
from tasks.run import Run
from zoomlib.memory import free_bytes

GB = 2**30
_COMING_AND_GOING = {
    "model": "with only the network at work in its memory",
    "layers": "with only the layers at work in its memory",
}


def how_it_runs(run: Run) -> str:
    """A sentence or two for whoever plans a run; the second where memory looks too small. Loads nothing."""
    spec = run.config.model
    if planes.draws_plane(run.method):
        return f"The plane is painted {planes.by_whom(spec)} in {spec.dtype}, tile by tile."
    rows = {None: "all levels at a time", "auto": "as many levels at a time as there is memory for"}
    ways = [
        f"on {' and '.join(spec.devices)} in {spec.dtype}",
        rows.get(spec.rows, f"{spec.rows} levels at a time"),  # type: ignore[arg-type]  # whole numbers are no keys
        *([_COMING_AND_GOING[spec.offload]] if spec.offload != "none" else []),
        *([f"compiled ({spec.compile}), which takes minutes at first"] if spec.compile != "none" else []),
        *(["with channels last"] if spec.channels_last else []),
    ]
    return f"The model runs {', '.join(ways)}.{_room(run)}"


def _room(run: Run) -> str:
    spec, stored = run.config.model, run.model.get("bytes")
    if not stored:
        return ""
    free = min(free_bytes(torch.device(name)) for name in spec.devices)
    if stored <= free or spec.offload != "none":
        return ""
    where = "this machine's memory" if spec.devices[0] == "cpu" else spec.devices[0]
    remedy = "a smaller model" if spec.devices[0] == "cpu" else "model.offload=model or layers, or a smaller model"
    return f" Its weights are {stored / GB:.1f} GB, and {where} has {free / GB:.1f} GB free: use {remedy}."
