"""The bundled model's tokenizer: a byte-level BPE of the world's captions, so that any text encodes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise, product

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from zoomlib.bundled.world.vocabulary import CLASSES, COLOUR_NAMES, FAR, NEAR, caption, phrase

MAX_TOKENS = 40
PAD, START, END = "<|pad|>", "<|startoftext|>", "<|endoftext|>"
BYTES = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
WORDS = Regex(r"[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+")
LAST = "</w>"
"""Marks the last letter of a word, as in CLIP's vocabulary."""

Merge = tuple[str, str]


def captions() -> Iterable[str]:
    """Captions that hold every word of the world."""
    for kind, colour, view in product(range(len(CLASSES)), (None, *COLOUR_NAMES), (None, NEAR, FAR)):
        for variant in range(6):
            words = phrase(kind, colour, view, variant)
            yield caption(words, words, variant)


def learn_merges(counts: Counter[str]) -> Iterator[Merge]:
    """Byte-pair encoding of words until each is one token: always the commonest pair, the smallest of equals.

    The `tokenizers` trainer breaks ties differently from run to run; ids that differ between the workers of a training
    would make it worthless.
    """
    words = {word: [*word[:-1], word[-1] + LAST] for word in sorted(counts)}
    while True:
        found: Counter[Merge] = Counter()
        for word, parts in words.items():
            for pair in pairwise(parts):
                found[pair] += counts[word]
        if not found:
            return
        best = min(found, key=lambda pair: (-found[pair], pair))
        yield best
        for parts in words.values():
            _join(parts, best)


def _join(parts: list[str], pair: Merge) -> None:
    i = 0
    while i < len(parts) - 1:
        if (parts[i], parts[i + 1]) == pair:
            parts[i : i + 2] = ["".join(pair)]
        i += 1


def train_tokenizer() -> Tokenizer:
    """The tokenizer, the same every time. Padding is id 0, the end token the largest id, as open_clip pools."""
    merges = list(learn_merges(Counter(word for text in captions() for word in text.lower().split())))
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = [*letters, *(letter + LAST for letter in letters), *("".join(pair) for pair in merges)]
    vocabulary = {word: i for i, word in enumerate([PAD, *words, START, END])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, end_of_word_suffix=LAST))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(WORDS, "removed", invert=True), BYTES])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([PAD, START, END])
    ends = [(START, vocabulary[START]), (END, vocabulary[END])]
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{START} $A {END}", special_tokens=ends)
    return tokenizer


def fixed_length(tokenizer: Tokenizer, length: int = MAX_TOKENS) -> Tokenizer:
    """The same tokenizer set to give exactly `length` ids; too long a text keeps its end token."""
    tokenizer.enable_truncation(length)
    tokenizer.enable_padding(length=length, pad_id=0, pad_token=PAD)
    return tokenizer
