"""Runs whose levels are enlarged in stages: sizes, agreement, resumption, keys, refusals, costs."""

import json
from dataclasses import dataclass

import pytest
import torch

from tasks import cascade, enlarge
from tasks.cost import cost
from tasks.enlarge_spec import StageSpec
from tasks.errors import RefusedError
from tasks.plan import prepare
from tasks.specs import RunConfig
from tasks.stages import look_ahead
from tests.doubles.painter import Painter, Studio
from tests.tasks.test_pipeline import run
from tests.tasks.test_plan import prepared
from zoomlib.geometry import whole_pixels
from zoomlib.noise import draw_seed
from zoomlib.stack import ZoomStack

JOINT = ("sampling.feather=0", "sampling.steps=2", "scores.scorer=none", "scores.video=false", "film.fps=2")
NET, REFINE = {"how": "net"}, {"how": "refine", "factor": 2, "steps": 4, "strength": 0.5}
UPSCALE = {"how": "upscaler", "model": "large", "steps": 3}


def stages(*these):
    return f"enlarge.stages={json.dumps(these)}"


@dataclass
class Larger(Studio):
    """Has a diffusion up-scaler, too: it paints the small picture's pixels, twice as large."""

    def describe(self, name, **options):
        if name != "large":
            return super().describe(name, **options)
        told = {"kind": "upscaler", "id": name, "revision": "l1", "factor": 2, "size_px": (48, 48)}
        return told | {"multiple_px": 8, "noise_level": 5, "most_noise": 9, "guidance": 1.0}

    def load_upscaler(self, name, **options):
        if name != "large":
            return super().load_upscaler(name, **options)
        self.loaded.append("large")
        return _Larger()


class _Larger:
    factor = 2

    def denoiser(self, levels, *, noise_level=None, generator, draw=None):
        made = _LargerPainter()
        made.shape = (3, 2 * levels.shape[2], 2 * levels.shape[3])
        made.low = levels.repeat_interleave(2, -1).repeat_interleave(2, -2)
        draw_seed(generator) if draw is None else draw(made.shape)
        return made


class _LargerPainter(Painter):
    def condition(self, prompts, negatives=None, *, image=None, mask=None):
        told = super().condition(prompts)
        return type(told)({**told.rows, "low": self.low})

    def predict_clean(self, z, step, condition):
        assert z.shape == condition.rows["low"].shape
        return 0.9 * condition.rows["low"] + 0.1 * super().predict_clean(z, step, condition)


def finished(report):
    return ZoomStack.load(report.run.folder / "stack")


def disagreement(stack):
    """Largest difference of a window and what it shows."""
    apart = (stack.rendered().levels - stack.levels).abs()
    return max(
        float(apart[i, :, *whole_pixels(w, *stack.levels.shape[2:]).slices].max()) for i, w in enumerate(stack.windows)
    )


@pytest.mark.parametrize("method", ["joint", "outpaint-direct", "independent"])
def test_levels_grow_stage_by_stage_and_agree(tmp_path, method):
    joint = JOINT if method == "joint" else ("sampling.steps=2", *JOINT[2:])
    report = run(tmp_path, f"method={method}", *joint, stages(NET, REFINE, UPSCALE), studio=Larger())
    stack = finished(report)
    assert stack.levels.shape[2:] == (256, 256)
    if method != "independent":
        assert disagreement(stack) <= 1.5 * 2 / 255  # 8 bits of two pictures
    told = report.results["levels"].facts
    assert told["shape"] == [3, 3, 256, 256]


def test_a_factor_that_does_not_divide_levels_is_enlarged_by_an_upscaler_too(tmp_path):
    """The noise on what it is shown is each level's own there."""
    report = run(
        tmp_path, "method=outpaint-direct", "sampling.steps=2", *JOINT[2:], stages(UPSCALE), studio=Larger(), p=3
    )
    assert finished(report).levels.shape[2:] == (64, 64)


@pytest.mark.parametrize(
    "changes",
    [
        {"levels": [{"prompt": name, "focus": [0.31, 0.64]} for name in "abc"]},
        {"p": 4, "loop": True},
    ],
)
def test_levels_agree_exactly_before_they_are_rounded(tmp_path, monkeypatch, changes):
    kept = []
    monkeypatch.setattr(enlarge, "ZoomStack", lambda *args: kept.append(args) or ZoomStack(*args))
    run(tmp_path, *JOINT, stages(NET, REFINE), **changes)
    levels, p, focus, loop = kept[0]
    if loop:
        levels = torch.cat([levels, levels[:1]])
    assert levels.shape[2:] == (128, 128)
    assert disagreement(ZoomStack(levels, p, focus)) <= 1e-6


def test_an_interrupted_cascade_goes_on_where_it_was(tmp_path, monkeypatch):
    settings = (*JOINT, stages(NET, REFINE, UPSCALE))
    whole = run(tmp_path / "whole", *settings, studio=Larger())
    write, left = cascade._write, [0]

    def interrupted(path, tensors):
        write(path, tensors)
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt

    for writes in (2, 5, 9):  # a level of the net, a step of refining, one of the up-scaler
        left[0] = writes
        monkeypatch.setattr(cascade, "_write", interrupted)
        root = tmp_path / f"cut_{writes}"
        with pytest.raises(KeyboardInterrupt):
            run(root, *settings, studio=Larger())
        monkeypatch.setattr(cascade, "_write", write)
        studio = Larger()
        again = run(root, *settings, studio=studio)
        assert torch.equal(finished(again).levels, finished(whole).levels)
        assert ("upscaler" in studio.loaded) == (writes < 4)  # the net is loaded only where levels were left


def test_stages_are_a_run_of_their_own_and_reuse_what_was_sampled(tmp_path):
    first = run(tmp_path, *JOINT, stages(NET))
    other = prepared(tmp_path, *JOINT, stages(NET, {**REFINE, "strength": 0.75}))
    assert other.id != first.run.id
    assert "sampling" in look_ahead(other)
    assert "levels" not in look_ahead(other)
    assert "levels" in look_ahead(prepared(tmp_path, *JOINT, stages("net")))


def test_costs_of_stages_are_told(tmp_path):
    made = prepared(tmp_path, *JOINT, stages(NET, REFINE, UPSCALE), studio=Larger())
    net, refine, large = made.cascade
    assert (net.evaluations, net.size_px) == (0, (64, 64))
    assert (refine.steps, refine.tiles, refine.passes, refine.size_px) == (2, 25, 2, (128, 128))
    assert (large.steps, large.tiles, large.passes, large.size_px) == (3, 49, 1, (256, 256))
    assert cost(made).enlarging == 3 * (2 * 25 * 2 + 3 * 49)
    assert "128x128 drawn over by bundled at strength 0.5: 2 steps in 25 tiles of 32x32" in refine.told()
    small = prepared(tmp_path, *JOINT, stages(NET))
    assert cost(made).disk_bytes > cost(small).disk_bytes + 12 * 3 * 3 * 256 * 256


@pytest.mark.parametrize(
    ("these", "said"),
    [
        ([{"how": "upscaler"}], "needs a model"),
        ([{"how": "net", "strength": 0.5}], "has no strength"),
        ([{"how": "upscaler", "model": "bundled"}], "makes pictures and is no up-scaler"),
        ([{"how": "refine", "model": "large"}], "only enlarges"),
        ([{"how": "net", "model": "large"}], "is a diffusion up-scaler"),
        ([{**UPSCALE, "noise_level": 10}], "noise levels from 0 to 9"),
        ([{**REFINE, "factor": 8}] * 3, "at most 8192"),
        ([{**UPSCALE, "tile": "128x128"}], "larger than the levels"),
        ([{"how": "paint"}], "net"),
        ([{**REFINE, "tile": "wide"}], "WIDTHxHEIGHT"),
    ],
)
def test_stages_that_cannot_be_made_are_refused(tmp_path, these, said):
    with pytest.raises(RefusedError, match=said):
        prepared(tmp_path, *JOINT, stages(*these), studio=Larger())


def test_a_net_and_stages_exclude_each_other(tmp_path):
    with pytest.raises(RefusedError, match=r"enlarge\.model or enlarge\.stages"):
        prepared(tmp_path, "enlarge.model=folder", stages(NET))


def test_a_resolved_configuration_makes_the_same_run(tmp_path):
    made = prepared(tmp_path, *JOINT, stages(NET, REFINE))
    again = prepare(
        RunConfig.model_validate_json(made.config.model_dump_json()), made.story, tmp_path, Studio().tools()
    )
    assert (again.id, again.cascade) == (made.id, made.cascade)
    assert StageSpec.model_validate(made.config.enlarge.stages[1].model_dump()) == made.config.enlarge.stages[1]
