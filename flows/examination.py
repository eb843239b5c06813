"""`tenfold doctor`: does this installation have what a run needs?"""

from __future__ import annotations

import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from flows.terminal import plain, table
from tasks import environment
from tasks.versions import software

Finding = tuple[str, bool, str]
"""What was looked at, whether it is in order, and what was found or is to be done."""

LOW_DISK_BYTES = 2**30


def examine(out: Path | None = None) -> int:
    """Print the findings; 0 when all is in order, 1 when something is broken."""
    root = out or environment.read().runs
    checks = (_python, _packages, _devices, _encoder, _weights, _scorer, partial(_disk, root), _planner, _server)
    findings = [finding for check in checks for finding in _examined(check)]
    table((software(), "", ""), [(what, "ok" if well else "BROKEN", plain(words)) for what, well, words in findings])
    broken = sum(not well for _, well, _ in findings)
    print(f"\n{broken} broken." if broken else "\nAll in order.")
    return 1 if broken else 0


def _examined(check: Callable[[], Iterator[Finding]]) -> list[Finding]:
    try:
        return list(check())
    except Exception as error:  # whatever is broken here is a finding, not a crash
        name = getattr(check, "func", check).__name__.strip("_")
        return [(name, False, f"{type(error).__name__}: {error}")]


def _python() -> Iterator[Finding]:
    yield "python", True, f"{platform.python_version()} on {platform.platform()}"


def _packages() -> Iterator[Finding]:
    from packaging.requirements import Requirement

    try:
        needed = [Requirement(text) for text in requires("tenfold") or () if "extra ==" not in text]
    except PackageNotFoundError:
        yield "packages", False, "tenfold is not installed here, so that its needs are unknown: pip install ."
        return
    for need in needed:
        try:
            found = version(need.name)
        except PackageNotFoundError:
            yield need.name, False, f"missing: pip install '{need}'"
            continue
        well = need.specifier.contains(found, prereleases=True)
        yield need.name, well, found if well else f"{found} does not work, {need} does: pip install '{need}'"


def _devices() -> Iterator[Finding]:
    import torch

    yield "cpu", True, f"{torch.get_num_threads()} threads"
    for index in range(torch.cuda.device_count()):
        facts = torch.cuda.get_device_properties(index)
        yield f"cuda:{index}", True, f"{facts.name}, {facts.total_memory / 2**30:.0f} GB"
    if torch.backends.mps.is_available():
        yield "mps", True, "Apple GPU"


def _encoder() -> Iterator[Finding]:
    import numpy as np

    from zoomlib.film.video import probe, write

    with tempfile.TemporaryDirectory() as folder:
        film = write((np.full((64, 64, 3), 8 * i, np.uint8) for i in range(8)), Path(folder) / "film.mp4")
        facts = probe(film)
    yield "video encoder", facts.frames == 8, f"ffmpeg writes {facts.codec}; {facts.frames} of 8 frames came back"
    yield from _formats()


def _formats() -> Iterator[Finding]:
    """Which formats and codecs this ffmpeg can write; a codec that it lacks is no fault, the usual one is there."""
    from zoomlib.film.formats import FORMATS

    for name, kind in FORMATS.items():
        found = [codec for codec in kind.codecs if _has(name, codec)]
        lacking = [codec for codec in kind.codecs if codec not in found]
        words = ", ".join(found) + (f" (not {', '.join(lacking)}: this ffmpeg has no such encoder)" if lacking else "")
        yield f"format {name}", bool(found), words or f"this ffmpeg encodes none of {', '.join(lacking)}"


def _has(kind: str, codec: str) -> bool:
    from zoomlib.film.encoding import Encoding
    from zoomlib.film.ffmpeg import VideoError

    encoding = Encoding(kind, codec)
    try:
        return not encoding.coded.encoders or bool(encoding.encoder((64, 64)))
    except VideoError:
        return False


def _weights() -> Iterator[Finding]:
    from zoomlib import models

    denoiser = models.load_denoiser("bundled")
    yield "bundled model", True, f"{models.describe('bundled')['family']}, levels of {tuple(denoiser.shape)}"


def _scorer() -> Iterator[Finding]:
    from evaluation.networks.clip import load_scorer

    scorer = load_scorer("bundled")
    yield "bundled scorer", True, f"revision {scorer.revision[:12]}"


def _disk(root: Path) -> Iterator[Finding]:
    from tasks.machine import existing_parent, is_writable

    place = existing_parent(root)
    free = shutil.disk_usage(place).free
    yield "disk", free > LOW_DISK_BYTES, f"{free / 2**30:.1f} GB free at {place}; a large run takes up to 1 GB"
    yield "runs", is_writable(place), f"{root} can be written" if is_writable(place) else f"{place} cannot be written"


def _planner() -> Iterator[Finding]:
    from tasks.keys import has_key
    from tasks.plan_spec import PlanSpec
    from tasks.services import model_of, planner_of

    spec = PlanSpec()
    key = "a key is there" if has_key() else "no key is there"
    who = f"by the language model {model_of(spec)}" if planner_of(spec) == "model" else "offline, from the scale ladder"
    yield "planning", True, f"{who}; {key}"


def _server() -> Iterator[Finding]:
    from flows.engine import has_server

    yield "prefect", True, "uses the server that its settings name" if has_server() else "starts a server for each run"
