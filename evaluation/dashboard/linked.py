"""Pictures and films of a comparison that this server shows, by their addresses on it."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote

from evaluation.cards import RunCard
from evaluation.comparison.media import Media

PLAYED = (".mp4", ".webm")
PACE = ("fps", "seconds_per_level", "seconds", "direction", "easing", "keyframes", "hold_start_s", "hold_end_s", "beat")
"""Settings of a film that say when it shows which level."""


def linked(cards: Iterable[RunCard], root: Path) -> Media:
    """All levels and those films that browsers play. In step where they have one pace and one number of levels."""
    cards = list(cards)
    films = {card.id: card.film for card in cards if card.film is not None and card.film.endswith(PLAYED)}
    return Media(
        pictures={card.id: [address(card, root, f"stack/{path.name}") for path in card.levels] for card in cards},
        films={name: address(card, root, films[name]) for card in cards if (name := card.id) in films},
        in_step=len({pace(card.config.get("film"), len(card.prompts)) for card in cards if card.id in films}) <= 1,
    )


def address(card: RunCard, root: Path, name: str) -> str:
    """Where this server shows a file of a run."""
    return f"/file/{quote(card.folder.relative_to(root).as_posix())}/{quote(name)}"


def pace(film: object, levels: int) -> str:
    """Equal for two films that show the same level at the same time. film: that part of a run's configuration."""
    return repr([levels, *(film.get(name) if isinstance(film, Mapping) else None for name in PACE)])
