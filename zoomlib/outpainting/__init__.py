"""Zooming out: level by level from the deepest, each a picture kept in the middle with a border made around it."""
