"""`tenfold doctor`: does this installation have what a run needs, and what can this machine run?"""

from __future__ import annotations

import json
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from functools import partial
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from flows.information import size
from flows.opening import root_of
from flows.terminal import plain, table
from tasks.versions import software

Finding = tuple[str, bool, str]
"""What was looked at, whether it is in order, and what was found or is to be done."""

LOW_DISK_BYTES = 2**30


def examine(out: Path | None = None, *, as_json: bool = False) -> int:
    """Print the findings, and what this machine can run; 0 when all is in order, 1 when something is broken."""
    root = root_of(out)
    checks = (
        _python,
        _packages,
        _devices,
        _hub,
        _encoder,
        _weights,
        _planes,
        _scorer,
        partial(_disk, root),
        partial(_depot, root),
        _planner,
        _server,
    )
    findings = [finding for check in checks for finding in _examined(check)]
    broken = sum(not well for _, well, _ in findings)
    if as_json:
        told = [{"what": what, "ok": well, "found": words} for what, well, words in findings]
        print(json.dumps({"ok": not broken, "findings": told, **_abilities()}, indent=2, ensure_ascii=False))
        return 1 if broken else 0
    table((software(), "", ""), [(what, "ok" if well else "BROKEN", plain(words)) for what, well, words in findings])
    show_abilities(_abilities())
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
    from tasks.capability import devices, versions

    for device in devices():
        yield device.name, True, device.about()
    found = versions()
    yield "cuda", True, f"torch's: {found['cuda']}; driver: {found['driver']}"


def _hub() -> Iterator[Finding]:
    from zoomlib.models.files import hub

    told = "HF_HUB_OFFLINE is set: nothing is got" if hub.is_offline() else "models are got when they are asked for"
    yield "model hub", True, f"{told}; {len(hub.cached_names())} in its cache {hub.cache_folder()}"


def _abilities() -> dict[str, Any]:
    """What this machine can run: its versions, devices, models and the preset that suits."""
    from tasks import capability

    found = list(capability.devices())
    device = capability.best(found)
    preset = capability.preset_here(device)
    return {
        "versions": capability.versions(),
        "devices": [asdict(one) for one in found],
        "device": device.name,
        "models": list(capability.fitting(device, found[0].free)),
        "preset": preset.name,
        "advice": capability.advice(preset),
    }


def show_abilities(found: Mapping[str, Any]) -> None:
    """Print the models that are here with how they fit, and the preset that suits."""
    rows = [
        (row["name"], row["family"], size(row["needs"] and row["needs"]["resident"]), row["fits"])
        for row in found["models"]
    ]
    table(("model", "family", "memory", f"on {found['device']}"), rows)
    print(f"Preset that suits: {found['preset']}.\nUse it: {found['advice']}.")


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


def _planes() -> Iterator[Finding]:
    from zoomlib.infinity import load_generator, shipped

    for name in shipped():
        window = load_generator(name).render(0, 0, 32, 32, seed=0)
        well = bool(window.isfinite().all())
        yield f"planes {name}", well, "a window of its plane is painted" if well else "it paints no picture: reinstall"


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


def _depot(root: Path) -> Iterator[Finding]:
    from tasks.depot.roots import depot_of

    if (depot := depot_of(root)) is not None:
        safe = depot.conditional
        yield (
            "store",
            True,
            f"{depot.url} can be written; {'never' if safe else 'at times'} two machines make the same thing",
        )


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
