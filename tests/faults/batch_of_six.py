"""A batch of six tiny videos: asked for in any process, counted, and held against one that nothing disturbed."""

import hashlib
import json
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tasks.batch.making import run_batch
from tasks.batch.plan import plan_batch
from tasks.batch.spec import BatchSpec
from tasks.batch.summary import Summary
from tasks.depot.roots import open_root
from tasks.run import CONFIG
from tests.doubles.ledger import Ledger
from tests.doubles.painter import Painter, Studio
from tests.doubles.prefect_site import Process, variables
from zoomlib.film.video import probe

TITLES = ("Bark", "Crystal", "Drop", "Ember", "Fern", "Grain")
STEPS, FPS, LEVELS = 5, 4, 2
SETTINGS = {
    "scores.scorer": "none",
    "sampling.steps": STEPS,
    "film.fps": FPS,
    "film.seconds_per_level": 1,
    "film.size_px": 32,
}
PICTURES = ("zoom.mp4", "story.yaml", "poster.png", "contact_sheet.png", "stack/")
"""What of a run depends on nothing but its story and settings: no times, no names of machines."""


def stories(folder: Path) -> list[str]:
    """The six stories as files in `folder`, written where they are missing; their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{title.lower()}.json" for title in TITLES]
    for title, file in zip(TITLES, files, strict=True):
        levels = [f"{title.lower()} seen from level {level}" for level in range(LEVELS)]
        if not file.exists():
            file.write_text(json.dumps({"title": title, "p": 2, "levels": levels}))
    return [*map(str, files)]


def spec(folder: Path, **more: object) -> BatchSpec:
    """The batch as it is asked for; its stories are written to `folder`."""
    return BatchSpec(title="Six", stories=tuple(stories(folder)), settings={**SETTINGS, **more})


def make(root: Path | str, studio: Studio, **options) -> Summary:
    """Plan and make the batch under `root`, a folder or a URL, in this process."""
    local = open_root(root)
    batch = plan_batch(spec(local.parent / "stories"), local, tools=studio.tools())
    return run_batch(batch, tools=studio.tools(), **options)


def evaluations(studio: Studio) -> int:
    """How often a studio's models were asked."""
    return sum(painter.steps for painter in studio.painters)


def states(summary: Summary) -> Counter:
    """How many jobs ended how."""
    return Counter("left" if outcome is None else outcome.state for _, outcome in summary.jobs)


@dataclass(frozen=True)
class Undisturbed:
    """What the batch comes to when nothing goes wrong: SHA-256 by name of file, and evaluations of models."""

    root: Path
    files: dict[str, str]
    evaluations: int


def pictures_of(root: Path) -> dict[str, str]:
    """SHA-256 of all that depends only on what was asked for, by name under `root`."""
    found = {}
    for config in sorted(root.glob(f"[!._]*/*/{CONFIG}")):
        for path in sorted(config.parent.rglob("*")):
            name = path.relative_to(config.parent).as_posix()
            if path.is_file() and name.startswith(PICTURES):
                found[path.relative_to(root).as_posix()] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def assert_whole(root: Path) -> None:
    """Every finished run under `root` is complete: nothing half-written, each file as `config.json`, the last, says."""
    for folder in sorted(path.parent for path in root.glob(f"[!._]*/*/{CONFIG}")):
        config = json.loads((folder / CONFIG).read_text())
        for name, digest in config["files"].items():
            assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest, f"{folder.name}/{name}"
        assert probe(folder / "zoom.mp4").frames == (LEVELS - 1) * FPS
        assert not [path for path in folder.rglob("*") if path.name.endswith(".part")]


def assert_right(root: Path, expected: dict[str, str]) -> None:
    """All six videos are there, whole, and byte for byte what an undisturbed batch makes."""
    assert_whole(root)
    assert pictures_of(root) == expected
    assert len([name for name in expected if name.endswith("zoom.mp4")]) == len(TITLES)


class Watched(Studio):
    """A studio whose painters note each evaluation, so that those of killed processes count too."""

    def load_denoiser(self, *arguments, **options) -> Painter:
        import sitecustomize

        painter = super().load_denoiser(*arguments, **options)
        predict = painter.predict_clean

        def noted(z, step, condition):
            content = z.numpy().tobytes() + repr((step, condition.rows["colour"])).encode()
            sitecustomize.note("evaluated", work=hashlib.sha256(content).hexdigest()[:16])
            return predict(z, step, condition)

        painter.predict_clean = noted
        return painter


def start(home: Path, root: Path | str, ledger: Ledger, name: str, pause_s: float, more: dict | None = None) -> Process:
    """The batch in a process of its own that the ledger watches; `home` is its machine."""
    env = variables(home, {**ledger.variables(), **(more or {})})
    command = [sys.executable, "-m", "tests.faults.batch_of_six", str(root), str(pause_s)]
    return Process(command, env, home, home / f"{name}.log")


def main(root: str, pause_s: str) -> int:
    """`python -m tests.faults.batch_of_six ROOT PAUSE_S`: the batch, to be watched and killed."""
    summary = make(root, Watched(seconds_per_step=float(pause_s)), on_event=lambda e: print(e, flush=True))
    print(json.dumps(summary.as_json()), flush=True)
    return summary.exit_code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
