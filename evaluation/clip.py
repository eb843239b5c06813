"""Text-image scores by any open_clip model: the one meeting of Tenfold with open_clip.

A scorer on disk is a folder in open_clip's own format: `open_clip_config.json` (`model_cfg`, `preprocess_cfg`),
`open_clip_model.safetensors`, and, for a vocabulary of its own, `tokenizer.json` of the `tokenizers` library.
"""

import copy
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import open_clip
import torch
from open_clip.model import set_model_preprocess_cfg
from open_clip.transform import PreprocessCfg, merge_preprocess_dict
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor

from evaluation.preprocess import preprocess
from evaluation.table import Score
from evaluation.tokens import Tokenize, Tokens, from_tokenizer
from zoomlib.errors import InvalidInputError

CONFIG, WEIGHTS, TOKENIZER = "open_clip_config.json", "open_clip_model.safetensors", "tokenizer.json"


Model = Any  # open_clip publishes no types: a torch.nn.Module with encode_image, encode_text and a `visual` tower


def create(config: Mapping[str, Any]) -> Model:
    """An untrained model from the content of an `open_clip_config.json`: `{"model_cfg": ..., "preprocess_cfg": ...}`.

    `model_cfg` is any architecture that open_clip knows (`custom_text` and `quick_gelu` are honoured). Random weights
    come from torch's global generator. Raises InvalidInputError for a configuration that open_clip refuses, or one
    whose text tower it would have to fetch.
    """
    model_cfg = copy.deepcopy(dict(_model_cfg(config)))
    if model_cfg["text_cfg"].get("hf_model_name"):
        raise InvalidInputError(
            "The scorer's text tower is named from a hub (text_cfg.hf_model_name), which a folder "
            "cannot supply. Use a model whose text tower is open_clip's own, or NAME:TAG."
        )
    custom = model_cfg.pop("custom_text", False)
    kind = open_clip.CoCa if "multimodal_cfg" in model_cfg else open_clip.CustomTextCLIP if custom else open_clip.CLIP
    try:
        model = kind(**model_cfg)
    except (TypeError, ValueError, AssertionError, KeyError, RuntimeError) as error:
        raise InvalidInputError(
            f"open_clip cannot build the model of this configuration: {error}. Compare model_cfg "
            "with the configurations that ship with open_clip."
        ) from error
    set_model_preprocess_cfg(model, _preprocess_cfg(config.get("preprocess_cfg", {}), model))
    return model


def save(
    model: Model,
    config: Mapping[str, Any],
    tokenizer: Tokenizer | None,
    folder: str | Path,
    *,
    dtype: torch.dtype = torch.float32,
) -> Path:
    """Write `model` where `load_scorer`, or open_clip itself as `local-dir:FOLDER`, reads it back; returns the folder.

    Floating-point weights are stored as `dtype` (float16 halves the file). `tokenizer` None means open_clip's own.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    weights = {
        name: (value.to(dtype) if value.is_floating_point() else value).detach().cpu().contiguous()
        for name, value in model.state_dict().items()
    }
    (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    if tokenizer is not None:
        tokenizer.save(str(folder / TOKENIZER))
    save_file(weights, folder / WEIGHTS)
    return folder


@dataclass(frozen=True)
class TextImage:
    """What a scorer says of L images and their L prompts; every field is (L,).

    `clip_score` 100 cos, not below 0; `clip_margin` the own prompt's cosine less the best other level's (NaN for a
    single level); `clip_rank` rank of the own prompt among the story's, 1 is best; `prompt_tokens` how many tokens the
    prompt has; `prompt_truncated` whether only its beginning was read.
    """

    clip_score: Tensor
    clip_margin: Tensor
    clip_rank: Tensor
    prompt_tokens: Tensor
    prompt_truncated: Tensor


@dataclass(frozen=True)
class Scorer:
    """A text-image model that is ready to score. `name` and `revision` (of its weights) belong beside every score."""

    model: Model
    tokenize: Tokenize
    name: str
    revision: str
    device: torch.device
    batch: int = 16

    @torch.inference_mode()
    def embed_images(self, images: Tensor) -> Tensor:
        """Unit embeddings (N, D), float32 on the CPU, of images (N, 3, H, W) in [-1, 1]."""
        if images.ndim != 4 or images.shape[1] != 3:
            raise InvalidInputError(f"Expected images of shape (N, 3, H, W), got {tuple(images.shape)}.")
        parts = [
            self.model.encode_image(self.preprocess(part.to(self.device)), normalize=True).float().cpu()
            for part in torch.split(images, self.batch)
        ]
        return torch.cat(parts)

    @torch.inference_mode()
    def embed_texts(self, prompts: Sequence[str]) -> Tensor:
        """Unit embeddings (N, D), float32 on the CPU, of N prompts."""
        return self._embed_tokens(self.tokenize(prompts))

    def preprocess(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W) in [-1, 1] as the model's image tower wants them: resized, cropped, normalised."""
        return preprocess(images, self.model.visual.preprocess_cfg)

    def text_image(self, images: Tensor, prompts: Sequence[str]) -> Tensor:
        """`clip_score` (L,) of L images (L, 3, H, W) in [-1, 1], each with its own prompt."""
        return self.score(images, prompts).clip_score

    def score(self, images: Tensor, prompts: Sequence[str]) -> TextImage:
        """Every score of L images (L, 3, H, W) in [-1, 1] against their L prompts."""
        if len(images) != len(prompts) or not prompts:
            raise InvalidInputError(f"Expected one prompt per image; got {len(images)} images, {len(prompts)} prompts.")
        tokens = self.tokenize(prompts)
        cosines = self.embed_images(images) @ self._embed_tokens(tokens).T
        return rate(cosines, tokens)

    @torch.inference_mode()
    def _embed_tokens(self, tokens: Tokens) -> Tensor:
        parts = [
            self.model.encode_text(part.to(self.device), normalize=True).float().cpu()
            for part in torch.split(tokens.ids, self.batch)
        ]
        return torch.cat(parts)


def rate(cosines: Tensor, tokens: Tokens) -> TextImage:
    """The scores that follow from `cosines` (L, L), row = image, column = prompt."""
    own = cosines.diagonal()
    others = cosines.masked_fill(torch.eye(len(cosines), dtype=torch.bool), -torch.inf).amax(1)
    margin = torch.where(others.isinf(), torch.nan, own - others)
    rank = 1 + (cosines > own[:, None]).sum(1)
    return TextImage((100 * own).clamp(min=0), margin, rank, tokens.counts, tokens.truncated)


def score_text(scorer: Scorer, images: Tensor, prompts: Sequence[str]) -> list[Score]:
    """`TextImage` of a stack's levels (L, 3, H, W) and their prompts, as one score per field and level."""
    rated = scorer.score(images, prompts)
    return [
        Score(field.name, float(value), "level", level, scorer.name, scorer.revision)
        for field in fields(rated)
        for level, value in enumerate(getattr(rated, field.name).tolist())
    ]


def load_scorer(name: str | Path = "bundled", *, device: str | torch.device = "cpu") -> Scorer:
    """A scorer by `name`: "bundled", a folder in open_clip format, or open_clip's "NAME:TAG", e.g. "ViT-B-32:openai".

    A folder is read from its safetensors only, without a network; a tag is fetched by open_clip unless its cache holds
    it. Raises InvalidInputError when there is no such model or its files are unusable.
    """
    name = str(name)
    if name == "bundled":
        from zoomlib import bundled

        return _from_folder(bundled.folder() / "scorer", "bundled", torch.device(device))
    if Path(name).is_dir():
        return _from_folder(Path(name), Path(name).resolve().name, torch.device(device))
    architecture, colon, tag = name.partition(":")
    if colon and architecture in open_clip.list_models():
        return _from_tag(architecture, tag, torch.device(device))
    raise InvalidInputError(
        f"No scorer {name!r}. Expected 'bundled', a folder with {CONFIG} and {WEIGHTS}, or "
        "NAME:TAG as `open_clip.list_pretrained()` lists them, e.g. 'ViT-B-32:openai'."
    )


def _from_folder(folder: Path, name: str, device: torch.device) -> Scorer:
    config = _read_config(folder / CONFIG)
    model = create(config)
    try:
        open_clip.load_checkpoint(model, str(folder / WEIGHTS))
    except Exception as error:
        what = "is missing" if not (folder / WEIGHTS).is_file() else f"does not fit {CONFIG} or is damaged: {error}"
        raise InvalidInputError(
            f"{folder / WEIGHTS} {what}. Fetch or save the scorer again; only safetensors are read."
        ) from error
    return _scorer(model, _folder_tokenize(folder, config), name, device)


def _from_tag(architecture: str, tag: str, device: torch.device) -> Scorer:
    tags = open_clip.list_pretrained_tags_by_model(architecture)
    if tag not in tags:
        raise InvalidInputError(
            f"open_clip has no weights {tag!r} for {architecture}. It has: {', '.join(tags) or 'none'}."
        )
    trained = bool(open_clip.get_pretrained_cfg(architecture, tag).get("quick_gelu", False))
    if open_clip.get_model_config(architecture).get("quick_gelu", False) and not trained:
        raise InvalidInputError(
            f"The weights {tag!r} were not trained with QuickGELU, which {architecture} uses; the "
            f"scores would be wrong. Use {architecture.removesuffix('-quickgelu')}:{tag}."
        )
    try:
        # Weights trained with QuickGELU under a plain name would score wrongly with no more than a warning.
        model = open_clip.create_model(architecture, pretrained=tag, force_quick_gelu=trained)
        tokenizer = open_clip.get_tokenizer(architecture)
    except Exception as error:
        raise InvalidInputError(
            f"open_clip could not load {architecture}:{tag}: {error}. It needs a network once; "
            "afterwards, or from a folder, none."
        ) from error
    return _scorer(model, _open_clip_tokenize(tokenizer), f"{architecture}:{tag}", device)


def _scorer(model: Model, tokenize: Tokenize, name: str, device: torch.device) -> Scorer:
    model = model.eval().requires_grad_(False)
    return Scorer(model.to(device), tokenize, name, fingerprint(model), device)


def fingerprint(model: Model) -> str:
    """SHA-256 over the names and values of a model's weights: the revision that stands beside its scores."""
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def _folder_tokenize(folder: Path, config: Mapping[str, Any]) -> Tokenize:
    text = config["model_cfg"]["text_cfg"]
    try:
        if text.get("hf_tokenizer_name") or not (folder / TOKENIZER).is_file():
            return _open_clip_tokenize(open_clip.get_tokenizer(f"local-dir:{folder}"))
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    except Exception as error:  # the tokenizers library raises nothing narrower
        raise InvalidInputError(
            f"The tokenizer in {folder} cannot be read: {error}. Fetch or save the scorer again."
        ) from error
    end = text.get("eos_id", 2) if text.get("pool_type") == "eos" else None
    return from_tokenizer(tokenizer, text.get("context_length", 77), end=end, pad=text.get("pad_id", 0))


def _open_clip_tokenize(tokenizer: Any) -> Tokenize:
    """open_clip's tokenizers truncate in silence (keeping the end token); the counts come from their raw encoding."""

    def count(prompt: str) -> int:
        inner = getattr(tokenizer, "tokenizer", None)
        return len(inner(tokenizer.clean_fn(prompt)).input_ids) if inner else len(tokenizer.encode(prompt)) + 2

    def tokenize(prompts: Sequence[str]) -> Tokens:
        ids = tokenizer(list(prompts))
        counts = torch.tensor([count(prompt) for prompt in prompts], dtype=torch.int64)
        return Tokens(ids, counts, counts > ids.shape[1])

    return tokenize


def _read_config(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInputError(
            f"{path} cannot be read as a scorer's configuration: {error}. A scorer's folder holds "
            f"{CONFIG} and {WEIGHTS}."
        ) from error
    _model_cfg(config)
    return dict(config)


def _model_cfg(config: Any) -> Mapping[str, Any]:
    model_cfg = config.get("model_cfg") if isinstance(config, Mapping) else None
    if not isinstance(model_cfg, Mapping) or not {"embed_dim", "vision_cfg", "text_cfg"} <= model_cfg.keys():
        raise InvalidInputError(
            "A scorer's configuration needs `model_cfg` with embed_dim, vision_cfg and text_cfg, "
            f"as in open_clip's own {CONFIG}; got {str(config)[:80]}."
        )
    return model_cfg


def _preprocess_cfg(given: Mapping[str, Any], model: Model) -> dict[str, Any]:
    return {**merge_preprocess_dict(PreprocessCfg(), dict(given)), "size": model.visual.image_size}
