"""Styles that change over a plane."""
