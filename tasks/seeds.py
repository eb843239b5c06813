"""Seeds of runs: which numbers they may be."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

MAX_SEED = 2**63 - 1
EXPECTED = (
    "expected a whole number from 0 to 2^63 - 1, as tables of scores keep seeds with a sign (only `tenfold infinity` "
    "takes seeds of planes up to 2^64 - 1)"
)


def _in_range(value: object) -> object:
    if isinstance(value, int | float) and not 0 <= value <= MAX_SEED:  # files give what is very large as a float
        raise ValueError(EXPECTED)
    return value


Seed = Annotated[int, Field(ge=0, le=MAX_SEED), BeforeValidator(_in_range)]
"""A seed of a run; others are refused with the reason."""
