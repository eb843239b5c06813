"""What judges a run's levels, told before anything is loaded, so that a wrong name costs no sampling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tasks.errors import RefusedError
from tasks.stage import Json

if TYPE_CHECKING:
    from tasks.run import Tools
    from tasks.specs import ScoreSpec

NO_SCORER = "none"


def describe_scorer(spec: ScoreSpec, tools: Tools) -> Mapping[str, Any] | None:
    """The scorer's `id` and `revision`; None where none is asked for. Raises InvalidInputError for an unknown one."""
    return None if spec.scorer == NO_SCORER else tools.describe_scorer(spec.scorer)


def describe_measures(names: Sequence[str], scorer: Mapping[str, Any] | None) -> tuple[dict[str, Json], ...]:
    """`id` and `revision` of each further measure; of one that reads the scorer's embeddings, `scorer` too.

    Raises InvalidInputError for an unknown name, files that cannot be used and a head for embeddings of another width
    than the scorer's, RefusedError for a measure that is
    named twice or that reads a scorer's embeddings where there is none.
    """
    from evaluation import measures

    found: list[dict[str, Json]] = []
    for name in names:
        told: dict[str, Json] = dict(measures.describe(name))
        if measures.KINDS[name.partition(":")[0]].embeds:
            if scorer is None:
                raise RefusedError(f"{name} is told by a text-image scorer, and the scorer is none. Choose a scorer.")
            if scorer["id"]:
                measures.check_fits(name, scorer["id"])
            told["scorer"] = {"id": scorer["id"], "revision": scorer["revision"]}
        if told in found:
            raise RefusedError(f"The measure {name} is named twice. Name it once.")
        found.append(told)
    return tuple(found)
