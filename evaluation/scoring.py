"""All scores of one run in one call."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from evaluation.blur import score_blur
from evaluation.motion import score_motion
from evaluation.networks.text_image import Scorer, score_text
from evaluation.table import Score
from evaluation.windows import score_windows
from zoomlib.film.camera import Camera
from zoomlib.stack import ZoomStack

if TYPE_CHECKING:
    from evaluation.measures import Measure


def score_stack(
    stack: ZoomStack,
    prompts: Sequence[str],
    scorer: Scorer | None = None,
    *,
    estimates: Tensor | None = None,
    camera: Camera | None = None,
    measures: Sequence["Measure"] = (),
    kept: Mapping[int, float] | None = None,
) -> list[Score]:
    """Text scores by `scorer`, blur, window scores (with the model's last `estimates` if given), what further
    `measures` say, evenness of `camera`, and for levels that had pixels to keep the largest change of one (`kept`, in
    [-1, 1]) in grey levels of 255.

    Ready for `table.rows`. Raises InvalidInputError unless there is one prompt per level.
    """
    embedded = scorer.embed_images(stack.levels) if scorer and any(measure.embeds for measure in measures) else None
    scores = score_text(scorer, stack.levels, prompts, embedded=embedded) if scorer else []
    scores += score_blur(stack.levels) + score_windows(stack, estimates)
    for measure in measures:
        scores += measure.score(stack, embedded)
    scores += [Score("kept_change", change * 127.5, "level", level) for level, change in sorted((kept or {}).items())]
    if camera is not None:
        scores += score_motion(camera, stack.p)
    return scores
