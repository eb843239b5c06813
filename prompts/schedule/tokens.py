"""How much a text encoder reads of a prompt: CLIP's own tokenizer, or the one in a model's folder.

CLIP's byte-pair encoding (Radford et al. 2021, arXiv 2103.00020) is built from the list of merges that the open_clip
package ships, without importing that package, which would load torch.
"""

from __future__ import annotations

import gzip
import html
import importlib.util
import json
from collections.abc import Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from prompts.schedule.violation import TextLimit

CLIP_TOKENS = 77
MERGES = 49152 - 256 - 2  # of the list's lines after the first, those that CLIP was trained with
CLIP_FILE = "bpe_simple_vocab_16e6.txt.gz"
START, END = "<start_of_text>", "<end_of_text>"
WORD_END = "</w>"
PIECES = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
MOST = 100_000  # tokens; transformers writes 1e30 for "no limit"


@cache
def clip_limit() -> TextLimit:
    """What CLIP reads: 77 tokens. Raises LookupError where the open_clip package is not installed."""
    encoder = _clip(_merges(_clip_file()))
    return TextLimit("CLIP", CLIP_TOKENS, lambda text: len(encoder.encode(_clean(text)).ids) + 2)


def _clip_file() -> Path:
    found = importlib.util.find_spec("open_clip")
    folders = list(found.submodule_search_locations or ()) if found else []
    if not folders:
        raise LookupError("The package open_clip was expected and is not installed. Install it: open-clip-torch.")
    return Path(folders[0]) / CLIP_FILE


def _merges(file: Path) -> list[tuple[str, str]]:
    with gzip.open(file) as lines:
        words = b"".join(islice(lines, 1, MERGES + 1)).decode().split()
    return list(zip(words[::2], words[1::2], strict=True))


def _clip(merges: list[tuple[str, str]]) -> Any:
    """A `tokenizers.Tokenizer` that splits cleaned text as CLIP does, without start and end."""
    from tokenizers.pre_tokenizers import ByteLevel

    signs = sorted(ByteLevel.alphabet())  # one for each byte; CLIP has another order, which changes no count
    entries = [*signs, *(sign + WORD_END for sign in signs), *("".join(pair) for pair in merges), START, END]
    return _byte_pairs({entry: number for number, entry in enumerate(entries)}, merges, (START, END))


def _byte_pairs(numbers: dict[str, int], merges: list[tuple[str, str]], special: Sequence[str]) -> Any:
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.BPE(vocab=numbers, merges=merges, end_of_word_suffix=WORD_END))
    pieces = pre_tokenizers.Split(Regex(f"(?i:{PIECES})"), "removed", invert=True)
    whole_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pieces, whole_bytes])
    tokenizer.add_special_tokens(list(special))
    return tokenizer


def _clean(text: str) -> str:
    """The text as CLIP cleans it: encodings mended, entities resolved, white space single, in lower case."""
    if not text.isascii() or "&" in text or not text.isprintable():  # else there is nothing to mend
        import ftfy

        text = html.unescape(html.unescape(ftfy.fix_text(text)))
    return " ".join(text.split()).lower()


def folder_limit(folder: Path, name: str = "the model's text encoder") -> TextLimit | None:
    """What the text encoder of a model folder in diffusers' format reads; None where that cannot be read.

    The folder holds `tokenizer/tokenizer.json`, or `vocab.json` and `merges.txt` there. The length is that of the
    encoder (`text_encoder/config.json`), else of the tokenizer (`model_max_length`). name: for messages.
    """
    most = _length(folder)
    if most is None:
        return None
    try:
        tokenizer, added = _from_folder(folder / "tokenizer")
    except Exception:  # what tokenizers raises for a file that it cannot read is a bare Exception
        return None
    return TextLimit(name, most, lambda text: len(tokenizer.encode(text).ids) + added)


def _from_folder(folder: Path) -> tuple[Any, int]:
    """The tokenizer of a folder, and how many tokens the encoder's input has beside what it gives."""
    from tokenizers import Tokenizer, normalizers

    if (folder / "tokenizer.json").is_file():
        whole = Tokenizer.from_file(str(folder / "tokenizer.json"))
        whole.no_truncation()
        whole.no_padding()
        return whole, 0
    numbers: dict[str, int] = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    lines = (folder / "merges.txt").read_text(encoding="utf-8").split("\n")
    merges = [
        (pair[0], pair[1]) for line in lines if len(pair := line.split()) == 2 and not line.startswith("#version")
    ]
    parts = _byte_pairs(numbers, merges, ("<|startoftext|>", "<|endoftext|>"))
    parts.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    return parts, 2


def _length(folder: Path) -> int | None:
    places = (
        ("text_encoder/config.json", "max_position_embeddings"),
        ("tokenizer/tokenizer_config.json", "model_max_length"),
    )
    for file, key in places:
        value = _json(folder / file).get(key)
        if isinstance(value, int | float) and not isinstance(value, bool) and 2 < value <= MOST:
            return int(value)
    return None


def _json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}
