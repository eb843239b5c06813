"""LoRA files as training leaves them: peft's layers with random numbers, written by diffusers' own writer."""

import torch

LAYERS = ["to_q", "to_k", "to_v", "to_out.0"]
TOWER_LAYERS = ["q_proj", "v_proj"]
FILE = "pytorch_lora_weights.safetensors"


def write_lora(pipeline, folder, seed=1, towers=()):
    """Changes of rank 2 to the attention of a pipeline's network and of the text encoders named, in `folder`/FILE."""
    from peft import LoraConfig, get_peft_model_state_dict

    network = "unet" if "unet" in pipeline.components else "transformer"
    layers = {}
    for part in (network, *towers):
        module = getattr(pipeline, part)
        targets = LAYERS if part == network else TOWER_LAYERS
        module.add_adapter(LoraConfig(r=2, target_modules=targets), adapter_name="made")
        found = get_peft_model_state_dict(module, adapter_name="made")
        generator = torch.Generator().manual_seed(seed)
        layers[part] = {k: torch.randn(v.shape, generator=generator) / 2 for k, v in sorted(found.items())}
    pipeline.unload_lora_weights()
    given = {f"{part}_lora_layers": found for part, found in layers.items()}
    pipeline.save_lora_weights(folder, **given, safe_serialization=True)
    return folder
