"""What a step of an inversion descends and how far it moves, by hand from the specification (section 3.5)."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from tests.doubles.planes import SMALL, random_networks
from zoomlib.infinity.inversion.area import area_of
from zoomlib.infinity.inversion.loss import autocorrelation
from zoomlib.infinity.inversion.settings import InversionSettings
from zoomlib.infinity.inversion.step import Stepper, Values, noise_names, start_values

AREA = area_of(SMALL, (-9, 13), 16, 20)
PLAIN = InversionSettings(steps=100, augment=False)
LATE = 80  # when nothing is added to latents any more


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def gen() -> torch.Generator:
    return torch.Generator().manual_seed(5)


def away(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).abs().mean()


@pytest.fixture(scope="module")
def values() -> Values:
    found = start_values(random_networks(), AREA, 7, None)
    found["w_plus"] = found["w_plus"] + 0.3 * normal(*found["w_plus"].shape)
    found["style"] = found["style"] + 0.5
    return found


def stepper(settings: InversionSettings, picture: Tensor | None = None) -> Stepper:
    given = normal(3, 16, 20, seed=2).tanh() if picture is None else picture
    return Stepper(random_networks(), AREA, None, given, settings, away)


def test_the_terms_are_those_of_the_specification(values: Values) -> None:
    at_work = stepper(PLAIN)
    made, given = at_work.painted(values), normal(3, 16, 20, seed=2).tanh()
    z, local = values["style"], values["local"]
    expected = {
        "pixel": 10 * 0.5 * (made - given).square().mean(),
        "perceptual": 10 * (made - given).abs().mean(),
        "noise": 1000 * autocorrelation([values[name] for name in noise_names(SMALL)]),
        "mean": 10 * z.mean().abs(),
        "radius": 10 * sum((x.square().sum() / x.numel() - 1) ** 2 for x in (z, local)),
        "style": 0.01 * at_work.statistics.distance(values["w_plus"]),
    }
    found = at_work.losses(values, LATE, gen())
    assert list(found) == list(expected)
    for name, term in expected.items():
        assert float(found[name]) == pytest.approx(float(term), rel=1e-4), name
        assert float(term) > 1e-4, name


def test_both_pictures_are_changed_alike(values: Values) -> None:
    same = stepper(replace(PLAIN, augment=True))
    same = stepper(replace(PLAIN, augment=True), same.painted(values))
    assert float(same.losses(values, LATE, gen())["pixel"]) < 1e-9
    changed = stepper(replace(PLAIN, augment=True)).losses(values, LATE, gen())
    plain = stepper(PLAIN).losses(values, LATE, gen())
    assert float(changed["pixel"]) != pytest.approx(float(plain["pixel"]), rel=0.01)


def test_latents_are_disturbed_by_a_fifth_and_styles_by_a_twentieth_of_their_spread(
    values: Values, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_work, painted = stepper(PLAIN), {}
    right = at_work._paint
    monkeypatch.setattr(at_work, "_paint", lambda some: painted.update(some) or right(some))
    at_work.losses(values, 0, gen())
    factor = PLAIN.perturbation(0)
    for name, spread in (("local", 0.2), ("style", 0.2), ("w_plus", 0.05 * at_work.statistics.deviation)):
        added = (painted[name] - values[name]).flatten()
        assert float(added.std()) == pytest.approx(factor * spread, rel=3 / len(added) ** 0.5), name
    assert all(torch.equal(painted[name], values[name]) for name in noise_names(SMALL))


def test_styles_and_noise_move_ten_times_as_fast_as_latents(values: Values) -> None:
    """By Adam the first step is the rate, whatever the slope."""
    nothing = {name: torch.zeros_like(value) for name, value in values.items()}
    moved, *_ = stepper(PLAIN).advanced(0, values, nothing, nothing, gen())
    for name, rate in (("local", 0.01), ("style", 0.01), ("w_plus", 0.1)):
        by = (moved[name] - values[name]).abs()
        assert float(by.median()) == pytest.approx(rate * PLAIN.rate(0), rel=1e-2), name
