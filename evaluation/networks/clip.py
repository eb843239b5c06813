"""Text-image models by open_clip: the one meeting of Tenfold with it. `text_image`, beside it, scores with them.

A scorer on disk is a folder in open_clip's own format: `open_clip_config.json` (`model_cfg`, `preprocess_cfg`),
`open_clip_model.safetensors`, and, for a vocabulary of its own, `tokenizer.json` of the `tokenizers` library.
"""

import copy
import difflib
import hashlib
import json
import posixpath
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import huggingface_hub
import open_clip
import torch
from open_clip.model import set_model_preprocess_cfg
from open_clip.transform import PreprocessCfg, merge_preprocess_dict
from safetensors.torch import save_file
from tokenizers import Tokenizer

from evaluation.networks.text_image import Model, Scorer, TextImage, rate, score_text
from evaluation.networks.tokens import Tokenize, Tokens, from_tokenizer
from evaluation.networks.weights import check_file, digest
from zoomlib.building import alone
from zoomlib.errors import InvalidInputError

__all__ = ["Scorer", "TextImage", "create", "describe_named", "load_scorer", "rate", "save", "score_text"]

CONFIG, WEIGHTS, TOKENIZER = "open_clip_config.json", "open_clip_model.safetensors", "tokenizer.json"
HUB_FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
"""What open_clip looks for where its list names a repository of the hub and no file."""


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


@alone
def load_scorer(name: str | Path = "bundled", *, device: str | torch.device = "cpu") -> Scorer:
    """A scorer by `name`: "bundled"; a folder in open_clip's format; "NAME:TAG", e.g. "ViT-B-32:openai"; or
    "NAME:FILE", weights of that architecture in a safetensors file.

    Folders and files are read without a network; a tag is fetched by open_clip unless its cache holds it. Of a file,
    nothing but NAME says whether it was trained with QuickGELU: OpenAI's weights need a name that ends in -quickgelu.
    Raises InvalidInputError when there is no such model or its files are unusable.
    """
    name = str(name)
    if name == "bundled":
        from zoomlib import bundled

        return _from_folder(bundled.folder() / "scorer", "bundled", torch.device(device))
    if Path(name).is_dir():
        return _from_folder(Path(name), Path(name).resolve().name, torch.device(device))
    architecture, colon, tag = name.partition(":")
    if colon and architecture in open_clip.list_models():
        if Path(tag).is_file():
            return _from_file(architecture, Path(tag), torch.device(device))
        return _from_tag(architecture, tag, torch.device(device))
    raise InvalidInputError(
        f"No scorer {name!r}. Expected 'bundled', a folder with {CONFIG} and {WEIGHTS}, NAME:FILE with weights in "
        "safetensors, or NAME:TAG as `open_clip.list_pretrained()` lists them, e.g. 'ViT-B-32:openai'."
    )


def describe_named(name: str) -> dict[str, str]:
    """`id` and `revision` of the scorer "NAME:TAG" or "NAME:FILE", without loading it; nothing is fetched.

    Raises InvalidInputError for an architecture or tag that open_clip does not know, for a file that is missing or of
    another format, and for weights that are not on this machine while the Hugging Face hub is told to be offline.
    """
    architecture, _, tag = name.partition(":")
    known = open_clip.list_models()
    if architecture not in known:
        near = difflib.get_close_matches(architecture, known, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise InvalidInputError(f"open_clip knows no model {architecture!r}.{hint} `open_clip.list_models()` has all.")
    if tag not in open_clip.list_pretrained_tags_by_model(architecture) and (Path(tag).suffix or Path(tag).is_file()):
        check_file(Path(tag), f"the scorer {architecture}")
        return {"id": f"{architecture}:{Path(tag).stem}", "revision": digest([Path(tag)])}
    _trained_with_quickgelu(architecture, tag)  # refuses unknown tags and those that do not go with the model
    if not _is_here(open_clip.get_pretrained_cfg(architecture, tag)) and huggingface_hub.constants.HF_HUB_OFFLINE:
        raise InvalidInputError(
            f"The weights of {name} are not on this machine, and HF_HUB_OFFLINE forbids to fetch them. Fetch them once "
            "with a network, or name a scorer's folder or file."
        )
    return {"id": name, "revision": name}  # weights never change under their tag


def embedding_width(name: str) -> int | None:
    """How many numbers an embedding of the scorer `name` has, without loading it; None where that cannot be told."""
    from zoomlib import bundled

    config = (bundled.folder() / "scorer" if name == "bundled" else Path(name)) / CONFIG
    known = _read_config(config)["model_cfg"] if config.is_file() else open_clip.get_model_config(name.split(":")[0])
    width = (known or {}).get("embed_dim")
    return width if isinstance(width, int) else None


def _is_here(weights: Mapping[str, Any]) -> bool:
    """Whether open_clip's weights are among those that the hub's library has fetched before."""
    repository, file = posixpath.split(str(weights.get("hf_hub", "")))
    names = [file] if file else list(HUB_FILES)
    found = (huggingface_hub.try_to_load_from_cache(repository, name) for name in names) if repository else iter(())
    return any(isinstance(path, str) for path in found)


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


def _from_file(architecture: str, file: Path, device: torch.device) -> Scorer:
    check_file(file, f"the scorer {architecture}")
    model = open_clip.create_model(architecture)
    try:
        open_clip.load_checkpoint(model, str(file))
    except Exception as error:
        raise InvalidInputError(
            f"{file} does not fit {architecture} or is damaged: {error}. `open_clip.list_models()` has other names."
        ) from error
    tokenizer = open_clip.get_tokenizer(architecture)
    return _scorer(model, _open_clip_tokenize(tokenizer), f"{architecture}:{file.stem}", device)


def _trained_with_quickgelu(architecture: str, tag: str) -> bool:
    """Whether weights of open_clip's were. Raises InvalidInputError for unknown ones, and where the model differs."""
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
    return trained


def _from_tag(architecture: str, tag: str, device: torch.device) -> Scorer:
    trained = _trained_with_quickgelu(architecture, tag)
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
    total = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        total.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
        total.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return total.hexdigest()


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
