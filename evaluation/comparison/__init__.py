"""Runs side by side: one HTML file with the ranking, plots, pictures, films and configurations of many runs."""

from evaluation.comparison.media import Media, draw_media
from evaluation.comparison.page import comparison_page

__all__ = ["Media", "comparison_page", "draw_media"]
