"""Pictures from anywhere become a zoom: found order, measured placement, matched colour. OpenCV is met only here."""

VERSION = "2"
"""Raise where other levels come of the same pictures and placements."""
