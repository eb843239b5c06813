"""The small text-to-image model that this project trained itself and ships, and the world that it learned."""

from pathlib import Path


def folder() -> Path:
    """The folder of the shipped weights, in the formats that diffusers, transformers and open_clip write."""
    return Path(__file__).parent / "weights"
