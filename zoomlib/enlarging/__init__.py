"""Zooming in: level by level from the widest, each the window of the one before, enlarged and drawn on."""
