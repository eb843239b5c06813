"""The commands about the store: what they do and what they say."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from flows.opening import root_of
from flows.terminal import plain
from tasks.errors import RefusedError

_MB = 2**20


def gc_command(out: Path | None, *, dry_run: bool, stopped: bool, as_json: bool) -> None:
    """Sweep the store, in its depot too, and say what that freed."""
    from tasks.cleaning import clean
    from tasks.depot.marker import depot_of
    from tasks.depot_cleaning import clean_depot

    root = root_of(out)
    depot = depot_of(root)
    swept = [] if depot is None else [(depot.url, clean_depot(depot, dry_run=dry_run, stopped=stopped))]
    swept.append((str(root), clean(root, dry_run=dry_run, stopped=stopped)))
    if as_json:
        print(json.dumps([{"place": place, "dry_run": dry_run, **asdict(found)} for place, found in swept], indent=2))
        return
    for place, found in swept:
        where = f"{place}: " if len(swept) > 1 else ""
        done = "would be removed" if dry_run else "removed"
        print(plain(f"{where}{found.files:,} files {done}, {_mb(found.bytes)} {'to be ' * dry_run}freed."))
        if found.kept_files:
            runs = f"{found.stopped} run{'s' * (found.stopped != 1)} that {'were' if found.stopped != 1 else 'was'}"
            print(
                f"{runs} stopped or failed would go on from {_mb(found.kept_bytes)} in {found.kept_files:,} files: run "
                "them again, or give them up with --stopped."
            )


def verify_command(out: Path | None, runs: Sequence[str], *, quick: bool, mend: bool, as_json: bool) -> int:
    """Look for damage, mend it where that is asked for, and say what was found; returns the exit code."""
    from tasks.finished import find_run
    from tasks.mending import mend as put_right
    from tasks.places import Here, place_of
    from tasks.verify import verify

    root = root_of(out).absolute()
    if not root.is_dir():
        raise RefusedError(f"There is no folder of runs at {root}. Name one with --out.")
    names = [_name_under(root, find_run(run, root)) for run in runs]
    place = place_of(root)
    found = []
    for one in [place] if place.is_here else [place, Here(root)]:
        counter = _Counter(f"Looking at {one.shown}", "files")
        verified = verify(one, names, quick=quick, on_file=counter)
        counter.end()
        if mend:
            put_right(root, one, verified.damages)
        found.append(verified)
    if as_json:
        print(json.dumps([_plain(one) for one in found], indent=2))
    else:
        for verified in found:
            _tell_verified(verified, mend=mend)
    return 1 if any(verified.damages for verified in found) else 0


def export_command(out: Path | None, words: Sequence[str], *, everything: bool, dry_run: bool) -> None:
    """Write runs to a folder, an archive or a URL that stands alone, and say what it holds."""
    from tasks.transfer import finished_runs, perform, planned

    *runs, target = words
    root = root_of(out)
    if everything == bool(runs):
        raise RefusedError(
            "Name the runs, and last where they go: tenfold export RUN... TO, or tenfold export --all TO."
        )
    chosen = [str(folder) for folder in finished_runs(root)] if everything else runs
    if not chosen:
        raise RefusedError(f"There is no finished run under {root} to export.")
    export = planned(root, chosen, target)
    for note in export.notes:
        print(plain(note), file=sys.stderr)
    told = f"{len(export.runs)} run{'s' * (len(export.runs) > 1)}, {len(export.items):,} files, {_mb(export.bytes)}"
    if dry_run:
        print(plain(f"{told} would be written to {target}."))
        return
    counter = _Counter(f"Writing {target}", "bytes")
    perform(export, counter.of)
    counter.end()
    print(plain(f"{told}: {target}"))


def import_command(out: Path | None, source: str, runs: Sequence[str], *, dry_run: bool) -> None:
    """Take over the runs of an export, and say which."""
    from tasks.arrival import checked, take_over
    from tasks.parcel_reading import reading

    root = root_of(out)
    with reading(source) as reader:
        arrival = checked(reader, root, runs)
        told = f"{len(arrival.items):,} files, {_mb(arrival.bytes)}, {arrival.there:,} files are there already"
        if dry_run:
            print(plain(f"{len(arrival.runs)} run{'s' * (len(arrival.runs) != 1)} would come, with {told}."))
            return
        counter = _Counter(f"Reading {source}", "bytes")
        take_over(reader, arrival, counter.of)
        counter.end()
    for run in arrival.runs:
        print(plain(str(root / run)))
    print(plain(f"{told}."), file=sys.stderr)


def _name_under(root: Path, folder: Path) -> str:
    try:
        return folder.resolve().relative_to(root.resolve()).as_posix()
    except ValueError as error:
        raise RefusedError(f"{folder} is no run under {root}. Name its folder of all runs with --out.") from error


def _tell_verified(found: Any, *, mend: bool) -> None:
    for damage in found.damages:
        print(plain(f"{damage}{f': {damage.mended}' if damage.mended else ''}"))
    looked = f"{found.files:,} files ({_mb(found.bytes)}), {found.manifests:,} stages, "
    looked += f"{found.folders:,} folder{'s' * (found.folders != 1)}"
    way = "by size" if found.quick else "whole"
    if not found.damages:
        print(plain(f"{found.place}: {looked} looked at, {way}: all is as it was made."))
        return
    print(plain(f"{found.place}: {looked} looked at, {way}: {len(found.damages):,} damaged."))
    if not mend:
        print("Put right what another copy allows, and take away the rest so that it is made again: --mend")


def _plain(found: Any) -> dict[str, Any]:
    facts = asdict(found)
    for damage in facts["damages"]:
        damage.update({name: sorted(damage[name]) for name in ("stages", "keys", "runs")})
    return facts


def _mb(count: int) -> str:
    return f"{count / _MB:,.1f} MB"


class _Counter:
    """A line in a terminal that counts up; nothing where there is none."""

    def __init__(self, title: str, unit: str) -> None:
        self.title, self.unit, self.shown = title, unit, sys.stderr.isatty()

    def __call__(self, done: int) -> None:
        if self.shown and done % 100 == 0:
            self._write(f"{done:,} {self.unit}")

    @property
    def of(self) -> Callable[[int, int], None]:
        """As a count of bytes of a total."""
        return lambda done, total: self._write(f"{_mb(done)} of {_mb(total)}")

    def _write(self, text: str) -> None:
        if self.shown:
            sys.stderr.write(f"\r\x1b[2K{plain(self.title)}: {text}")
            sys.stderr.flush()

    def end(self) -> None:
        """Remove the line."""
        if self.shown:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()
