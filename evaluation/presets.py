"""Ready comparisons: which arms, by which scores they are judged, and what was published about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

GENERATIVE_POWERS = "Generative Powers of Ten, arXiv 2312.02149"
OTHER_MODELS = (
    "Published values are of other models, stories and scorers: they say what was found there, and are not to be "
    "compared with the values beside them."
)
"""What stands wherever anchors are shown."""


@dataclass(frozen=True)
class Arm:
    """One way of making zooms. name: as it is shown. settings: by dotted path, on top of the sweep's own."""

    name: str
    method: str
    settings: Mapping[str, object] = field(default_factory=dict)

    @property
    def values(self) -> dict[str, object]:
        """Everything that makes this arm, by dotted path."""
        return {"method": self.method, **self.settings}


@dataclass(frozen=True)
class Anchor:
    """A published value. arm: the arm of the preset that it is nearest to. score: a name of the catalogue, or
    "preference", per cent of the answers of people. about: where it comes from."""

    arm: str
    score: str
    value: float
    about: str


@dataclass(frozen=True)
class Preset:
    """A comparison. baseline: the arm with which the others are compared. scores: those that decide, in this order.

    asks: the question, a sentence. reading: how to read the result, a few sentences.
    """

    name: str
    title: str
    asks: str
    arms: tuple[Arm, ...]
    baseline: str
    scores: tuple[str, ...]
    reading: str
    anchors: tuple[Anchor, ...] = ()


_TABLE_1 = f"{GENERATIVE_POWERS}, Table 1: 10 stories of 6 to 16 levels, all levels averaged"
_PEOPLE = f"{GENERATIVE_POWERS}: 684 answers of 38 people, pairs with the baselines"

TABLE_1 = Preset(
    name="table1",
    title="The paper's baselines against joint sampling",
    asks="Do levels that are sampled jointly follow their prompts better than levels made one from another?",
    arms=(Arm("joint", "joint"), Arm("outpaint-direct", "outpaint-direct"), Arm("superres", "superres")),
    baseline="joint",
    scores=(
        "clip_score",
        "aesthetic",
        "estimate_psnr",
        "seam",
        "window_psnr",
        "colour_drift",
        "kept_change",
        "delta_e",
        "clip_margin",
    ),
    reading=(
        "The paper judges by text and beauty, where joint sampling wins. Whether the levels fit together it leaves to "
        "people; here the seam, the agreement of the model's own estimates and the colours tell. window_psnr is high "
        "by construction for methods that paste one level into the next, and is no merit of theirs."
    ),
    anchors=(
        Anchor("joint", "clip_score", 31.39, _TABLE_1),
        Anchor("joint", "aesthetic", 5.65, _TABLE_1),
        Anchor("outpaint-direct", "clip_score", 30.08, _TABLE_1),
        Anchor("outpaint-direct", "aesthetic", 5.51, _TABLE_1),
        Anchor("superres", "clip_score", 29.18, _TABLE_1),
        Anchor("superres", "aesthetic", 4.89, _TABLE_1),
        Anchor("joint", "preference", 92.0, _PEOPLE),
    ),
)

_PAPER = {"sampling.coarse_weight": 1.0, "sampling.feather": 0.0}

ABLATION = Preset(
    name="ablation",
    title="What each part of joint sampling does",
    asks="What is lost without shared noise, without blending by frequency, without the joint update?",
    arms=(
        Arm("joint, as in the paper", "joint", _PAPER),
        Arm("joint, as shipped", "joint"),
        Arm("without shared noise", "joint", {**_PAPER, "sampling.noise": "random"}),
        Arm("naive blending", "joint", {**_PAPER, "sampling.blending": "naive"}),
        Arm("iterative update", "iterative"),
        Arm("independent levels", "independent"),
    ),
    baseline="joint, as in the paper",
    scores=(
        "estimate_psnr",
        "seam",
        "clip_score",
        "aesthetic",
        "window_psnr",
        "colour_drift",
        "blur",
        "spectrum_slope",
    ),
    reading=(
        "The grid of the paper's Fig. 10, which shows pictures and no numbers, with two arms more: the settings that "
        "ship with Tenfold, and levels that know nothing of each other, the floor of every score of agreement and "
        "often the ceiling of the text score; without a picture put into another there is no seam, which is no "
        "merit of theirs. Differences are against the paper's full method."
    ),
    anchors=(),
)

OUTPAINTING = Preset(
    name="outpainting",
    title="Ways of outpainting",
    asks="What do order, bettered noise and Langevin steps gain over outpainting in one go?",
    arms=(
        Arm("direct", "outpaint-direct"),
        Arm("sequential", "outpaint-sequential"),
        Arm("AlignNoise", "alignnoise"),
        Arm("AlignNoise, stage 1 only", "alignnoise", {"sampling.stage_2": False}),
        Arm("AlignNoise, stage 2 only", "alignnoise", {"sampling.stage_1": False}),
        Arm("LanPaint", "lanpaint"),
    ),
    baseline="direct",
    scores=(
        "seam",
        "colour_step",
        "colour_drift",
        "estimate_psnr",
        "clip_score",
        "aesthetic",
        "kept_change",
        "delta_e",
    ),
    reading=(
        "All arms keep the inner level exactly (kept_change), so that the seam and the colours beside it tell them "
        "apart, and the text score what that has cost. The arms differ much in their calls of the model: a small gain "
        "at six times the cost is for the reader to weigh."
    ),
)

PRESETS: Mapping[str, Preset] = MappingProxyType({one.name: one for one in (TABLE_1, ABLATION, OUTPAINTING)})
