"""The method alignnoise and its plug-in, on the bundled model and on tiny ones."""

from functools import partial

import pytest
import torch

from tests.doubles.gaussian import GaussianDenoiser
from tests.doubles.tiny_model import write_tiny_model
from tests.doubles.tiny_pipelines import latent_pipeline
from zoomlib.chunks import Chunked
from zoomlib.errors import InvalidInputError
from zoomlib.guidance import Guided
from zoomlib.inpainting import Config as FillConfig
from zoomlib.inpainting import inpaint, prepare
from zoomlib.methods import alignnoise, outpaint
from zoomlib.methods.alignnoise import Config, Refinement, refine
from zoomlib.models import load_denoiser
from zoomlib.scene import Scene

PROMPTS = ["a red galaxy", "a blue nebula", "green cells"]
SMALL = {"steps": 3, "iterations": 2}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


class Counting(Guided):
    """The model itself, counting pictures that pass it and looks at its attention."""

    def __init__(self, denoiser):
        super().__init__(denoiser, 1.0)
        self.passed = self.looks = 0

    def predict_clean(self, z, step, condition):
        self.passed += len(z)
        return super().predict_clean(z, step, condition)

    def attention_maps(self, z, step, condition, grid=None):
        self.looks += len(z)
        return super().attention_maps(z, step, condition, grid)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return load_denoiser(write_tiny_model(tmp_path_factory.mktemp("model")))


@pytest.fixture(scope="module")
def bundled():
    return load_denoiser("bundled")


def border(denoiser, steps=3):
    """A picture of smooth colour whose middle half is kept."""
    _, H, W = denoiser.shape
    rows, columns = torch.meshgrid(torch.linspace(-1, 1, H), torch.linspace(-1, 1, W), indexing="ij")
    image = torch.stack([rows, columns, rows * columns])[None] / 2
    mask = torch.ones(1, 1, H, W)
    mask[..., H // 4 : 3 * H // 4, W // 4 : 3 * W // 4] = 0
    return image, mask, FillConfig(steps, 0.0)


def test_the_bundled_model_lowers_its_objective_and_its_noise_stays_normal(bundled):
    """Default settings, 10 seeds: the objective falls on all 10, by at least 5 % on 9; of the noise of either stage
    |mean| < 0.02 and |variance - 1| < 0.05."""
    image, mask, fill = border(bundled)
    pictures, masks = image.expand(10, -1, -1, -1), mask.expand(10, -1, -1, -1)
    problem = prepare(bundled, ["a blue nebula"] * 10, pictures, masks, fill)
    noise = torch.cat([torch.randn(1, *bundled.shape, generator=seeded(seed)) for seed in range(10)])
    noise, records = refine(problem, noise, seeded())
    assert all(abs(record["mean"]) < 0.02 and abs(record["variance"] - 1) < 0.05 for record in records)
    assert noise.mean((1, 2, 3)).abs().max() < 0.02
    assert (noise.var((1, 2, 3), correction=0) - 1).abs().max() < 0.05
    looks = [[r["objective"] for r in records if r["stage"] == "attention" and r["row"] == row] for row in range(10)]
    falls = sorted(1 - min(found) / found[0] for found in looks)
    assert falls[0] > 0
    assert falls[1] > 0.05


def test_the_bundled_model_is_left_as_it_was_found(bundled):
    """Its processors by identity, no hook, no gradient; and it paints as before."""
    image, mask, fill = border(bundled)
    problem = prepare(bundled, ["a blue nebula"], image, mask, fill)
    z, step = problem.draw(seeded()), bundled.ladder(3)[0]
    network = bundled.parts.backbone.network
    processors, before = network.attn_processors, bundled.predict_clean(z, step, problem.condition)
    refine(problem, z, seeded(), Refinement(iterations=1))
    after = network.attn_processors
    assert list(processors) == list(after)
    assert all(processors[name] is after[name] for name in processors)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in bundled.parts.backbone.network.modules())
    assert all(parameter.grad is None for parameter in bundled.parts.backbone.network.parameters())
    assert torch.equal(before, bundled.predict_clean(z, step, problem.condition))


@pytest.mark.parametrize("mode", ["direct", "sequential"])
def test_a_run_keeps_what_it_shows_and_records_every_look(tiny, mode):
    *states, last = alignnoise.sample(tiny, PROMPTS, p=2.0, mode=mode, **SMALL, generator=seeded())
    config = Config(mode=mode, **SMALL)
    assert len(states) + 1 == last.index == config.work(3).steps
    fills = 4 if mode == "sequential" else 1
    for level in (0, 1):
        records = [record for record in last.records if record["level"] == level]
        assert [record["change"] for record in records if record["what"] == "kept"] == [0.0]
        ours = [record for record in records if record["what"] == "alignnoise"]
        assert [record["stage"] for record in ours] == (["attention"] * 3 + ["frequency"]) * fills
        for record in ours:
            assert {"mean", "variance"} <= set(record)
            assert record["stage"] == "frequency" or {"objective", "a_out", "a_src", "iteration"} <= set(record)
    assert not any(record["what"] == "alignnoise" for record in last.records if record["level"] == 2)


@pytest.mark.parametrize(("stage_1", "stage_2"), [(True, True), (True, False), (False, True), (False, False)])
def test_each_stage_can_be_left_out_and_costs_what_is_said(tiny, stage_1, stage_2):
    model = Counting(tiny)
    settings = {**SMALL, "stage_1": stage_1, "stage_2": stage_2}
    stack = alignnoise.sample_stack(model, PROMPTS, p=2.0, **settings, generator=seeded())
    borders, plain = 2, outpaint.Config(steps=3).work(3).evaluations
    assert model.passed == plain + stage_2 * borders * 3
    assert model.looks == stage_1 * (1 + borders * 3)
    assert Config(**settings).work(3).evaluations == model.passed + stage_1 * borders * 3 * 3
    without = outpaint.sample_stack(tiny, PROMPTS, p=2.0, steps=3, eta=0.0, generator=seeded())
    assert torch.equal(stack.levels, without.levels) == (not stage_1 and not stage_2)
    assert torch.equal(stack.levels[2], without.levels[2]), "the deepest level has no border"


def test_a_run_goes_on_bit_for_bit_after_a_failure(tiny):
    class Breaks(Counting):
        def predict_clean(self, z, step, condition):
            if self.passed == 11:
                raise RuntimeError("out of memory")
            return super().predict_clean(z, step, condition)

    whole = list(alignnoise.sample(tiny, PROMPTS, p=2.0, **SMALL, generator=seeded(4)))
    seen = []
    with pytest.raises(RuntimeError, match="memory"):
        seen.extend(alignnoise.sample(Breaks(tiny), PROMPTS, p=2.0, **SMALL, generator=seeded(4)))
    assert seen[-1].resume_at == 6
    *_, last = alignnoise.sample(tiny, PROMPTS, p=2.0, **SMALL, generator=seeded(99), state=seen[-1])
    assert torch.equal(last.clean, whole[-1].clean)
    assert last.records == whole[-1].records


def test_it_is_a_plug_in_for_outpainting_and_for_plain_inpainting(tiny):
    plug_in = partial(refine, config=Refinement(iterations=2))
    for mode in ("direct", "sequential"):
        ours = alignnoise.sample_stack(tiny, PROMPTS, p=2.0, mode=mode, **SMALL, generator=seeded())
        same = outpaint.sample_stack(
            tiny, PROMPTS, margin=16, mode=mode, steps=3, eta=0.0, refine_noise=plug_in, generator=seeded()
        )
        assert torch.equal(ours.levels, same.levels)
    image, mask, fill = border(tiny)
    made = inpaint(tiny, PROMPTS[:1], image, mask, fill, refine_noise=plug_in, generator=seeded())
    kept = (mask == 0).expand_as(made)
    assert torch.equal(made[kept], image[kept])
    assert not torch.equal(made, inpaint(tiny, PROMPTS[:1], image, mask, fill, generator=seeded()))


@pytest.mark.parametrize("channels", [9, 4])
def test_latent_models_are_aligned_too(tmp_path, channels):
    """With an inpainting input (9 channels) and without; the objective falls, and kept pixels stay bit for bit."""
    denoiser = load_denoiser(latent_pipeline(tmp_path, channels)[0])
    states = alignnoise.sample(denoiser, PROMPTS[:2], p=2.0, **SMALL, generator=seeded())
    *_, last = states
    looks = [record["objective"] for record in last.records if record.get("stage") == "attention"]
    assert min(looks[1:]) < looks[0]
    assert [record["change"] for record in last.records if record["what"] == "kept"] == [0.0]
    assert torch.isfinite(last.clean).all()


def test_guidance_and_chunks_pass_it_on(tiny):
    """Guidance leads the filling, not the alignment: the first look sees the same attention with and without."""
    looks = []
    for model in (tiny, Guided(tiny, 3.0), Chunked(Guided(tiny, 3.0), 1)):
        image, mask, fill = border(model)
        problem = prepare(model, PROMPTS[:1], image, mask, fill)
        _, records = refine(problem, problem.draw(seeded()), seeded(), Refinement(iterations=1, stage_2=False))
        looks.append(records[0]["objective"])
    assert looks[1:] == pytest.approx(looks[:1] * 2, abs=1e-5)


def run(model, **settings):
    return alignnoise.run(model, PROMPTS, Config(**SMALL, **settings), Scene(2.0), generator=seeded())


def test_a_model_without_attention_is_refused_before_anything_is_sampled():
    model = GaussianDenoiser((3, 32, 32))
    prompts = ["0", "0"]
    with pytest.raises(InvalidInputError, match="GaussianDenoiser shows no self-attention"):
        alignnoise.run(model, prompts, Config(), Scene(2.0), generator=seeded())
    assert model.calls == []
    stack = alignnoise.sample_stack(model, prompts, p=2.0, stage_1=False, steps=3, generator=seeded())
    assert torch.isfinite(stack.levels).all()


def test_a_grid_that_the_model_does_not_have_is_refused_before_anything_is_sampled(tiny):
    model = Counting(tiny)
    with pytest.raises(InvalidInputError, match="grid of 16; it has 8 x 8"):
        run(model, grid=16)
    assert model.passed == 0


@pytest.mark.parametrize("wrong", [{"stage_1": 1}, {"filter": "x"}, {"iterations": 0}, {"mode": "spiral"}, {"eta": 2}])
def test_settings_of_every_part_are_checked(wrong):
    with pytest.raises(InvalidInputError, match=next(iter(wrong))):
        Config(**wrong)
