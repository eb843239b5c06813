"""A model hub and its cache on this machine: what is there, and getting what is not. The only meeting with
huggingface_hub, which reads address, cache folder, token and HF_HUB_OFFLINE from the environment itself.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoomlib.errors import ZoomlibError

Progress = Callable[[str, int, int], None]
"""Is told a model's name, how many bytes are here, and of how many."""

Plan = Callable[[Mapping[str, int], Path], Iterator[Sequence[str]]]
"""Which files are wanted: given all names with their sizes, and the folder where they will lie, it names them in turns;
what it has named is there before it is asked for more."""

SPARE_BYTES = 2**26
_WORD = r"[A-Za-z0-9_](?:[\w.-]*[A-Za-z0-9_])?"
_ID = re.compile(rf"(?P<repo>{_WORD}/{_WORD})(?:@(?P<revision>[\w][\w./+-]*))?", re.ASCII)
_FILE = re.compile(r"(?!.*\.\.)[\w][\w.+ -]*(/[\w][\w.+ -]*)?", re.ASCII)


class NotThereError(ZoomlibError):
    """A model cannot be had from here; the text is a clause that says why, and ends without a full stop."""


@dataclass(frozen=True)
class HubId:
    """A model's name at a hub, and the branch, tag or commit that is wanted."""

    repo: str
    revision: str | None = None

    def __str__(self) -> str:
        return self.repo if self.revision is None else f"{self.repo}@{self.revision}"

    def command(self, file: str = "") -> str:
        """What to type to get it into the cache, or one file of it."""
        revision = "" if self.revision is None else f"--revision {self.revision}"
        return " ".join(filter(None, ["hf download", self.repo, file, revision]))


def is_inside(name: str) -> bool:
    """Whether a file's name, as a hub or a user tells it, stays in a model's folder or a part's."""
    return len(name) <= 200 and _FILE.fullmatch(name) is not None


def hub_id(name: str) -> HubId | None:
    """ORG/NAME or ORG/NAME@REVISION; None for any other text, so that no name leads out of the cache's folder."""
    match = _ID.fullmatch(name)
    if match is None or ".." in name or "--" in match["repo"] or len(name) > 200:
        return None
    return HubId(match["repo"], match["revision"])


def cached(wanted: HubId, marker: str) -> tuple[Path, str] | None:
    """Folder and commit of a model in the cache, of which the file `marker` is there; nothing is asked of a network."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(wanted.repo, marker, revision=wanted.revision)
    if not isinstance(found, str):
        return None
    folder = Path(found).parent
    return folder, folder.name


def snapshot(wanted: HubId) -> Path | None:
    """The folder of what is in the cache of a repository at that revision, whatever of it is there."""
    home, revision = _home(wanted), wanted.revision or "main"
    note = home / "refs" / revision
    commit = note.read_text(encoding="utf-8").strip() if note.is_file() else revision
    folder = home / "snapshots" / commit
    return folder if commit.isalnum() and folder.is_dir() else None


def cached_names() -> list[str]:
    """ORG/NAME of everything in the cache, whatever of it is there."""
    from huggingface_hub import constants

    folders = sorted(Path(constants.HF_HUB_CACHE).glob("models--*--*"))
    return ["/".join(folder.name.split("--")[1:3]) for folder in folders]


def cache_folder() -> Path:
    """Where the cache is."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE).expanduser()


def is_offline() -> bool:
    """Whether the user has forbidden to ask the hub."""
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)


def fetch(wanted: HubId, plan: Plan, on_progress: Progress | None = None) -> tuple[Path, str]:
    """Get a model into the cache; returns its folder there and its commit, to which the revision is then pinned.

    A download that was interrupted goes on where it stopped. The cache's note which commit a revision is comes last, so
    that what is not whole is not found by its name. Raises NotThereError where it cannot be had.
    """
    if is_offline():
        raise NotThereError("is not in the cache, and HF_HUB_OFFLINE forbids to ask the hub")
    with _told(wanted):
        from huggingface_hub import HfApi

        info = HfApi().model_info(wanted.repo, revision=wanted.revision, files_metadata=True)
    commit = str(info.sha)
    if not commit.isalnum():
        raise NotThereError(f"has no commit at the hub, but {commit!r:.60}")
    home = _home(wanted)
    folder = home / "snapshots" / commit
    listing = {f.rfilename: f.size or 0 for f in info.siblings or () if is_inside(f.rfilename)}
    for names in plan(listing, folder):
        _check_names(names, listing)
        _get(wanted, commit, {name: listing[name] for name in names}, home, on_progress)
    _pin(home, wanted.revision or "main", commit)
    return folder, commit


def _check_names(names: Sequence[str], listing: Mapping[str, int]) -> None:
    lacking = [name for name in names if name not in listing]
    if lacking:
        raise NotThereError(f"has no {lacking[0]}")


def _home(wanted: HubId) -> Path:
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE).expanduser() / f"models--{wanted.repo.replace('/', '--')}"


def _get(wanted: HubId, commit: str, sizes: Mapping[str, int], home: Path, on_progress: Progress | None) -> None:
    missing = {name: size for name, size in sizes.items() if not (home / "snapshots" / commit / name).is_file()}
    _check_room(home, sum(missing.values()))
    bar = _bar(str(wanted), sum(missing.values()), on_progress)
    for name in missing:
        with _told(wanted):
            from huggingface_hub import hf_hub_download

            hf_hub_download(wanted.repo, name, revision=commit, cache_dir=home.parent, tqdm_class=bar)


def _check_room(home: Path, needed: int) -> None:
    place = next(parent for parent in (home, *home.parents) if parent.exists())
    free = shutil.disk_usage(place).free
    if needed + SPARE_BYTES > free:
        raise NotThereError(
            f"takes {needed / 2**30:.1f} GB, and the disk of {place} has {free / 2**30:.1f} GB free: free some, or set "
            "HF_HOME to a folder on another"
        )


def _bar(name: str, total: int, on_progress: Progress | None) -> Any:
    """A class in the place of a progress bar's, which adds up what all files of a turn have moved."""
    done = 0

    class Bar:
        def __init__(self, *_: Any, initial: int = 0, **__: Any) -> None:
            self.update(initial)

        def update(self, count: float | None = 1) -> None:
            nonlocal done
            done += int(count or 0)
            if on_progress is not None:
                on_progress(name, min(done, total), total)

        def __enter__(self) -> Bar:
            return self

        def __exit__(self, *_: object) -> None:
            return None

        def close(self) -> None:
            return None

        set_description = set_postfix_str = refresh = reset = lambda *_, **__: None

    return Bar


def _pin(home: Path, revision: str, commit: str) -> None:
    """Note which commit a branch or tag is, as the hub's own client does."""
    if revision == commit:
        return
    note = home / "refs" / revision
    note.parent.mkdir(parents=True, exist_ok=True)
    part = note.with_name(note.name + ".part")
    part.write_text(commit, encoding="utf-8")
    part.replace(note)


class _told:  # noqa: N801 - reads as a statement
    """Turns whatever the hub's client raises into a NotThereError that says what to do."""

    def __init__(self, wanted: HubId) -> None:
        self.wanted = wanted

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, Exception):
            raise NotThereError(_reason(self.wanted, error)) from error


def _reason(wanted: HubId, error: Exception) -> str:
    from huggingface_hub import constants, errors

    if isinstance(error, errors.LocalEntryNotFoundError) and isinstance(error.__cause__, Exception):
        error = error.__cause__  # the client says only that its cache has no such file
    page = f"{constants.ENDPOINT}/{wanted.repo}"
    if isinstance(error, errors.GatedRepoError):
        return (
            f"is gated: accept its licence at {page}, make a token there and give it to `hf auth login` (or HF_TOKEN)"
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return f"has no revision {wanted.revision!r} at the hub"
    if isinstance(error, errors.RepositoryNotFoundError):
        return "is unknown to the hub, or private: check its name; for a private one `hf auth login`"
    if isinstance(error, errors.EntryNotFoundError):
        return f"lacks a file at the hub ({_short(error)})"
    return f"could not be got from {constants.ENDPOINT}: {_short(error)}; what is here is kept, and goes on from there"


def _short(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return f"{type(error).__name__}: {lines[0][:160]}".rstrip(". ")
