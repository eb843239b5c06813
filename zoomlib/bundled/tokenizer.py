"""The bundled model's tokenizer: a byte-level BPE of the world's captions, so that any text encodes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import product

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from zoomlib.bundled.world.vocabulary import CLASSES, COLOUR_NAMES, FAR, NEAR, caption, phrase

MAX_TOKENS = 40
PAD, START, END = "<|pad|>", "<|startoftext|>", "<|endoftext|>"
BYTES = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
WORDS = Regex(r"[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+")


def captions() -> Iterable[str]:
    """Captions that hold every word of the world."""
    for kind, colour, view in product(range(len(CLASSES)), (None, *COLOUR_NAMES), (None, NEAR, FAR)):
        for variant in range(6):
            words = phrase(kind, colour, view, variant)
            yield caption(words, words, variant)


def train_tokenizer() -> Tokenizer:
    """Learn the merges; deterministic. Padding is id 0, the end token the largest id, as open_clip's pooling wants."""
    raw = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    raw.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    raw.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(WORDS, "removed", invert=True),
            BYTES,
        ]
    )
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    raw.train_from_iterator(
        captions(),
        trainers.BpeTrainer(
            vocab_size=1000, initial_alphabet=sorted(alphabet), end_of_word_suffix="</w>", show_progress=False
        ),
    )
    learned = json.loads(raw.to_str())["model"]
    words = sorted(learned["vocab"], key=learned["vocab"].get)
    words += [f"{letter}</w>" for letter in sorted(alphabet) if f"{letter}</w>" not in learned["vocab"]]
    vocabulary = {word: i for i, word in enumerate([PAD, *words, START, END])}
    merges = [tuple(m) if isinstance(m, list) else tuple(m.split(" ")) for m in learned["merges"]]
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, end_of_word_suffix="</w>"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = raw.normalizer, raw.pre_tokenizer
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
