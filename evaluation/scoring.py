"""All scores of one run in one call."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from evaluation.motion import score_motion
from evaluation.table import Score
from evaluation.windows import score_windows
from zoomlib.film.camera import Camera
from zoomlib.stack import ZoomStack

if TYPE_CHECKING:
    from evaluation.clip import Scorer


def score_stack(
    stack: ZoomStack,
    prompts: Sequence[str],
    scorer: "Scorer | None" = None,
    *,
    estimates: Tensor | None = None,
    camera: Camera | None = None,
) -> list[Score]:
    """Text scores by `scorer`, window scores (with the model's last `estimates` if given), evenness of `camera`.

    Ready for `table.rows`. Raises InvalidInputError unless there is one prompt per level.
    """
    scores: list[Score] = []
    if scorer is not None:
        from evaluation.clip import score_text

        scores += score_text(scorer, stack.levels, prompts)
    scores += score_windows(stack, estimates)
    if camera is not None:
        scores += score_motion(camera, stack.p)
    return scores
