"""Runs side by side: one HTML file with the ranking, plots, pictures, films and configurations of many runs.

`evaluation.comparison.drawing` makes its pictures and films.
"""

from evaluation.comparison.media import Media
from evaluation.comparison.page import comparison_page

__all__ = ["Media", "comparison_page"]
