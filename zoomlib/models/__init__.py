"""Models by name or folder. Importing this loads neither diffusers nor transformers; using it does."""

from zoomlib.models.load import describe, find, load_denoiser, load_upscaler

__all__ = ["describe", "find", "load_denoiser", "load_upscaler"]
