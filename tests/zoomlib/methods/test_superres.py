"""Progressive super-resolution: windows agree, what is given stays, prompts may be written by looking."""

from collections import deque
from dataclasses import replace

import pytest
import torch

from tests.doubles.gaussian import GaussianDenoiser, band_errors_db, draw_field
from tests.doubles.halving import Halving
from tests.doubles.tiny_pipelines import latent_pipeline
from zoomlib.errors import InvalidInputError
from zoomlib.geometry import boxes
from zoomlib.guidance import Guided
from zoomlib.magnifier import Magnifier
from zoomlib.methods import joint, superres
from zoomlib.models import load_denoiser
from zoomlib.pyramid import down
from zoomlib.scene import placed_focus
from zoomlib.walk import State

SHAPE = (3, 32, 32)
PROMPTS = ["0.05", "-0.05", "0", "0.02"]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class Pale(GaussianDenoiser):
    """The field at a third of its contrast: almost nothing of it leaves [-1, 1]. Keeps the prompts it was given."""

    def __init__(self, shape=SHAPE, family="vp", contrast=0.3):
        super().__init__(shape, family)
        self.S = self.S * contrast**2
        self.told: list[str] = []

    def condition(self, prompts, negatives=None, **told):
        self.told += prompts
        return super().condition(["0" if prompt[-1].isalpha() else prompt for prompt in prompts], negatives, **told)


def field(count: int, seed: int = 5) -> torch.Tensor:
    return (draw_field(count, SHAPE, generator(seed)) * 0.3).clamp(-0.99, 0.99)


def states(denoiser=None, prompts=PROMPTS, seed: int = 0, **settings) -> list[State]:
    """In the strict sense, where no level is open."""
    settings = {"p": 2, "steps": 8, "bound": 0 if "open" in settings else 1} | settings
    return list(superres.sample(denoiser or Pale(), prompts, generator=generator(seed), **settings))


def misfits(levels: torch.Tensor, p: float, focus=None) -> list[float]:
    """The largest difference of each window from what the next level's means are."""
    L, _, H, W = levels.shape
    glasses = [Magnifier(box, H, W) for box in boxes(L, H, W, p, placed_focus(L, (H, W), 1, p, focus))]
    pairs = zip(glasses, levels, levels[1:], strict=False)
    return [float((glass.shown(wide) - glass.shrink(deep)).abs().max()) for glass, wide, deep in pairs]


def ring(level: torch.Tensor) -> torch.Tensor:
    """The level, or levels, without the window in the middle."""
    outside = torch.ones(32, 32, dtype=torch.bool)
    outside[8:24, 8:24] = False
    return level[..., outside]


@pytest.mark.parametrize("family", ["vp", "flow"])
@pytest.mark.parametrize("p", [2, 4, 1.5, 2.7])
@pytest.mark.parametrize("point", [None, (0.3, 0.7)])
def test_windows_agree_at_any_factor(family, p, point):
    """To a quarter of a step of 8 bits, the worst case at a fractional factor with colours near white or black."""
    focus = [point] * 4
    end = states(Pale(family=family), p=p, focus=focus)[-1]
    assert max(misfits(end.clean, p, focus)) < 2e-3
    assert end.clean.abs().max() <= 1
    assert max(misfits(end.clean, p, focus)) < 1e-5 or p == 1.5
    told = {record["level"]: record["misfit"] for record in end.records}
    assert [told[i] for i in (1, 2, 3)] == pytest.approx(misfits(end.clean, p, focus), abs=1e-5)


@pytest.mark.parametrize("strength", [1.0, 0.6, 0.3])
def test_every_level_has_the_spectrum_of_the_field(strength):
    """To 1.9 dB in every octave, and no worse from level to level: level 0, plain sampling of so pale a field in 40
    steps, is off by up to 2."""
    ends = []
    for seed in range(4):
        denoiser = Pale((3, 64, 64), "flow", contrast=0.1)
        ends.append(states(denoiser, ["0"] * 4, seed, steps=40, eta=0.0, strength=strength)[-1].clean / 0.1)
    errors = [band_errors_db(torch.stack(ends)[:, level]).abs().max() for level in range(4)]
    assert max(errors[1:]) < 1.9
    assert max(errors) < 2.2


def test_the_photograph_is_level_0_bit_for_bit_and_costs_nothing():
    photo, denoiser = field(1)[0], Pale()
    end = states(denoiser, photo=photo)[-1]
    assert torch.equal(end.clean[0], photo)
    assert max(misfits(end.clean, 2)) < 2e-3
    assert denoiser.calls == [1] * 3 * superres.Config(steps=8).made
    assert torch.equal(end.clean, states(images={0: photo})[-1].clean)


def test_states_count_the_steps_of_the_run_and_fill_up_from_the_widest():
    config = superres.Config(steps=8, strength=0.5)
    assert config.work(4).steps == config.work(4).evaluations == 8 + 3 * 4
    assert config.work(4, frozenset({0, 2})).steps == 8
    run = states(strength=0.5)
    assert [state.index for state in run] == list(range(1, 21))
    assert [state.resumes_at for state in run] == [0] * 7 + [8] * 4 + [12] * 4 + [16] * 4 + [20]
    for state in run:
        done = [bool(level.any()) for level in state.clean]
        made = sum(state.index >= end for end in (8, 12, 16, 20))
        assert done == [True] * made + [False] * (4 - made)
        assert state.pictures
        assert state.estimate.shape == (4, *SHAPE)


@pytest.mark.parametrize("settings", [{}, {"eta": 0.0}, {"images": True}, {"seeds": {2: 5}}])
def test_resuming_from_any_state_is_the_uninterrupted_run_bit_for_bit(settings):
    if "images" in settings:
        settings = {"images": {0: field(2)[0], 2: field(2)[1]}}
    whole = states(**settings)
    for state in whole[:-1]:
        rest = states(seed=9, state=state, **settings)
        assert [s.index for s in rest] == list(range(state.resumes_at + 1, len(whole) + 1))
        assert torch.equal(rest[-1].clean, whole[-1].clean)
        assert torch.equal(rest[-1].estimate, whole[-1].estimate)
        assert rest[-1].records == whole[-1].records
    assert states(state=whole[-1], **settings) == []


def test_a_model_that_fails_at_a_level_leaves_the_ones_before_it():
    class Failing(Pale):
        def predict_clean(self, z, step, condition):
            if len(self.calls) == 14:
                raise RuntimeError("out of memory")
            return super().predict_clean(z, step, condition)

    made: list[State] = []
    run = superres.sample(Failing(), PROMPTS, p=2, steps=8, strength=0.5, bound=1, generator=generator())
    with pytest.raises(RuntimeError, match="out of memory"):
        deque(map(made.append, run))
    whole = states(strength=0.5)[-1].clean
    assert made[-1].resumes_at == 12
    assert torch.equal(made[-1].clean[:2], whole[:2])
    assert torch.equal(states(strength=0.5, state=made[-1])[-1].clean, whole)


def test_going_on_deeper_is_the_longer_run():
    base = states(prompts=PROMPTS[:2])[-1].clean
    longer = states()[-1].clean
    assert torch.equal(states(images={0: base[0], 1: base[1]})[-1].clean, longer)


@pytest.mark.parametrize("bits", [False, True])
def test_levels_of_another_method_stay_bit_for_bit_though_their_windows_are_soft(bits):
    base = joint.sample_stack(Pale(), PROMPTS[:3], p=2, steps=8, feather=0.2, generator=generator()).levels
    base = (base * 127.5).round() / 127.5 if bits else base
    assert max(misfits(base, 2)) > 0.02
    end = states(images=dict(enumerate(base)))[-1].clean
    assert torch.equal(end[:3], base)
    assert misfits(end, 2)[2] < 2e-3
    opened = states(images=dict(enumerate(base)), open=frozenset({2}))[-1].clean
    assert torch.equal(ring(opened[:3]), ring(base))
    change = [opened[i] - base[i] for i in range(3)]
    assert change[2].abs().max() > 0.05
    assert torch.allclose(change[1][:, 8:24, 8:24], down(change[2], 2), atol=1e-6), "the change is carried outwards"


def test_deeper_given_levels_stay_and_wider_ones_show_them():
    deep = field(1)[0]
    end = states(images={2: deep})[-1]
    assert torch.equal(end.clean[2], deep)
    assert max(misfits(end.clean, 2)) < 2e-3
    assert max(misfits(states(p=1.5, images={2: deep})[-1].clean, 1.5)[1:]) < 2e-3


def test_a_deeper_given_level_rules_where_wider_ones_disagree():
    wide, deep = field(2)
    end = states(images={0: wide, 2: deep})[-1]
    assert torch.equal(end.clean[2], deep)
    assert torch.equal(ring(end.clean[0]), ring(wide))
    assert max(misfits(end.clean, 2)) < 2e-3
    rows = torch.ones(32, 32, dtype=torch.bool)
    rows[12:20, 12:20] = False
    assert torch.equal(end.clean[0][:, rows], wide[:, rows])


def test_a_level_made_again_joins_its_neighbours_and_its_window_may_change_inside_only():
    base = states()[-1].clean
    images = {level: base[level] for level in (0, 1, 3)}
    end = states(seed=1, images=images, open=frozenset({1}))[-1].clean
    assert torch.equal(end[3], base[3])
    assert torch.equal(ring(end[:2]), ring(base[:2]))
    assert max(misfits(end, 2)) < 2e-3
    assert (end[2] - base[2]).abs().max() > 0.1
    change = (end[1] - base[1]).abs()
    assert change.max() > 0.02
    assert change[:, 8, 8:24].max() < 0.1 * change.max(), "the window's border stays nearly"
    shut = states(seed=1, images=images)[-1].clean
    assert torch.equal(shut[:2], base[:2]), "where it is not open, it stays as it was"


def test_all_levels_given_cost_nothing_and_are_joined():
    pictures, denoiser = field(4), Pale()
    (end,) = states(denoiser, images=dict(enumerate(pictures)))
    assert denoiser.calls == []
    assert end.index == superres.Config().work(4, frozenset(range(4))).steps == 1
    assert torch.equal(end.clean[3], pictures[3])
    assert torch.equal(ring(end.clean), ring(pictures))
    assert max(misfits(end.clean, 2)) < 1e-5


def test_a_level_with_a_seed_of_its_own_follows_from_it():
    photo = field(1)[0]
    one, other = (states(seed=s, photo=photo, seeds={1: 5})[-1].clean for s in (0, 1))
    assert torch.equal(one[1], other[1])
    assert not torch.allclose(one[2], other[2], atol=0.01)


def test_the_same_seed_repeats_and_the_global_generator_plays_no_part():
    before = torch.get_rng_state()
    first = states()[-1].clean
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(3)
    assert torch.equal(states()[-1].clean, first)
    assert not torch.allclose(states(seed=1)[-1].clean, first, atol=0.1)


def test_strength_says_how_much_is_drawn_anew():
    """Behind an open window, inside its border, nothing but the beginning holds what is drawn."""
    photo, begun = field(1)[0], Magnifier(boxes(2, 32, 32, 2)[0], 32, 32)

    def drift(strength: float) -> float:
        settings = {"images": {0: photo}, "open": frozenset({0}), "strength": strength, "steps": 20}
        change = states(**settings)[-1].clean[1] - begun.enlarge(photo)
        return float(change[:, 8:24, 8:24].square().mean())

    assert 3 * drift(0.1) < drift(0.9)


def test_a_window_that_binds_for_some_steps_only_is_free_inside_and_agrees_in_the_end():
    """The border of a window is what it was; the wider level shows what the prompt wanted inside."""
    strict, free = (states(bound=bound, prompts=["0", "0.4"], steps=20)[-1].clean for bound in (1, 0.25))
    assert max(misfits(free, 2)) < 2e-3
    assert torch.equal(ring(free[0]), ring(strict[0]))
    change = (free[0] - strict[0])[:, 8:24, 8:24]
    assert change[:, 4:12, 4:12].mean() > 0.2, "half of the prompt's shift at least"
    assert change[:, [0, -1]].abs().max() < 0.3 * change[:, 4:12, 4:12].abs().max()


class Looker:
    """Describes what it is shown by the level's number; keeps the views."""

    def __init__(self) -> None:
        self.seen: list[tuple[torch.Tensor, torch.Tensor, int]] = []

    def __call__(self, previous: torch.Tensor, present: torch.Tensor, level: int) -> str:
        self.seen.append((previous, present, level))
        return f"view {level} of a leaf"


@pytest.mark.parametrize("looking", ["replace", "append"])
def test_prompts_written_by_looking_are_used_and_told(looking):
    look, denoiser = Looker(), Pale()
    end = states(denoiser, describe=look, looking=looking)[-1]
    assert [level for _, _, level in look.seen] == [1, 2, 3]
    for previous, present, level in look.seen:
        assert torch.equal(previous, end.clean[level - 1])
        assert present.shape == SHAPE
        glass = Magnifier(boxes(2, 32, 32, 2)[0], 32, 32)
        assert torch.allclose(glass.shrink(present), glass.shown(previous), atol=2e-2)
    told = {record["level"]: record["prompt"] for record in end.records if record["what"] == "prompt"}
    own = {1: PROMPTS[1], 2: PROMPTS[2], 3: PROMPTS[3]}
    expected = {i: f"view {i} of a leaf" if looking == "replace" else f"{own[i]}, view {i} of a leaf" for i in own}
    assert told == expected
    assert [prompt for prompt in denoiser.told if "leaf" in prompt] == list(expected.values())


def test_what_was_seen_is_not_looked_at_again_after_resuming():
    whole = states(describe=Looker())
    state = next(s for s in whole if s.resumes_at and s.resumes_at > 8)
    again = Looker()
    rest = states(describe=again, state=state)
    assert min(level for _, _, level in again.seen) == 2
    assert rest[-1].records == whole[-1].records


def test_a_latent_model_s_windows_agree_in_pixels():
    denoiser = Pale((4, 16, 16))
    denoiser.codec = Halving()
    photo, deep = field(2)
    run = superres.sample(denoiser, ["0"] * 4, p=2, steps=6, photo=photo, images={3: deep}, generator=generator())
    assert denoiser.codec.calls == 0, "nothing is encoded before the first state is asked for"
    *_, end = run
    assert end.clean.shape == (4, *SHAPE)
    assert torch.equal(end.clean[3], deep)
    assert torch.equal(ring(end.clean[0]), ring(photo))
    assert max(misfits(end.clean, 2)) < 2e-3


def test_a_real_autoencoder_s_windows_agree_and_its_given_levels_stay(tmp_path):
    """Tiny and random: its round trip keeps nothing of a picture. To half a step of 8 bits, all the same."""
    folder, _ = latent_pipeline(tmp_path, 4)
    photo = field(1)[0][:, :16, :16]
    for method in (superres, joint):
        denoiser = load_denoiser(folder)
        settings = {"p": 2, "steps": 3, "images": {1: photo}, "generator": generator()}
        *_, end = method.sample(denoiser, ["a leaf", "a cell", "a nucleus"], **settings)
        assert torch.equal(end.clean[1], photo)
        if method is superres:
            assert max(misfits(end.clean, 2)) < 4e-3


def test_guidance_and_negatives_pass_through():
    plain = states(Guided(Pale(), 1.0))[-1].clean
    guided = states(Guided(Pale(), 3.0), negatives=["0.3"] * 4)[-1].clean
    assert not torch.allclose(plain, guided, atol=0.05)


def test_the_finished_stack_is_in_range():
    stack = superres.sample_stack(Pale(), PROMPTS, p=1.5, steps=4, generator=generator())
    assert stack.levels.shape == (4, *SHAPE)
    assert stack.p == 1.5
    assert stack.levels.abs().max() <= 1


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"strength": 0}, "strength"),
        ({"strength": 1.2}, "strength"),
        ({"looking": "away"}, "replace or append"),
        ({"steps": 0}, "number of steps"),
        ({"eta": -1}, "eta"),
        ({"p": 1}, "above 1"),
        ({"p": 33}, "no whole pixel"),
        ({"photo": torch.zeros(3, 8, 8)}, "Resize it"),
        ({"photo": torch.zeros(SHAPE), "images": {0: torch.zeros(SHAPE)}}, "Leave out one"),
        ({"images": {9: torch.zeros(SHAPE)}}, "levels 0 to 3"),
        ({"negatives": ["x"]}, "as many negatives"),
        ({"generator": 3}, "torch.Generator"),
        ({"prompts": "a leaf"}, "list of texts"),
    ],
)
def test_what_cannot_be_done_is_refused_at_once(settings, words):
    denoiser = Pale()
    arguments = {"prompts": PROMPTS, "p": 2, "generator": generator()} | settings
    with pytest.raises(InvalidInputError, match=words):
        superres.sample(Guided(denoiser, 2.0), arguments.pop("prompts"), **arguments)
    assert denoiser.calls == []


def test_a_state_of_another_run_is_refused():
    state = states()[-1]
    with pytest.raises(InvalidInputError, match="does not belong"):
        states(prompts=PROMPTS[:2], state=state)
    with pytest.raises(InvalidInputError, match="does not belong"):
        states(strength=0.1, state=replace(state))
