"""Small judging networks with random weights, in the files that their publishers' code writes."""

import warnings
from itertools import pairwise

import torch
from safetensors.torch import save_file
from torch import nn
from transformers import Dinov2Config, Dinov2Model, ViTConfig, ViTModel

WIDTH = 16  # of the embeddings of tests.evaluation.tiny_scorer
TOWER = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}


def mlp(*widths, between=lambda _: [nn.Dropout(0.2)]):
    """improved-aesthetic-predictor's: `layers`, with `between(i)` after all but the last two layers."""
    parts = []
    for i, (a, b) in enumerate(pairwise(widths)):
        parts += [nn.Linear(a, b), *(between(i) if i < len(widths) - 3 else [])]
    whole = nn.Module()
    whole.layers = nn.Sequential(*parts)
    return whole.eval()


def write(weights, file):
    save_file({name: value.detach().clone().contiguous() for name, value in weights.items()}, file)
    return file


def drawn(make, seed=0):
    """A module whose constructor would draw millions of weights: small ones instead, and running means of nothing."""
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = make()
    module = module.to_empty(device="cpu").eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.05)
        for name, buffer in module.named_buffers():
            buffer.fill_(1 if "var" in name else 0)
    return module


def lpips_model(net):
    import lpips

    model = drawn(lambda: lpips.LPIPS(pretrained=False, net=net, pnet_rand=True, verbose=False))
    with torch.no_grad():
        model.scaling_layer.shift.copy_(torch.tensor([-0.030, -0.088, -0.188]).view(1, 3, 1, 1))
        model.scaling_layer.scale.copy_(torch.tensor([0.458, 0.448, 0.450]).view(1, 3, 1, 1))
        for lin in model.lins:
            lin.model[1].weight.abs_()
    return model


def arniqa_model(dataset="koniq10k"):
    from torchmetrics.functional.image.arniqa import _ARNIQA

    class Empty(_ARNIQA):
        def _load_weights(self):
            """Not from the network."""

    return drawn(lambda: Empty(dataset))


def write_tower(folder, kind="dinov2"):
    torch.manual_seed(0)
    if kind == "dinov2":
        model = Dinov2Model(Dinov2Config(image_size=42, patch_size=14, **TOWER))
    else:
        model = ViTModel(ViTConfig(image_size=32, patch_size=8, **TOWER), add_pooling_layer=False)
    model.save_pretrained(folder)
    return model.eval()
