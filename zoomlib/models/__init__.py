"""Models by name or folder. Importing this loads neither diffusers nor transformers; using it does."""

from zoomlib.models.load import describe, load_denoiser, load_upscaler
from zoomlib.models.places import Sources, find

__all__ = ["Sources", "describe", "find", "load_denoiser", "load_upscaler"]
