"""Whether a story makes a good zoom: its scale steps, sizes, viewpoint, centres, and the words of its prompts."""

from prompts.schedule.checking import check_schedule
from prompts.schedule.violation import Kind, TextLimit, Violation

__all__ = ["Kind", "TextLimit", "Violation", "check_schedule"]
