"""Commands that work on what is there: results of runs, and pictures from elsewhere."""

from __future__ import annotations
