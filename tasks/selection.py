"""Which runs are meant: by id, folder, sweep, or any folder that holds runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evaluation.cards import RunCard, Selection
from tasks.arms import arms_of
from tasks.cards import read_card, run_folders
from tasks.depot.names import is_url
from tasks.depot.roots import open_root, pull_run, pull_runs
from tasks.errors import RefusedError
from tasks.run import CACHE, CONFIG, FEWEST
from tasks.sweep_file import SWEEP, SWEEPS, SweepFile, read_sweep

_SHOWN = 5


@dataclass
class _Found:
    """What names have led to so far: the cards by run id in the order in which they were told."""

    cards: dict[str, RunCard] = field(default_factory=dict)
    given: dict[str, str] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)
    presets: list[str | None] = field(default_factory=list)

    def add(self, card: RunCard) -> None:
        self.cards.setdefault(card.id, card)


def select(names: Sequence[str], root: Path, *, fewest: int = 2) -> Selection:
    """The finished runs that `names` mean, in their order and each once.

    A name is a run's id or its beginning, the folder of a run, the name, id or folder of a sweep, a story's folder
    under `root`, or any folder that holds runs. What a sweep was to make and did not, and folders that cannot be read,
    are told in `missing`. Raises RefusedError for names that lead nowhere or to several things, and for fewer than
    `fewest` runs.
    """
    found = _Found()
    for name in names:
        _add(found, name, root)
    cards = tuple(found.cards.values())
    if len(cards) < fewest:
        raise RefusedError(_too_few(names, cards, found.missing, fewest))
    arms = arms_of(cards, found.given)
    told = [arm for arm in found.order if arm in set(arms.values())]
    arm_names = tuple(dict.fromkeys([*told, *(arms[card.id] for card in cards)]))
    presets = set(found.presets)
    return Selection(
        title=_title(found, cards),
        cards=cards,
        arms=arms,
        arm_names=arm_names,
        preset=presets.pop() if len(presets) == 1 else None,
        missing=tuple(dict.fromkeys(found.missing)),
    )


def _add(found: _Found, name: str, root: Path) -> None:
    path = _place(name, root)
    if (path / SWEEP).is_file():
        _add_sweep(found, read_sweep(path), path.absolute().parent.parent)
        return
    found.presets.append(None)
    if (path / CONFIG).is_file():
        found.add(read_card(path))
        return
    folders = list(_inside(path))
    if not folders:
        raise RefusedError(f"{path} holds no finished runs. Name a run, a sweep, or a folder of runs.")
    found.titles.append("All runs" if path.resolve() == root.resolve() else f"Runs in {path.absolute().name}")
    cards = []
    for folder in folders:
        try:
            cards.append(read_card(folder))
        except RefusedError as error:
            found.missing.append(str(error))
    for card in sorted(cards, key=lambda card: (card.story, card.variant, card.seed)):  # ids are in no order
        found.add(card)


def _add_sweep(found: _Found, sweep: SweepFile, root: Path) -> None:
    """The runs of a sweep under its own names; where two sweeps mean different things by one, it is lengthened."""
    found.titles.append(sweep.title)
    found.presets.append(sweep.preset)
    variants = {arm: found.cards[run].variant for run, arm in found.given.items()}
    for point in sweep.points:
        if point.folder is None or point.error is not None:
            found.missing.append(f"{point}: {point.error or 'not made yet'}.")
            continue
        try:
            pull_run(root, str(root / point.folder))
            card = read_card(root / point.folder)
        except RefusedError as error:
            found.missing.append(f"{point}: {error}")
            continue
        found.add(card)
        taken = variants.get(point.arm, card.variant) != card.variant
        found.given.setdefault(card.id, f"{point.arm} ({sweep.name})" if taken else point.arm)
    found.order += [arm for name in sweep.arms for arm in (name, f"{name} ({sweep.name})")]


def _place(name: str, root: Path) -> Path:
    """The folder that a name means. Raises RefusedError where there is none, or more than one."""
    given = open_root(name) if is_url(name) else Path(name)
    if is_url(name):
        pull_runs(given)
    else:
        pull_run(root, name)
    if name and given.is_dir():
        return given
    sweeps = {path.parent: read_sweep(path.parent) for path in sorted(root.glob(f"{SWEEPS}/*/{SWEEP}"))}
    runs = list(run_folders(root))
    exact = [path for path, sweep in sweeps.items() if name in (path.name, sweep.id, sweep.name)]
    exact += [path for path in runs if path.name == name]
    exact += [path for path in {run.parent: None for run in runs} if path.name == name]
    begun = [path for path, sweep in sweeps.items() if sweep.id.startswith(name)]
    begun += [path for path in runs if path.name.startswith(name)]
    fitting = exact or (begun if len(name) >= FEWEST else [])
    if len(fitting) == 1:
        return fitting[0]
    shown = ", ".join(_call(path) for path in (fitting or [*sweeps, *runs])[:_SHOWN]) or "nothing"
    which = "Several fit" if fitting else f"There is no such run or sweep under {root}; there are"
    raise RefusedError(f"What is {name!r}? {which}: {shown}. Name it by its id or its folder.")


def _inside(folder: Path) -> Iterator[Path]:
    """Folders of runs in a folder of runs, or of a story."""
    yield from (path.parent for path in sorted(folder.glob(f"*/{CONFIG}")) if path.parent.name != CACHE)
    yield from run_folders(folder)


def _call(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def _title(found: _Found, cards: Sequence[RunCard]) -> str:
    if len(set(found.titles)) == 1 and len(found.presets) == 1:
        return found.titles[0]
    stories = list(dict.fromkeys(card.story for card in cards))
    return f"{len(cards)} runs of {stories[0]}" if len(stories) == 1 else f"{len(cards)} runs of {len(stories)} stories"


def _too_few(names: Sequence[str], cards: Sequence[RunCard], missing: Sequence[str], fewest: int) -> str:
    what = f"only {len(cards)} finished run" + "s" * (len(cards) != 1) if cards else "no finished run"
    lost = f" Not there: {' '.join(missing)[:600]}" if missing else ""
    return (
        f"Comparing needs at least {fewest} runs, but {', '.join(names) or 'nothing'} has {what}.{lost} Name more "
        "runs, a sweep, or the folder of all runs."
    )
