"""How much of a text the encoders of a model read, found by its tokenizers alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path
from typing import Any

from zoomlib.models.backbone import Facts
from zoomlib.models.families import family_of
from zoomlib.models.files.folder import Folder, read_tokenizer

CLIP = 77
Reads = tuple[tuple[str, int], ...]
"""A model's tokenizers, by their parts' names, and how many tokens of a text each encoder is given."""


def reads_of(folder: Folder, facts: Facts) -> Reads:
    """What the facts say, else as many as the positions that each CLIP tower has."""
    if facts.reads:
        return facts.reads
    tokenizers = [part for part in facts.parts if part.startswith("tokenizer")]
    towers = [folder.config(part.replace("tokenizer", "text_encoder")) for part in tokenizers]
    lengths = [int(tower.get("max_position_embeddings") or CLIP) for tower in towers]
    return tuple(zip(tokenizers, lengths, strict=True))


def unread(folder: Path, reads: Iterable[tuple[str, int]], texts: Sequence[str]) -> list[str]:
    """The end of each text that none of the model's encoders reads, "" where one reads it all.

    Nothing is loaded for texts that are short enough whatever their tokens are: one holds a byte at least. Raises
    InvalidInputError for a tokenizer that cannot be read.
    """
    reads = [(part, int(most)) for part, most in reads]
    room = max((most for _, most in reads), default=0)
    long = [text for text in texts if reads and len(text.encode()) + 2 > room]
    if not long:
        return ["" for _ in texts]
    tokenizers = [(read_tokenizer(folder / part), most) for part, most in reads]
    ends = {text: max(_reach(tokenizer, most, text) for tokenizer, most in tokenizers) for text in long}
    return [text[ends.get(text, len(text)) :].strip() for text in texts]


def longest(folder: Path) -> tuple[int, Callable[[str], int]] | None:
    """How many tokens the encoder that reads most of a text is given, and how many a text has for it, its start and end
    included; None for a model with CLIP's towers alone. Raises InvalidInputError for no model of a known family, and
    for a tokenizer that cannot be read."""
    found = Folder(folder)
    reads = family_of(found).facts(found).reads
    if not reads:
        return None
    part, most = max(reads, key=itemgetter(1))
    tokenizer = read_tokenizer(folder / part)
    around = tokenizer.num_special_tokens_to_add()
    return most, lambda text: len(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]) + around


@contextmanager
def unwarned() -> Iterator[None]:
    """Hold back the libraries' own words on long texts: each tokenizer's, though another encoder may read the end."""
    from diffusers.utils import logging as pictures
    from transformers.utils import logging as texts

    before = [(library, library.get_verbosity()) for library in (pictures, texts)]
    for library, _ in before:
        library.set_verbosity_error()
    try:
        yield
    finally:
        for library, verbosity in before:
            library.set_verbosity(verbosity)


def _reach(tokenizer: Any, most: int, text: str) -> int:
    """How many letters of the text lie within its first tokens, those at the start and the end not counted."""
    room = most - tokenizer.num_special_tokens_to_add()
    found = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)["offset_mapping"]
    return len(text) if len(found) <= room else int(found[max(room - 1, 0)][1])
