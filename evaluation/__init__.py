"""Scores of zoom stacks and videos, and their storage in Parquet."""

from evaluation.dataset import DamagedScoresWarning, read_scores

__all__ = ["DamagedScoresWarning", "read_scores"]
