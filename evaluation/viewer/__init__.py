"""A zoom that people can explore: one HTML file with everything in it, for any browser, without a network."""

from evaluation.viewer.page import view_page, write_view

__all__ = ["view_page", "write_view"]
