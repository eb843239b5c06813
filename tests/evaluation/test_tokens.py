import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from evaluation.networks.tokens import from_tokenizer, pack
from tests.evaluation import tiny_scorer

TOKENIZER = tiny_scorer.tokenizer()
END = TOKENIZER.get_vocab_size() - 1


@given(st.lists(st.lists(st.integers(1, 98), max_size=30), min_size=1, max_size=5), st.integers(1, 20))
def test_rows_are_padded_or_cut_to_the_context_and_always_end(rows, context):
    """Arg-max pooling reads at the largest id: in each row that must be the end token, once."""
    packed = pack([[*row, 99] for row in rows], context, end=99)
    assert packed.ids.shape == (len(rows), context)
    for row, ids, count, truncated in zip(rows, packed.ids, packed.counts, packed.truncated, strict=True):
        kept = row[: context - 1]
        assert ids.tolist() == [*kept, 99, *[0] * (context - 1 - len(kept))]
        assert count == len(row) + 1
        assert truncated == (count > context)


@given(st.lists(st.text(max_size=40), min_size=1, max_size=4))
def test_any_text_has_tokens_with_one_end(texts):
    tokens = from_tokenizer(TOKENIZER, 12)(texts)
    assert ((tokens.ids == END).sum(1) == 1).all()
    assert (tokens.counts >= 1).all()


def test_a_special_token_in_a_prompt_is_text():
    """A prompt cannot end itself early."""
    tokens = from_tokenizer(TOKENIZER, 40)(["a red <end> galaxy", "a red <pad> galaxy"])
    assert (tokens.ids == END).sum(1).tolist() == [1, 1]
    assert (tokens.counts > 5).all()
    assert TOKENIZER.encode("a <end>").ids[-1] == END  # the caller's own tokenizer is left as it was


def test_settings_of_the_tokenizer_itself_do_not_truncate_or_pad():
    own = tiny_scorer.tokenizer()
    own.enable_truncation(3)
    own.enable_padding(length=50, pad_id=7)
    tokens = from_tokenizer(own, 12)(["a red spiral galaxy among stars"])
    assert tokens.counts.item() > 3
    assert 7 not in tokens.ids


@pytest.mark.parametrize("pad", [0, 5])
def test_ends_and_padding_of_other_models(pad):
    tokens = from_tokenizer(TOKENIZER, 12, end=3, pad=pad)(["a", ""])
    assert tokens.ids[1].tolist() == [3, *[pad] * 11]
    assert tokens.ids[0, 1] == 3
    assert tokens.ids.dtype == torch.int64
