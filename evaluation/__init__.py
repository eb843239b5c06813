"""Scores of zoom stacks and videos, and their storage in Parquet."""

from evaluation.table import read_scores

__all__ = ["read_scores"]
