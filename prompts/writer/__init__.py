"""Planning by a language model: drafts, checks, repairs."""

from prompts.writer.record import OnRound, Round, Written
from prompts.writer.writing import ROUNDS, first_question, parse_reply, write

__all__ = ["ROUNDS", "OnRound", "Round", "Written", "first_question", "parse_reply", "write"]
