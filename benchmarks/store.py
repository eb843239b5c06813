"""How long it takes to look through a large store, and how much memory: listing, verifying, freeing.

    python benchmarks/store.py [--artifacts 100000] [--compared 10000] [--depot] [--folder FOLDER] [--json]

Makes a store of the real form (contents, manifests, run folders; one fifth of it shown by no folder), once with
`--compared` artefacts and once with `--artifacts`, and does each work in a process of its own. Times are wall time,
memory is the largest resident set during the work, less that before it (Linux only). --depot: the same over
a depot in a local folder, read as any store of fsspec. Aims for 100,000: 60 s for listing, verifying by size and
freeing together, and memory that hardly grows.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tasks.cleaning import clean
from tasks.depot.depot import open_depot
from tasks.depot_cleaning import clean_depot
from tasks.manifest import Manifest, StageKey, canonical_json
from tasks.places import Here, Place, There
from tasks.store import artifact_of
from tasks.verify import verify

PER_STAGE, PER_RUN = 10, 8
"""Artefacts of a stage, stages of a run."""
UNSHOWN = 5
"""Of so many runs, one has no folder."""


def make(root: Path, artifacts: int) -> None:
    """A store with that many small artefacts, their manifests, and the folders of the runs."""
    stages = artifacts // PER_STAGE
    for number in range(stages):
        parts = {f"part_{index:02d}.png": f"{number} {index}".encode() * 20 for index in range(PER_STAGE)}
        kept = {name: artifact_of(hashlib.sha256(one).hexdigest(), len(one), "png") for name, one in parts.items()}
        for name, artifact in kept.items():
            path = root / ".cache" / artifact.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(parts[name])
        key = StageKey("stage", "1", {"number": number})
        path = root / ".cache" / "manifests" / f"{key.digest}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(canonical_json(Manifest(key, kept, {}, 1.0).as_json()))
        run, stage = divmod(number, PER_RUN)
        if run % UNSHOWN:
            note(root / f"story-{run % 50}" / f"{run:012x}", stage, key.digest, parts, kept, last=number == stages - 1)


def note(folder: Path, stage: int, digest: str, parts: dict, kept: dict, *, last: bool, _open: dict = {}) -> None:  # noqa: B006  the run that is being made
    """Add a stage to a run's folder, which shows one part of each; its `config.json` is written with the last stage."""
    facts = _open.setdefault(folder, {"stages": {}, "files": {}})
    facts["stages"][f"stage-{stage}"] = {"key": digest}
    name = "part_00.png"
    facts["files"][f"{stage}-{name}"] = kept[name].sha256
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{stage}-{name}").write_bytes(parts[name])
    if stage == PER_RUN - 1 or last:
        (folder / "config.json").write_text(json.dumps(_open.pop(folder)))


def listed(_root: Path, place: Place) -> int:
    """Every file, once."""
    return sum(1 for _ in place.entries(""))


def verified(_root: Path, place: Place, *, quick: bool) -> int:
    """All is as it was made."""
    found = verify(place, quick=quick)
    if found.damages:
        raise SystemExit(f"Unexpected damage: {found.damages[0]}")
    return found.files


def freed(root: Path, place: Place, *, dry_run: bool) -> int:
    """What no folder shows goes."""
    if isinstance(place, There):
        import tasks.depot_cleaning

        tasks.depot_cleaning.YOUNG_S = -1.0  # all of it was written a moment ago
        return clean_depot(place.depot, dry_run=dry_run).files
    return clean(root, dry_run=dry_run).files


WORKS = {
    "list": listed,
    "verify by size": lambda root, place: verified(root, place, quick=True),
    "verify whole": lambda root, place: verified(root, place, quick=False),
    "gc, dry run": lambda root, place: freed(root, place, dry_run=True),
    "gc": lambda root, place: freed(root, place, dry_run=False),
}


def work(name: str, root: Path, *, depot: bool) -> None:
    """Do one work and tell what it took."""
    place = There(open_depot(f"file://{root}")) if depot else Here(root)
    before = reset_peak()
    began = time.perf_counter()
    files = WORKS[name](root, place)
    seconds, above = time.perf_counter() - began, resident("VmHWM") - before
    print(json.dumps({"files": files, "seconds": round(seconds, 2), "above_mb": round(above, 1)}))


def reset_peak() -> float:
    """Let Linux forget the largest resident set so far; the present one in MB."""
    Path("/proc/self/clear_refs").write_text("5")
    return resident("VmRSS")


def resident(what: str) -> float:
    """A figure of this process's memory, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{what}:")) / 1024


def measured(root: Path, *, depot: bool) -> dict[str, dict[str, float]]:
    """All works, each in a process of its own."""
    found = {}
    for name in WORKS:
        command = [sys.executable, __file__, "--work", name, "--folder", str(root), *["--depot"] * depot]
        found[name] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def main() -> None:
    """Make the stores and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--artifacts", type=int, default=100_000)
    parser.add_argument("--compared", type=int, default=10_000)
    parser.add_argument("--depot", action="store_true")
    parser.add_argument("--folder", type=Path, help="where the stores are made. [default: a temporary folder]")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--work", choices=WORKS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        work(given.work, given.folder, depot=given.depot)
        return
    results = {}
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        for artifacts in (given.compared, given.artifacts):
            root = Path(folder).absolute() / str(artifacts)
            make(root, artifacts)
            results[artifacts] = measured(root, depot=given.depot)
    if given.json:
        print(json.dumps(results, indent=2))
        return
    print(f"{'artefacts':>10} {'work':<16} {'files':>9} {'seconds':>8} {'MB above':>9}")
    for artifacts, found in results.items():
        for name, told in found.items():
            print(f"{artifacts:>10,} {name:<16} {told['files']:>9,} {told['seconds']:>8} {told['above_mb']:>9}")


if __name__ == "__main__":
    main()
