"""Folders of runs, and all that stands beside them, sent to a depot and fetched from it.

A folder is named by its path under the folder of all runs. `config.json` is sent last and fetched last, so that a
folder that has it is whole on either side.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Container, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tasks import events
from tasks.depot.depot import Depot
from tasks.depot.failures import AwayError, DepotError
from tasks.depot.leases import leased
from tasks.depot.marker import depot_of, mirror_of
from tasks.depot.synced import is_plain, owed, signs, synced
from tasks.hashes import known_sha256, sha256_of
from tasks.store import replacing, write_bytes

HEADS = ("config.json", "sweep.json", "batch.json")
"""What is written last into a folder; the first of these that it has."""
_AT_ONCE = 8
Note = Callable[[str], None]


def tell(text: str) -> None:
    """Tell whoever listens to the run in progress what a depot could not do."""
    events.listener()(events.StageNoted("depot", text))


@contextmanager
def sharing(root: Path, folder: Path, noted: Note = tell) -> Iterator[None]:
    """Write into a folder that other machines may write, too: what they wrote comes first, what the body wrote is sent.

    The caller holds the folder's lock on this machine. A depot that is away is done without, and what is to be sent is
    remembered. Raises DepotError for a depot that cannot be used.
    """
    depot = depot_of(root)
    if depot is None:
        yield
        return
    name = folder.absolute().relative_to(root.absolute()).as_posix()
    if _agrees(depot, root, name):  # as after a run that was finished before: no lease
        yield
        if synced(root, name).changed():
            push(root, folder, noted)
        return
    with contextlib.ExitStack() as held:
        try:
            work = f"folder-{hashlib.sha256(name.encode()).hexdigest()[:32]}"
            held.enter_context(leased(depot, work, mirror_of(root)))
            _pull_unless_damaged(root, name)
        except AwayError as error:
            if not depot.was_reached:
                raise
            noted(f"{error} The work goes on here.")
        yield
        push(root, folder, noted)


def push(root: Path, folder: Path, noted: Note = tell) -> bool:
    """Send what is new or changed in a folder under `root`, which nobody writes meanwhile; whether all is there now.

    What cannot be sent now is remembered, and `noted` is told why.
    """
    depot = depot_of(root)
    if depot is None:
        return True
    name = folder.absolute().relative_to(root.absolute()).as_posix()
    state, now = synced(root, name), signs(folder)
    head = _head(now)
    try:
        there = depot.read(f"{name}/{head}") if head else None
        if head and (there is None or _hash(there) != state.head):  # never sent, or written or removed by others
            state.files = {}
        sizes = sizes_in(depot, name)  # others are what was sent, unless it was damaged there
        changed = [file for file, sign in now.items() if (state.files.get(file), sizes.get(file)) != (sign, sign[0])]
        _at_once(lambda file: depot.upload(folder / file, f"{name}/{file}"), [one for one in changed if one != head])
        if head is not None and head in changed:
            depot.upload(folder / head, f"{name}/{head}")
        state.head, state.files, state.owed = sha256_of(folder / head) if head else None, now, False
    except (DepotError, OSError) as error:
        state.owed = True
        noted(f"{folder} is complete here and not yet in {depot.url}: {error} It is sent by the next command.")
    state.keep()
    return not state.owed


def pull(root: Path, name: str) -> bool:
    """Fetch what the depot has of a folder and this machine has not; whether there is such a folder now.

    A run's folder counts once it is finished, others (`_sweeps/...`) as they are. Raises DepotError.
    """
    depot = depot_of(root)
    if depot is None:
        return (root / name).is_dir()
    if not is_plain(name):  # as a damaged file may name it
        return False
    state = synced(root, name)
    if state.owed:  # what is here is the later one, and on its way there
        return True
    files = {file: size for file, size in sizes_in(depot, name).items() if is_plain(file)}
    head = _head(files)
    if head is None and not name.startswith("_"):  # a run that is only now being sent, or nothing
        return bool(state.files)
    content = depot.read(f"{name}/{head}") if head else b""
    if content is None:
        return False
    hashes, folder = hashes_in(content), root / name
    missing = [
        file
        for file, size in files.items()
        if file != head and not _is_same(folder / file, size, hashes.get(file), state.files.get(file))
    ]
    _at_once(lambda file: _fetch(depot, f"{name}/{file}", folder / file, hashes.get(file)), missing)
    if head and not ((folder / head).is_file() and (_is_broken(content) or (folder / head).read_bytes() == content)):
        write_bytes(folder / head, content)  # a damaged one is better than none: readers tell of it
    for file, sign in signs(folder).items():
        fresh = file in files and file not in state.files and sign[0] == files[file]
        if (
            fresh or file in (*missing, head) or file in hashes
        ):  # others may have been changed here, and wait to be sent
            state.files[file] = sign
    state.head = _hash(content) if head else None
    state.keep()
    return True


def _pull_unless_damaged(root: Path, name: str) -> None:
    """As `pull`; a folder that is damaged there is written and sent anew by whoever asks."""
    with contextlib.suppress(DamagedError):
        pull(root, name)


def send_owed(root: Path, noted: Note = tell) -> None:
    """Send the folders that could not be sent when they were written."""
    for state in owed(root):
        if not push(root, root / state.name, noted):
            return


def _agrees(depot: Depot, root: Path, name: str) -> bool:
    """Whether both sides are as they were when they agreed; in the depot its files are told by their sizes."""
    state = synced(root, name)
    head = _head(state.files)
    if state.head is None or head is None or state.owed or state.changed() or not state.is_whole():
        return False
    content = depot.read(f"{name}/{head}")
    if content is None or _hash(content) != state.head:
        return False
    sizes = sizes_in(depot, name)
    return all(sizes.get(file) == sign[0] for file, sign in state.files.items())


def sizes_in(depot: Depot, name: str) -> dict[str, int]:
    """The sizes of a folder's files in a depot, by their names in it. Raises DepotError."""
    return {entry.name.removeprefix(f"{name}/"): entry.size for entry in depot.entries(name)}


def _head(names: Container[str]) -> str | None:
    return next((head for head in HEADS if head in names), None)


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def hashes_in(config: bytes) -> dict[str, str]:
    """The hashes of a run's files that its `config.json` tells; none of one that is damaged."""
    try:
        files = json.loads(config)["files"]
        return {str(name): str(sha256) for name, sha256 in files.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _is_broken(content: bytes) -> bool:
    """Whether the file that is written last was cut short, so that one that is here is the better one."""
    try:
        json.loads(content)
    except ValueError:
        return True
    return False


def _is_same(path: Path, size: int, sha256: str | None, agreed: tuple[int, int] | None) -> bool:
    """Whether a file need not be fetched: it is the one there, or was changed here and is still to be sent."""
    try:
        status = path.stat()
        if sha256:
            return status.st_size == size and known_sha256(path) == sha256
        return status.st_size == size or (status.st_size, status.st_mtime_ns) != agreed
    except OSError:
        return False


def _fetch(depot: Depot, name: str, target: Path, sha256: str | None) -> None:
    """Fetch a file. Raises DamagedError for one that is not what the run made: readers must not see it as that."""
    for last in (False, True):  # the first may have come while another machine wrote it
        try:
            with replacing(target) as temporary:
                if depot.download(name, temporary) and sha256 in (None, sha256_of(temporary)):
                    return
                raise DamagedError(
                    f"{name} in {depot.url} is missing or damaged. Put it right (tenfold verify --mend --out "
                    f"{depot.url}), or make the run again: it is sent anew."
                )
        except DamagedError:
            if last:
                raise


class DamagedError(DepotError):
    """A file of a depot is not what the run made."""


def _at_once(act: Callable[[str], None], names: Iterable[str]) -> None:
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for _ in pool.map(act, names):
            pass
