"""Text encoders of transformers with random weights, and tokenizers of their own classes that know letters alone."""

import torch
from tokenizers import pre_tokenizers

LETTERS = sorted(pre_tokenizers.ByteLevel.alphabet())
PIECES = [("▁", -2.0), *((letter, -2.0) for letter in "abcdefghijklmnopqrstuvwxyz,.")]
CHAT = "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"


def clip_tokenizer(length=77):
    from transformers import CLIPTokenizer

    words = [*LETTERS, *(f"{letter}</w>" for letter in LETTERS), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer({word: k for k, word in enumerate(words)}, [], model_max_length=length)


def clip_tower(width=16, projected=False, **other):
    """A CLIP text model that pools at its end token, with a projection where that is asked for."""
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    words = 2 * len(LETTERS) + 2
    config = CLIPTextConfig(
        vocab_size=words,
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=2,
        num_attention_heads=2,
        projection_dim=width,
        bos_token_id=words - 2,
        eos_token_id=words - 1,
        pad_token_id=words - 1,
        **other,
    )
    return (CLIPTextModelWithProjection if projected else CLIPTextModel)(config)


def t5_tokenizer(length=512):
    from transformers import T5TokenizerFast

    return T5TokenizerFast(
        [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *PIECES], extra_ids=0, model_max_length=length
    )


def t5_tower(width=32):
    from transformers import T5Config, T5EncoderModel

    config = T5Config(
        vocab_size=3 + len(PIECES), d_model=width, d_kv=8, d_ff=2 * width, num_layers=1, num_heads=2, dropout_rate=0.0
    )
    return T5EncoderModel(config)


def qwen_tokenizer():
    """Qwen's, with a template for chats."""
    from transformers import Qwen2Tokenizer

    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokenizer = Qwen2Tokenizer({word: k for k, word in enumerate([*LETTERS, *special])}, [])
    tokenizer.add_special_tokens({"additional_special_tokens": special[1:]})
    tokenizer.chat_template = CHAT
    return tokenizer


def qwen_tower(width=16):
    from transformers import Qwen3Config, Qwen3Model

    config = Qwen3Config(
        vocab_size=len(LETTERS) + 3, hidden_size=width, intermediate_size=2 * width, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=1, head_dim=8, max_position_embeddings=1024,
    )  # fmt: skip
    return Qwen3Model(config)


def qwen_seeing(width=16):
    """Qwen 2.5 VL, of which words alone are used."""
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    words = {
        "vocab_size": len(LETTERS) + 3, "hidden_size": width, "intermediate_size": 2 * width, "num_hidden_layers": 2,
        "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 2048,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [1, 1, 2]},
    }  # fmt: skip
    sight = {"depth": 1, "hidden_size": 16, "num_heads": 2, "intermediate_size": 16, "out_hidden_size": width}
    config = Qwen2_5_VLConfig(text_config=words, vision_config=sight | {"fullatt_block_indexes": [0]})
    return Qwen2_5_VLForConditionalGeneration(config)


def settled(*modules):
    """Random weights large enough that words, times and places all matter."""
    torch.manual_seed(7)
    for module in modules:
        for weight in module.parameters():
            if weight.ndim > 1:
                torch.nn.init.normal_(weight, std=weight[0].numel() ** -0.5)
            else:
                weight.data += torch.randn_like(weight) * 0.05
        module.eval()
