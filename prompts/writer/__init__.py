"""Planning by a language model: drafts, checks, repairs."""

from prompts.writer.record import OnRound, Round, Written
from prompts.writer.writing import ROUNDS, parse_reply, write

__all__ = ["ROUNDS", "OnRound", "Round", "Written", "parse_reply", "write"]
