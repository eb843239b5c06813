"""Models by name or folder. Importing this loads neither diffusers nor transformers; using it does."""

from zoomlib.models.files.places import Sources, find
from zoomlib.models.load import describe, load_denoiser, load_upscaler

__all__ = ["Sources", "describe", "find", "load_denoiser", "load_upscaler"]
