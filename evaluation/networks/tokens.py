"""From prompts to the token rows that a text tower reads, with the length of what did not fit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer
from torch import Tensor


@dataclass(frozen=True)
class Tokens:
    """Token rows of prompts.

    `ids` (N, context_length) int64, padded; `counts` (N,) how many tokens each prompt has by itself, start and end
    token included; `truncated` (N,) bool, true where that is more than the context holds.
    """

    ids: Tensor
    counts: Tensor
    truncated: Tensor


Tokenize = Callable[[Sequence[str]], Tokens]


def pack(rows: Sequence[Sequence[int]], context_length: int, *, end: int, pad: int = 0) -> Tokens:
    """Lay token lists of any length into rows of `context_length`; a row that is too long keeps its end token.

    The end token is where CLIP reads the text's embedding: cut it off, and the score means nothing.
    """
    ids = torch.full((len(rows), context_length), pad, dtype=torch.int64)
    for row, tokens in zip(ids, rows, strict=True):
        kept = list(tokens) if len(tokens) <= context_length else [*tokens[: context_length - 1], end]
        row[: len(kept)] = torch.tensor(kept, dtype=torch.int64)
    counts = torch.tensor([len(tokens) for tokens in rows], dtype=torch.int64)
    return Tokens(ids, counts, counts > context_length)


def from_tokenizer(tokenizer: Tokenizer, context_length: int, *, end: int | None = None, pad: int = 0) -> Tokenize:
    """A `Tokenize` from a tokenizer of the `tokenizers` library.

    `end` is the id of the end token; None takes the largest id of the vocabulary, which is what open_clip's arg-max
    pooling looks for. It is appended where the tokenizer's own template does not. The tokenizer is copied; a special
    token spelled out in a prompt is encoded as ordinary text, so that no prompt can end early.
    """
    own = Tokenizer.from_str(tokenizer.to_str())
    own.no_truncation()
    own.no_padding()
    own.encode_special_tokens = True
    last = own.get_vocab_size() - 1 if end is None else end

    def tokenize(prompts: Sequence[str]) -> Tokens:
        rows = [own.encode(prompt).ids for prompt in prompts]
        ended = [row if row and row[-1] == last else [*row, last] for row in rows]
        return pack(ended, context_length, end=last, pad=pad)

    return tokenize
