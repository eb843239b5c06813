"""Scenes of the sky, from the cosmic web to a planet."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from zoomlib.bundled.world.fields import CellGrid, hill_shade, hsv, per_image, ramp, smoothstep
from zoomlib.bundled.world.scene import Scene


def cosmic_web(s: Scene) -> Tensor:
    """Glowing filaments between voids."""
    bend = 0.05 / per_image(s.near)
    cells = CellGrid(
        s.generator, s.x + bend * s.noise(1.8, 2.0), s.y + bend * s.noise(1.8, 2.0), s.draw(2.2, 3.2) / s.near
    )
    first, second, _ = cells.nearest()
    edge = second - first
    mist = (0.7 + 0.3 * s.noise(1.2, 3.0)).clamp(0.1, 1.6)
    glow = torch.exp(-edge / 0.18) * 0.55 * mist + torch.exp(-edge / 0.045) * 0.7 * mist
    glow = glow + 0.5 * torch.exp(-edge / 0.12) * smoothstep(0.62, 0.95, first)
    stops = [(0.0, s.colour(0.04)), (0.45, s.colour(0.6)), (0.85, s.colour(1.0, 0.7)), (1.3, s.colour(1.0, 0.12))]
    return ramp(glow, stops) + s.stars(40, 0.5)


def galaxy(s: Scene) -> Tensor:
    """An inclined disc with logarithmic spiral arms, a bright bulge, dust and a few stars."""
    tilt, radius = s.draw(0.5, 1.0), per_image(s.draw(0.9, 1.05) * s.near)
    u, v = s.rotated(tilt)
    u, v = u / radius, v / radius
    r = (u * u + v * v).sqrt() + 1e-4
    arms = torch.where(s.draw() < 0.75, 2.0, 3.0)
    wind = s.draw(2.6, 4.4) * torch.where(s.draw() < 0.5, 1.0, -1.0)
    phase = per_image(arms) * torch.atan2(v, u) - per_image(wind * arms * 0.55) * torch.log(r + 0.06) * 1.2
    arm = torch.exp(2.4 * (torch.cos(phase + 0.35 * s.noise(1.6, 3.0)) - 1))
    disc = torch.exp(-((r / 0.72) ** 2)) * smoothstep(1.25, 0.75, r)
    clumps = (1 + 0.35 * s.noise(0.9, 6.0)).clamp(0.2, 2)
    light = disc * (0.2 + 1.5 * arm * clumps * smoothstep(0.02, 0.2, r))
    bulge = torch.exp(-((r / 0.13) ** 2)) * 1.0 + 0.45 * torch.exp(-r / 0.16)
    dark = torch.zeros(s.batch, 3)
    body = ramp(light, [(0.0, dark), (0.35, s.colour(0.55)), (0.8, s.colour(1.0, 0.85)), (1.3, s.colour(1.0, 0.25))])
    core = ramp(bulge, [(0.0, dark), (0.6, s.colour(0.95, 0.6)), (1.2, s.colour(1.0, 0.1))])
    return body + core + 0.02 * s.colour(1.0)[:, :, None, None] + s.stars(60, 0.9)


def nebula(s: Scene) -> Tensor:
    """Clouds in the picture's colour and a neighbouring one, dark lanes, bright stars."""
    low = 1.3 / s.near
    cloud = s.noise(2.2, low)
    other = s.noise(2.2, low)
    lanes = smoothstep(-1.1, 0.8, s.noise(2.2, low))
    near = s.draw(-0.07, 0.07)
    second = hsv(s.hue + near, s.saturation * 0.9, torch.ones_like(s.hue))
    main = ramp(
        0.5 + 0.42 * cloud,
        [(0.0, s.colour(0.03)), (0.5, s.colour(0.55)), (1.0, s.colour(1.0, 0.8)), (1.4, s.colour(1.0, 0.3))],
    )
    veil = smoothstep(0.1, 1.6, other)[:, None] * second[:, :, None, None] * 0.55
    return (main + veil) * (0.25 + 0.85 * lanes[:, None]) + s.stars(70, 1.3, 0.016) + s.stars(6, 1.6, 0.035)


def planetary_system(s: Scene) -> Tensor:
    """A star in the middle, thin orbits, planets on them."""
    u, v = s.rotated(s.draw(0.5, 1.0))
    r = (u * u + v * v).sqrt()
    scale = per_image(s.near)
    orbits, planets = torch.zeros_like(r), torch.zeros(s.batch, 3, s.size, s.size)
    for k in range(6):
        radius = scale * per_image(s.draw(0.24, 0.28) + 0.135 * k)
        orbits = orbits + torch.exp(-0.5 * ((r - radius) / 0.009) ** 2) * (0.75 - 0.06 * k)
        angle = per_image(s.draw(0, 2 * math.pi))
        size = per_image(s.draw(0.032, 0.06)) * (0.5 + 0.5 * scale)
        du, dv = u - radius * angle.cos(), v - radius * angle.sin()
        ball = smoothstep(1.15, 0.85, (du * du + dv * dv).sqrt() / size)
        tint = hsv(
            s.hue + s.draw(-0.5, 0.5) * 0.5, torch.full_like(s.hue, 0.55) * (s.saturation > 0.2), s.draw(0.8, 1.0)
        )
        planets = torch.maximum(planets, ball[:, None] * tint[:, :, None, None])
    orbit = orbits[:, None] * s.colour(0.6, 0.55)[:, :, None, None]
    star_r = r / (0.105 * (0.4 + 0.6 * scale))
    star = ramp(
        1.3 * torch.exp(-(star_r**2) * 0.45) + 0.55 * torch.exp(-star_r / 2.2),
        [(0.0, torch.zeros(s.batch, 3)), (0.5, s.colour(0.85)), (1.2, s.colour(1.0, 0.35)), (1.6, s.colour(1.0, 0.05))],
    )
    dust = smoothstep(0.2, 2.4, s.noise(1.9))[:, None] * s.colour(0.22)[:, :, None, None]
    shown = planets.amax(1, keepdim=True)
    return (dust + orbit + s.stars(40, 0.6)) * (1 - shown) + planets + star + 0.015


def planet(s: Scene) -> Tensor:
    """A lit globe with land, sea and clouds, a glowing rim, and stars around it."""
    radius = per_image(s.draw(0.72, 0.84) * s.near)
    cx, cy = per_image(s.draw(-0.04, 0.04)), per_image(s.draw(-0.04, 0.04))
    x, y = (s.x - cx) / radius, (s.y - cy) / radius
    r = (x * x + y * y).sqrt()
    z = (1 - r * r).clamp_min(0).sqrt()
    low = 2.2 / s.near
    height = s.noise(2.3, low)
    land = smoothstep(-0.05, 0.12, height - 0.2)
    shade = 0.75 + 0.5 * hill_shade(height, 0.12, s.draw(0, 6.28))
    sea = ramp(0.5 + 0.2 * height, [(0.0, s.colour(0.28)), (1.0, s.colour(0.75))])
    ground = (
        ramp(0.5 + 0.25 * height, [(0.3, s.colour(0.75, 0.6, 0.04)), (1.0, s.colour(1.0, 0.35, 0.05))]) * shade[:, None]
    )
    surface = sea + land[:, None] * (ground - sea)
    surface = surface + 0.75 * smoothstep(0.7, 1.7, s.noise(1.7, low))[:, None] * (1 - surface)
    angle = s.draw(0, 2 * math.pi)
    light = (0.55 * (x * per_image(angle.cos()) + y * per_image(angle.sin())) + 0.85 * z).clamp(0.03, 1)
    disc = smoothstep(1.012, 0.985, r)
    rim = torch.exp(-((r - 1).clamp_min(0) / 0.06)) * (1 - disc) * 0.75 + disc * smoothstep(0.8, 1.0, r) * 0.4
    rim = rim * (0.45 + 0.55 * light.clamp_min(0.15))
    return (
        disc[:, None] * surface * light[:, None]
        + rim[:, None] * s.colour(1.0, 0.75)[:, :, None, None]
        + (1 - disc[:, None]) * (s.stars(60, 0.8) + 0.01)
    )
