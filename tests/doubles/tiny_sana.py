"""Sana in diffusers' own format with random weights: its real pipeline, tiny."""

from tests.doubles.tiny_texts import settled

LETTERS = ["▁", *"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ,.:;'-->\n()"]
SPECIAL = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
SOLVER = {
    "prediction_type": "flow_prediction",
    "use_flow_sigmas": True,
    "flow_shift": 3.0,
    "solver_order": 1,
}
"""Sana's own scheduler, but for its order: one of 1 is our update."""


def gemma_tokenizer():
    from transformers import GemmaTokenizer

    words = list(dict.fromkeys([*SPECIAL, *LETTERS]))
    return GemmaTokenizer({word: k for k, word in enumerate(words)}, [])


def gemma_tower(width=16):
    from transformers import Gemma2Config, Gemma2Model

    config = Gemma2Config(
        vocab_size=len({*SPECIAL, *LETTERS}),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
    )
    return Gemma2Model(config)


def sana_pipeline(folder, scheduler=None, **config):
    """Of 32 x 32 pixels, 4 to a place."""
    from diffusers import AutoencoderDC, DPMSolverMultistepScheduler, SanaPipeline, SanaTransformer2DModel

    transformer = SanaTransformer2DModel(
        in_channels=4, out_channels=4, num_attention_heads=2, attention_head_dim=8, num_layers=2,
        num_cross_attention_heads=2, cross_attention_head_dim=8, cross_attention_dim=16, caption_channels=16,
        sample_size=8, **config,
    )  # fmt: skip
    vae = AutoencoderDC(
        latent_channels=4, attention_head_dim=2, encoder_block_out_channels=(4, 8, 8),
        decoder_block_out_channels=(4, 8, 8), encoder_layers_per_block=(1, 1, 1), decoder_layers_per_block=(1, 1, 1),
        encoder_block_types=("ResBlock", "ResBlock", "EfficientViTBlock"),
        decoder_block_types=("ResBlock", "ResBlock", "EfficientViTBlock"),
        encoder_qkv_multiscales=((), (), (5,)), decoder_qkv_multiscales=((), (), (5,)), scaling_factor=0.41407,
    )  # fmt: skip
    text = gemma_tower()
    settled(transformer, vae, text)
    pipeline = SanaPipeline(
        tokenizer=gemma_tokenizer(),
        text_encoder=text,
        vae=vae,
        transformer=transformer,
        scheduler=scheduler or DPMSolverMultistepScheduler(**SOLVER),
    )
    pipeline.save_pretrained(folder, safe_serialization=True)
    pipeline.set_progress_bar_config(disable=True)
    return folder, pipeline
