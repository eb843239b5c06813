"""Stage 1 of AlignNoise: its objective against a plain loop, and its descent on a model whose attention is known."""

import dataclasses
from itertools import pairwise

import pytest
import torch
from torch.nn import functional as F

from tests.doubles.gaussian import GaussianDenoiser
from zoomlib.denoiser import AttentionMaps
from zoomlib.errors import InvalidInputError
from zoomlib.inpainting import Config, prepare
from zoomlib.inpainting.alignment import Alignment, align, kl_from_normal, score, standardised


class Looking(GaussianDenoiser):
    """Attention over 8 x 8 places that is softmax(q k), q and k being fixed mixtures of a place's own pixels."""

    def __init__(self, shape=(3, 32, 32), family="vp"):
        super().__init__(shape, family)
        generator = torch.Generator().manual_seed(9)
        self.q, self.k = (torch.randn(48, 8, generator=generator) / 48**0.5 for _ in range(2))
        self.looks = 0

    def attention_maps(self, z, step, condition, grid=None):
        self.looks += 1
        places = F.pixel_unshuffle(z, 4).flatten(2).mT
        return AttentionMaps(((places @ self.q) @ (places @ self.k).mT).softmax(-1), (8, 8))


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=seeded(seed))


def filling(denoiser=None, count=2, kept=slice(8, 24)):
    denoiser = denoiser or Looking()
    mask = torch.ones(count, 1, 32, 32)
    mask[..., kept, kept] = 0
    image = noise(count, 3, 32, 32, seed=7).clamp(-1, 1)
    return prepare(denoiser, ["0"] * count, image, mask, Config(6, conditioning="renoise"))


def looped_score(attention, made):
    """The specification read word for word: query by query, for places that are wholly made or kept."""
    h, w = attention.grid
    line = torch.exp(-0.5 * (torch.arange(-1.0, 2.0) / 0.5) ** 2)
    kernel = line[:, None] * line / line.sum() ** 2
    out = []
    for maps, part in zip(attention.maps, made.flatten(1) == 1, strict=True):
        total = torch.zeros(h, w)
        for query in part.nonzero().flatten().tolist():
            seen = F.pad(maps[query].view(1, 1, h, w), (1, 1, 1, 1), mode="replicate")[0, 0]
            smooth = torch.zeros(h, w)
            for y in range(3):
                for x in range(3):
                    smooth += kernel[y, x] * seen[y : y + h, x : x + w]
            total += (smooth - smooth.min()) / (smooth.max() - smooth.min())
        heat = ((total - total.min()) / (total.max() - total.min())).flatten()
        a_out, a_src = heat[part].mean(), heat[~part].mean()
        out.append((a_out / (a_src + 1e-6) + max(0.0, 0.15 - float(a_out)), a_out, a_src))
    return torch.tensor(out)


@pytest.mark.parametrize("grid", [(16, 16), (8, 12)])
def test_the_objective_is_that_of_a_plain_loop(grid):
    """To 1e-5, and for pictures of which different parts are made."""
    N = grid[0] * grid[1]
    maps = (3 * noise(3, N, N)).softmax(-1)
    made = torch.ones(3, *grid)
    made[0, 2:6, 3:8], made[1, :, :5], made[2, 0, 0] = 0, 0, 0
    found = score(AttentionMaps(maps, grid), made, Alignment())
    wanted = looped_score(AttentionMaps(maps, grid), made)
    assert torch.allclose(torch.stack([found.objective, found.a_out, found.a_src], 1), wanted, atol=1e-5)


def test_the_penalty_is_for_too_little_attention_to_what_is_made():
    maps = torch.full((1, 64, 64), 1e-4)
    maps[..., 27:37] = 0.1
    made = torch.ones(1, 8, 8)
    made[:, 3:5] = 0
    low, high = (score(AttentionMaps(maps, (8, 8)), made, Alignment(tau=tau)) for tau in (0.0, 0.9))
    assert float(high.objective - low.objective) == pytest.approx(0.9 - float(low.a_out), abs=1e-6)


def test_a_place_that_is_partly_made_counts_in_part():
    """Moving the border continuously moves the objective continuously."""
    maps = AttentionMaps((2 * noise(1, 64, 64)).softmax(-1), (8, 8))
    objectives = []
    for share in torch.linspace(0, 1, 11):
        made = torch.ones(1, 8, 8)
        made[:, 2:6, 2:6] = 0
        made[:, 2, 2:6] = share
        objectives.append(float(score(maps, made, Alignment()).objective))
    steps = [abs(b - a) for a, b in pairwise(objectives)]
    assert max(steps) < 0.3 * abs(objectives[-1] - objectives[0]) + 0.02
    assert objectives[0] != objectives[-1]


@pytest.mark.parametrize("family", ["vp", "flow"])
def test_the_descent_lowers_the_objective_and_keeps_the_moments(family):
    problem, start = filling(Looking(family=family)), noise(2, 3, 32, 32)
    better, records = align(problem, start, Alignment())
    assert problem.denoiser.looks == 11
    for row in range(2):
        found = [record for record in records if record["row"] == row]
        assert [record["iteration"] for record in found] == list(range(11))
        assert min(record["objective"] for record in found) < found[0]["objective"] - 0.01
        assert all(abs(record["mean"]) < 1e-5 and abs(record["variance"] - 1) < 1e-4 for record in found)
    assert better.mean((1, 2, 3)).abs().max() < 1e-5
    assert (better.var((1, 2, 3), correction=0) - 1).abs().max() < 1e-4
    assert not better.requires_grad
    assert problem.denoiser.calls == [], "stage 1 samples nothing"


def test_what_comes_back_is_the_noise_of_the_lowest_objective_that_was_seen():
    problem, start = filling(count=1), noise(1, 3, 32, 32)
    better, records = align(problem, start, Alignment(learning_rate=0.5))
    _, again = align(problem, better, Alignment(iterations=1))
    assert again[0]["objective"] == pytest.approx(min(record["objective"] for record in records), abs=1e-5)


def test_a_picture_is_aligned_as_if_it_were_alone():
    """One that stops early keeps what it had, while the others go on."""
    problem, start = filling(), noise(2, 3, 32, 32)
    _, records = align(problem, start, Alignment())
    at_5 = sorted(record["objective"] for record in records if record["iteration"] == 5)
    settings = Alignment(stop_below=sum(at_5) / 2)
    together, found = align(problem, start, settings)
    assert len({sum(record["row"] == row for record in found) for row in range(2)}) == 2
    for row in range(2):
        rows = slice(row, row + 1)
        names = ("image", "mask", "known", "unknown", "condition")
        alone = dataclasses.replace(problem, **{name: getattr(problem, name)[rows] for name in names})
        assert torch.allclose(align(alone, start[rows], settings)[0], together[rows], atol=1e-6)


def test_it_follows_from_its_input_alone():
    problem, start = filling(), noise(2, 3, 32, 32)
    torch.manual_seed(0)
    first, _ = align(problem, start, Alignment())
    torch.manual_seed(1)
    with torch.no_grad():
        second, _ = align(problem, start, Alignment())
    assert torch.equal(first, second)


def test_without_projection_the_noise_keeps_the_moments_that_it_drifts_to_and_kl_holds_them():
    problem, start = filling(count=1), standardised(noise(1, 3, 32, 32)) * 1.0
    drift = {}
    for kl in (0.0, 100.0):
        settings = Alignment(project=False, kl=kl, learning_rate=0.1)
        moved, records = align(problem, start, settings)
        drift[kl] = float((moved - start).square().mean())
        assert records[-1]["variance"] != 1
    assert drift[100.0] < drift[0.0]


def test_the_divergence_is_that_of_torch():
    m, v = noise(2, 3, 4, 4) / 3, noise(2, 3, 4, 4, seed=1) / 3
    moved = torch.distributions.Normal(m, (v / 2).exp())
    wanted = torch.distributions.kl_divergence(moved, torch.distributions.Normal(0.0, 1.0)).mean((1, 2, 3))
    assert torch.allclose(kl_from_normal(m, v), wanted, atol=1e-6)


@pytest.mark.parametrize("kept", [slice(0, 0), slice(0, 32)])
def test_where_nothing_is_kept_or_made_there_is_nothing_to_align(kept):
    problem, start = filling(kept=kept), noise(2, 3, 32, 32)
    same, records = align(problem, start, Alignment())
    assert torch.equal(same, start)
    assert [set(record) for record in records] == [{"what", "stage", "skipped"}]
    assert problem.denoiser.looks == 0


def test_a_model_that_shows_no_attention_is_refused_by_name():
    with pytest.raises(InvalidInputError, match="GaussianDenoiser shows no self-attention"):
        align(filling(GaussianDenoiser((3, 32, 32))), noise(2, 3, 32, 32), Alignment())


@pytest.mark.parametrize(
    "wrong", [{"iterations": 0}, {"grid": 2.5}, {"learning_rate": -1}, {"tau": float("nan")}, {"kl": True}]
)
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(InvalidInputError, match=next(iter(wrong))):
        Alignment(**wrong)
