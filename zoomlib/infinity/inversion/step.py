"""One step of an inversion: perturb, paint, compare, and move the latents by Adam (InfinityGAN, appendix K)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property

import torch
from torch import Tensor

from zoomlib.errors import InvalidInputError, UnsoundError
from zoomlib.infinity.config import GeneratorConfig
from zoomlib.infinity.field.coordinates import coordinates
from zoomlib.infinity.field.latents import Latents
from zoomlib.infinity.inversion.area import Area
from zoomlib.infinity.inversion.augment import augmented
from zoomlib.infinity.inversion.loss import StyleStatistics, autocorrelation, radius, renormalised, style_statistics
from zoomlib.infinity.inversion.settings import InversionSettings
from zoomlib.infinity.networks.pair import Networks

Values = dict[str, Tensor]
Distance = Callable[[Tensor, Tensor], Tensor]
"""Of two pictures (B, 3, H, W): a scalar with slopes."""
STRUCTURE = ("style", "local")
"""What moves at the structure's rate; the rest, w+ and noise, at the texture's."""
BETAS = (0.9, 0.999)
ADAM_EPSILON = 1e-8


def noise_names(config: GeneratorConfig) -> list[str]:
    """The names of the noises of all layers, in order."""
    return [f"noise_{layer}" for layer in range(config.layers)]


def start_values(networks: Networks, area: Area, seed: int, period: int | None) -> Values:
    """The plane's own latents of the area for a seed, and the middle of all styles."""
    config, latents = area.config, Latents(area.config, seed, period=period)
    noise = {name: latents.noise(layer, *area.noise(layer)) for layer, name in enumerate(noise_names(config))}
    w_plus = mean_styles(networks).style.cpu().expand(config.layers + 1, -1).clone()
    return {"style": latents.style(), "w_plus": w_plus, "local": latents.local(*area.local), **noise}


def mean_styles(networks: Networks) -> StyleStatistics:
    """The statistics of what the mapping of these networks makes, on their device."""
    device = next(networks.parameters()).device

    def mapping(z: Tensor) -> Tensor:
        mapped: Tensor = networks.texture.mapping(z.to(device))
        return mapped.float().cpu()

    return style_statistics(mapping, networks.config.style).to(device)


class Stepper:
    """What a step needs besides the latents. picture (3, H, W), settings and distance: for steps, not for painting."""

    def __init__(
        self,
        networks: Networks,
        area: Area,
        period: int | None,
        picture: Tensor | None = None,
        settings: InversionSettings | None = None,
        distance: Distance | None = None,
    ) -> None:
        self.networks, self.area = networks, area
        self.device = next(networks.parameters()).device
        self.settings, self.distance = settings or InversionSettings(), distance
        self.picture = None if picture is None else picture.to(self.device)[None]
        self.place = coordinates(area.config, *area.local, period=period).to(self.device)[None]

    @cached_property
    def statistics(self) -> StyleStatistics:
        """Of mapped styles."""
        return mean_styles(self.networks)

    @torch.no_grad()
    def painted(self, values: Mapping[str, Tensor]) -> Tensor:
        """The picture (3, H, W) that latents make, raw."""
        return self._paint(values)[0]

    def _paint(self, values: Mapping[str, Tensor]) -> Tensor:
        features = self.networks.structure(values["local"][None], self.place, values["style"][None])
        noises = [values[name][None] for name in noise_names(self.area.config)]
        pixels: Tensor = self.networks.texture(features, values["w_plus"][None], noises)
        rows, columns = self.area.crop
        return pixels[..., rows, columns]

    def advanced(
        self,
        step: int,
        values: Mapping[str, Tensor],
        first: Mapping[str, Tensor],
        second: Mapping[str, Tensor],
        generator: torch.Generator,
    ) -> tuple[Values, Values, Values, dict[str, float]]:
        """Latents, Adam's means and the weighted terms of the loss after a step; nothing given is changed."""
        leaves = {name: value.detach().requires_grad_() for name, value in values.items()}
        terms = self.losses(leaves, step, generator)
        total = torch.stack(list(terms.values())).sum()
        losses = {name: float(term.detach()) for name, term in (*terms.items(), ("total", total))}
        if not bool(total.detach().isfinite()):
            raise UnsoundError(f"The loss of step {step + 1} of the inversion is no number. Use lower rates.")
        slopes = torch.autograd.grad(total, list(leaves.values()), allow_unused=True)
        moved, means, squares = {}, {}, {}
        with torch.no_grad():
            for (name, value), slope in zip(values.items(), slopes, strict=True):
                slope = torch.zeros_like(value) if slope is None else slope
                means[name] = torch.lerp(slope, first[name], BETAS[0])
                squares[name] = torch.lerp(slope.square(), second[name], BETAS[1])
                by = adam_step(means[name], squares[name], step + 1)
                moved[name] = value - self._rate(name, step) * by
                if name.startswith("noise_"):
                    moved[name] = renormalised(moved[name])
        return moved, means, squares, losses

    def _rate(self, name: str, step: int) -> float:
        settings = self.settings
        rate = settings.structure_rate if name in STRUCTURE else settings.texture_rate
        return rate * settings.rate(step)

    def losses(self, values: Mapping[str, Tensor], step: int, generator: torch.Generator) -> dict[str, Tensor]:
        """The weighted terms of the loss of a step."""
        if self.picture is None or self.distance is None:
            raise InvalidInputError("A step needs a picture and a distance.")
        s = self.settings
        made = self._paint(self._perturbed(values, step, generator))
        both = torch.cat((made, self.picture))
        both = augmented(both, generator) if s.augment else both
        made, wanted = both[:1], both[1:]
        noises = [values[name] for name in noise_names(self.area.config)]
        return {
            "pixel": s.pixel * 0.5 * (made - wanted).square().mean(),
            "perceptual": s.perceptual * self.distance(made, wanted),
            "noise": s.autocorrelation * autocorrelation(noises),
            "mean": s.mean * values["style"].mean().abs(),
            "radius": s.radius * (radius(values["style"]) + radius(values["local"])),
            "style": s.style_distance * self.statistics.distance(values["w_plus"]),
        }

    def _perturbed(self, values: Mapping[str, Tensor], step: int, generator: torch.Generator) -> Values:
        """Latents and styles with normal values added, less and less; noise stays."""
        factor, s = self.settings.perturbation(step), self.settings
        if not factor:
            return dict(values)
        by = {"style": s.latent_perturbation, "local": s.latent_perturbation}
        by["w_plus"] = s.style_perturbation * self.statistics.deviation
        return {
            name: value + factor * by[name] * torch.randn(value.shape, generator=generator).to(value.device)
            if name in by
            else value
            for name, value in values.items()
        }


def adam_step(mean: Tensor, square: Tensor, count: int) -> Tensor:
    """What Adam (Kingma and Ba 2015, algorithm 1) moves by at a rate of 1, after `count` steps."""
    return mean / (1 - BETAS[0] ** count) / ((square / (1 - BETAS[1] ** count)).sqrt() + ADAM_EPSILON)
