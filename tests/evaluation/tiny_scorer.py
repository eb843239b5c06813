"""A two-tower model with random weights, small enough for a test, in the format of the shipped scorer."""

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

CONTEXT = 12
WORDS = ["a red spiral galaxy", "a blue nebula among stars", "green leaves in the centre", "atoms in a lattice"]


def tokenizer() -> Tokenizer:
    """Byte-level BPE: padding is 0, the end token the largest id."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=["<pad>"], initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator(WORDS * 5, trainer)
    made.add_special_tokens(["<end>"])
    return made


def config(vocabulary: int, **model_cfg) -> dict:
    return {
        "model_cfg": {
            "embed_dim": 16,
            "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 8},
            "text_cfg": {"context_length": CONTEXT, "vocab_size": vocabulary, "width": 32, "heads": 2, "layers": 1},
            **model_cfg,
        },
        "preprocess_cfg": {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.25, 0.3]},
    }


def pictures(count: int = 4, side: int = 48) -> torch.Tensor:
    generator = torch.Generator().manual_seed(count)
    coarse = torch.rand(count, 3, 8, 8, generator=generator) * 2 - 1
    return torch.nn.functional.interpolate(coarse, (side, side), mode="bicubic").clamp(-1, 1)
