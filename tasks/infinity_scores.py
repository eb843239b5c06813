"""A generator of planes judged by InfinityGAN's protocols; rows are written beside those of other sets."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from evaluation import table
from evaluation.sets import Extractor, Settings, check_extractor, load_extractor
from evaluation.sets.generated import KINDS, SCALES, Draw, Shot, Sizes, drawn_px, planned
from evaluation.sets.generator import Sample, score_generator
from evaluation.sets.scoring import ENOUGH
from evaluation.table import Score
from tasks.errors import RefusedError
from tasks.events import Listener, StageDone, StageMoved, StageStarted, ignore
from tasks.infinity_plan import PACE_MACS, duration
from tasks.infinity_reals import Reals, check_reference, reals_of, sizes_of
from tasks.infinity_render import loaded
from tasks.infinity_spec import Look
from tasks.set_folder import SETS, SetOutcome
from tasks.set_notes import of_the_extractor
from tasks.stage import canonical_json
from tasks.store import write_bytes
from tasks.versions import software
from zoomlib.errors import InvalidInputError
from zoomlib.infinity.config import GeneratorConfig
from zoomlib.infinity.generator import Described, Generator, described
from zoomlib.infinity.painting.painter import undisturbed
from zoomlib.infinity.painting.plane import TILE_PX, usual_cells
from zoomlib.infinity.painting.tiles import Window
from zoomlib.infinity.sizes import cells_for, cover, macs_per_pixel, margins, structure_macs, texture_macs
from zoomlib.infinity.training.landscapes import WORLDS

VERSION = 1
METHOD = "infinity"
FACTS = "generator.json"
"""What was judged, and how: in the place of the `set.json` of sets of runs."""
WHOLE_PX = 256
"""A window with no longer side is painted at once: tiles of a grid would be mostly beside it."""


@dataclass(frozen=True)
class JudgeSpec:
    """What is asked. reference: `landscapes`, `maps`, or a folder. kinds, scales: of `generated.planned`. count: how
    many pictures are drawn for each, and real ones at most. real_px: side of the real pictures, None for that of
    training. resamples: draws for the intervals."""

    reference: str
    extractor: str = "bundled"
    kinds: tuple[str, ...] = KINDS
    scales: tuple[int, ...] = SCALES
    count: int = ENOUGH
    real_px: int | None = None
    seed: int = 0
    batch: int = 16
    resamples: int = 200
    look: Look = field(default_factory=Look)


@dataclass(frozen=True)
class Judging:
    """An evaluation that can be made: everything but weights has been looked at."""

    spec: JudgeSpec
    about: Described
    sizes: Sizes
    shots: tuple[Shot, ...]
    reals: Reals

    @property
    def sample(self) -> Sample:
        """How many pictures."""
        spec = self.spec
        return Sample(spec.count, self.reals.count, spec.seed, Settings(resamples=spec.resamples), spec.batch)

    @property
    def seconds(self) -> float:
        """That drawing takes on a processor, roughly."""
        return self.spec.count * sum(shot_macs(self.about.config, shot) for shot in self.shots) / PACE_MACS

    @property
    def facts(self) -> dict[str, Any]:
        """What it takes, as plain values."""
        return {
            "images": self.spec.count,
            "reference": {"name": self.reals.name, "images": self.reals.count, "side_px": self.sizes.real_px},
            "shots": [asdict(shot) for shot in self.shots],
            "pixels": drawn_px(self.shots, self.spec.count),
            "seconds": round(self.seconds, 1),
        }

    @property
    def told(self) -> str:
        """What it takes, a sentence."""
        pixels = drawn_px(self.shots, self.spec.count)
        sides = ", ".join(f"{shot.kind} {shot.side_px} px" for shot in self.shots)
        return (
            f"{self.spec.count:,} pictures each of {sides}, against {self.reals.count:,} of {self.reals.name}: "
            f"{pixels / 1e6:,.{1 if pixels > 1e5 else 3}f} million pixels, drawn in about {duration(self.seconds)} on "
            f"a processor, and read by {self.spec.extractor}."
        )


def usual_reference(model: str) -> str:
    """The world that a generator was trained on; landscapes for one trained on a folder, which may be gone."""
    data = described(model).facts.get("data")
    return str(data) if data in WORLDS else "landscapes"


def plan_judging(spec: JudgeSpec) -> Judging:
    """Look at everything that can be looked at without weights. Raises RefusedError and InvalidInputError for unknown
    protocols, a missing reference or extractor, too few pictures, and a folder without a generator."""
    check_reference(spec.reference)
    check_extractor(spec.extractor)
    about = described(spec.look.model)
    sizes = sizes_of(about, spec.real_px)
    shots = planned(spec.kinds, spec.scales, sizes)
    judging = Judging(spec, about, sizes, shots, reals_of(spec.reference, spec.count, sizes))
    judging.sample  # noqa: B018  refuses too few pictures
    return judging


def judge(judging: Judging, root: Path, *, on_event: Listener = ignore) -> SetOutcome:
    """Draw, measure and write to `root/_sets/<id>/`; the same work has the same place."""
    spec = judging.spec
    try:
        extractor = load_extractor(spec.extractor, device=spec.look.device)
    except InvalidInputError as error:
        raise RefusedError(str(error)) from error
    generator = loaded(spec.look, on_event)
    teller = _Teller(judging, on_event)
    scores = score_generator(
        drawing(generator, spec.look),
        judging.reals.read,
        extractor,
        judging.sizes,
        judging.shots,
        judging.sample,
        on_image=teller.moved,
    )
    teller.end()
    return _written(judging, extractor, scores, root)


def drawing(generator: Generator, look: Look) -> Draw:
    """What draws a window of a seed's plane: small ones at once, from as few cells as need be, others by tiles."""

    def draw(seed: int, window: Window) -> Tensor:
        with generator.plane(seed, cells=look.cells, batch=look.batch) as plane:
            if max(window.height, window.width) > WHOLE_PX:
                return plane.window(window.y0, window.x0, window.height, window.width)
            blocks = plane.blocks
            y, bottom = cover(window.y0, window.y0 + window.height, blocks)
            x, right = cover(window.x0, window.x0 + window.width, blocks)
            with undisturbed(plane.painter.device):
                painted = plane.painter.paint([(y, x)], max(bottom - y, right - x))[0].cpu()
            top, left = (first - int(2**blocks) * cell - margins(blocks)[0] for first, cell in _starts(window, y, x))
            return painted[:, top : top + window.height, left : left + window.width]

    return draw


def _starts(window: Window, y: int, x: int) -> tuple[tuple[int, int], tuple[int, int]]:
    return (window.y0, y), (window.x0, x)


def shot_macs(config: GeneratorConfig, shot: Shot) -> float:
    """Multiplications for a picture of a shot, roughly: as `drawing` draws it, with the usual tiles."""
    cells = usual_cells(config.blocks)
    if shot.side_px <= WHOLE_PX:
        cells = cells_for(shot.side_px, config.blocks) + 1
        return structure_macs(config, cells) + texture_macs(config, cells)
    tiles = -(-shot.side_px // TILE_PX) + 1
    return macs_per_pixel(config, cells) * (tiles * TILE_PX) ** 2


class _Teller:
    """Tells of each shot as of a stage, for real and for drawn pictures."""

    def __init__(self, judging: Judging, on_event: Listener) -> None:
        self.totals = {True: judging.spec.count, False: judging.reals.count}
        self.on_event, self.at, self.begun = on_event, "", 0.0

    def moved(self, shot: Shot, drawn: bool, done: int) -> None:
        scale = f" {shot.scale}x" if shot.kind == "scaleinv" else ""
        name = f"{shot.kind}{scale}" if drawn else f"{shot.kind}, real"
        if name != self.at:
            self.end()
            self.at, self.begun = name, time.monotonic()
            self.on_event(StageStarted(name, self.totals[drawn], "pictures"))
        self.on_event(StageMoved(name, done))

    def end(self) -> None:
        if self.at:
            self.on_event(StageDone(self.at, True, time.monotonic() - self.begun))


def _written(judging: Judging, extractor: Extractor, scores: Sequence[Score], root: Path) -> SetOutcome:
    spec, about = judging.spec, judging.about
    content = {
        "version": VERSION,
        "generator": about.revision,
        "reference": [judging.reals.content, judging.reals.count],
        "sizes": asdict(judging.sizes),
        "shots": [asdict(shot) for shot in judging.shots],
        "extractor": [extractor.name, extractor.revision, extractor.is_inception],
        "settings": {"count": spec.count, "seed": spec.seed, "resamples": spec.resamples},
        "painted": {"cells": spec.look.cells, "batch": spec.look.batch, "dtype": spec.look.dtype},
    }
    identity = hashlib.sha256(canonical_json(content).encode()).hexdigest()[:12]
    notes = tuple(_notes(judging, extractor, scores))
    outcome = SetOutcome(identity, METHOD, root / SETS / identity, tuple(scores), notes)
    origin = table.Run(
        run_id=identity,
        story=judging.reals.name,
        method=METHOD,
        variant=METHOD,
        seed=spec.seed,
        model=Path(spec.look.model).name,
        model_revision=about.revision,
        software=software(),
    )
    table.write_scores(table.rows(scores, origin), outcome.table)
    told = {**content, "id": identity, "asked": asdict(spec), "notes": list(notes), "software": software()}
    write_bytes(outcome.folder / FACTS, (json.dumps(told, indent=2, ensure_ascii=False) + "\n").encode())
    return outcome


def _notes(judging: Judging, extractor: Extractor, scores: Sequence[Score]) -> list[str]:
    notes = [*of_the_extractor(extractor)]
    if any("rank_deficient" in score.score and score.value for score in scores):
        fid, kid = ("FID", "KID") if extractor.is_inception else ("the Fréchet distance", "the kernel distance")
        notes.append(
            f"Read {kid} first: {judging.spec.count:,} pictures against {judging.reals.count:,} are fewer than "
            f"{ENOUGH:,}, or than the features, and {fid} then depends on how many there are. The paper drew 50,000."
        )
    if extractor.is_inception:
        notes.append("Published values are of other data and models; the paper's pictures and weights were theirs.")
    return notes
