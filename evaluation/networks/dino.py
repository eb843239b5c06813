"""Likeness of windows and the levels that they show as DINO sees it: by any image tower of transformers, from a folder.

The embedding is the final layer's class token, as the DINO papers use it.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from evaluation.networks.preprocess import preprocess
from evaluation.networks.text_image import Scorer
from evaluation.networks.weights import digest
from evaluation.table import Score
from evaluation.windows import each_pair
from zoomlib.errors import InvalidInputError
from zoomlib.stack import ZoomStack

IMAGENET = {"image_mean": (0.485, 0.456, 0.406), "image_std": (0.229, 0.224, 0.225)}


@dataclass(frozen=True)
class WindowDino:
    """The score `window_dino` of each pair: cosine of the two embeddings; 1 is alike.

    Both pictures are resized to the tower's own input, `cfg` (as `preprocess.preprocess` takes it), from the window's
    size: neither is enlarged more than the other.
    """

    model: Any = field(repr=False)
    cfg: dict[str, Any]
    device: torch.device
    scorer: str
    revision: str
    embeds: bool = False

    def score(self, stack: ZoomStack, embedded: Tensor | None) -> list[Score]:  # noqa: ARG002
        """One score per pair."""
        if len(stack) == 1:
            return []
        seen = [
            torch.cat([self.preprocess(wide), self.preprocess(fine)])
            for wide, fine in each_pair(stack.levels, stack.p, stack.focus, loop=stack.loop)
        ]
        embeddings = torch.cat([self.embed(torch.cat(seen[i : i + 8])) for i in range(0, len(seen), 8)])
        cosines = F.cosine_similarity(embeddings[0::2], embeddings[1::2]).tolist()
        return [Score("window_dino", c, "pair", level, self.scorer, self.revision) for level, c in enumerate(cosines)]

    def preprocess(self, images: Tensor) -> Tensor:
        """Images (N, C, h, w) in [-1, 1], C = 1 or 3, as the tower wants them."""
        return preprocess(images.expand(-1, 3, -1, -1), self.cfg)

    @torch.inference_mode()
    def embed(self, pixels: Tensor) -> Tensor:
        """Class tokens (N, D), float32 on the CPU, of what `preprocess` has made."""
        tokens: Tensor = self.model(pixel_values=pixels.to(self.device)).last_hidden_state[:, 0]
        return tokens.float().cpu()


def files(folder: Path) -> tuple[Path, ...]:
    """What the result depends on. Raises InvalidInputError for a folder that is no model in safetensors."""
    if not (folder / "config.json").is_file():
        raise InvalidInputError(f"{folder} is no folder of a model of transformers: it has no config.json.")
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        raise InvalidInputError(
            f"{folder} holds no safetensors, and other weights can run code. Save the model once with "
            "AutoModel.from_pretrained(NAME).save_pretrained(FOLDER)."
        )
    extra = folder / "preprocessor_config.json"
    return (folder / "config.json", *([extra] if extra.is_file() else []), *weights)


def load(argument: str, *, device: torch.device, scorer: Scorer | None) -> WindowDino:  # noqa: ARG001
    """`dino:FOLDER`. Raises InvalidInputError for a folder that is no whole image tower in safetensors."""
    folder = Path(argument)
    found = files(folder)
    model = _model(folder)
    name = folder.resolve().name
    return WindowDino(model.to(device), _input(folder, model), device, name, digest(found))


def _model(folder: Path) -> Any:
    from transformers import AutoModel
    from transformers.utils import logging

    said = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        model, told = AutoModel.from_pretrained(
            str(folder), local_files_only=True, use_safetensors=True, trust_remote_code=False, output_loading_info=True
        )
    except Exception as error:  # transformers raises whatever its parts do
        raise InvalidInputError(f"{folder} cannot be loaded as a model of transformers: {error}.") from error
    finally:
        logging.set_verbosity(said)
    missing = sorted(name for name in told["missing_keys"] if not name.startswith("pooler."))
    if missing:
        raise InvalidInputError(f"The weights in {folder} are not whole: {missing[0]} is missing. Fetch them again.")
    if getattr(model, "main_input_name", "") != "pixel_values" or not hasattr(model.config, "patch_size"):
        raise InvalidInputError(f"{folder} holds no image tower of patches ({type(model).__name__}), as DINO's are.")
    return model.float().eval().requires_grad_(False)


def _input(folder: Path, model: Any) -> dict[str, Any]:
    """The tower's input from its preprocessor, where the folder has one: size, mean, spread, way of resizing."""
    file = folder / "preprocessor_config.json"
    told = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    size = told.get("crop_size") or told.get("size") or model.config.image_size
    if isinstance(size, dict):
        size = size.get("height") or size.get("shortest_edge")
    if getattr(model.config, "model_type", "") == "vit":
        size = model.config.image_size  # its places are learnt for one size
    return {
        "size": size,
        "mean": tuple(told.get("image_mean") or IMAGENET["image_mean"]),
        "std": tuple(told.get("image_std") or IMAGENET["image_std"]),
        "interpolation": "bilinear" if told.get("resample") == 2 else "bicubic",
        "resize_mode": "squash",  # the whole window is judged, its edges too
        "fill_color": 0,
    }
