"""The scale ladder: things from the observable universe to a quark, with their sizes and wording."""

from prompts.scales.thing import Thing

__all__ = ["Thing"]
