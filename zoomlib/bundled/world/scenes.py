"""The twelve scenes of the procedural world, each a batched function of size, hue, saturation and nearness.

All take a `Scene` and return (B, 3, S, S) in [0, 1] (values beyond are clipped by the caller). `near` (B,) is 1 where
the viewer stands near and 0.5 where far: things are that much smaller, and there are more of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from zoomlib.bundled.world.fields import (
    CellGrid,
    fractal_noise,
    grid,
    hill_shade,
    hsv,
    per_image,
    ramp,
    smoothstep,
    splats,
    uniform,
)


@dataclass
class Scene:
    """What a picture is made from: `hue`, `saturation`, `near` are (B,); randomness comes from `generator`."""

    generator: torch.Generator
    size: int
    hue: Tensor
    saturation: Tensor
    near: Tensor

    def __post_init__(self) -> None:
        self.batch = self.hue.shape[0]
        self.x, self.y = grid(self.size)

    def draw(self, low: float = 0.0, high: float = 1.0) -> Tensor:
        """One uniform number a picture, (B,)."""
        return uniform(self.generator, self.batch, low=low, high=high)

    def colour(self, value: float, saturation: float = 1.0, turn: float = 0.0) -> Tensor:
        """The picture's colour at a brightness, its saturation scaled, its hue turned; (B, 3)."""
        return hsv(self.hue + turn, (self.saturation * saturation).clamp(0, 1), torch.full_like(self.hue, value))

    def noise(self, slope: float, lowest: Tensor | float = 1.0) -> Tensor:
        """Fractal noise, (B, S, S)."""
        return fractal_noise(self.generator, self.batch, self.size, slope, lowest)

    def rotated(self, tilt: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Coordinates turned by a random angle, the second axis stretched by 1 / tilt."""
        angle = per_image(self.draw(0, 2 * math.pi))
        u = self.x * angle.cos() + self.y * angle.sin()
        v = self.y * angle.cos() - self.x * angle.sin()
        return u, v if tilt is None else v / per_image(tilt)

    def stars(self, count: int, brightness: float = 1.0, width: float = 0.012) -> Tensor:
        """A field of mostly faint stars, (B, 3, S, S)."""
        x, y = (uniform(self.generator, self.batch, count, low=-1, high=1) for _ in range(2))
        light = uniform(self.generator, self.batch, count) ** 4
        tint = 0.75 + 0.25 * uniform(self.generator, self.batch, count, 3)
        return splats(x, y, width * (0.6 + 0.8 * light), brightness * light[..., None] * tint, self.size)


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


def coast(s: Scene) -> Tensor:
    """Land and water seen from above: shallows, a bright beach, hills."""
    height = s.noise(2.5, 1.3 / s.near) + per_image(s.draw(-0.2, 0.2))
    water = ramp(
        height,
        [(-1.8, s.colour(0.16, 1.0, 0.03)), (-0.4, s.colour(0.36, 1.0, 0.03)), (0.0, s.colour(0.62, 0.75, 0.03))],
    )
    shade = 0.45 + 1.0 * hill_shade(height, 0.2, s.draw(0, 6.28))
    land = ramp(
        height,
        [
            (0.0, s.colour(0.95, 0.35)),
            (0.16, s.colour(0.72, 0.75)),
            (0.9, s.colour(0.5, 1.0)),
            (1.8, s.colour(0.85, 0.3)),
        ],
    )
    surf = torch.exp(-(((height + 0.02) / 0.05) ** 2))[:, None]
    picture = water + smoothstep(-0.02, 0.02, height)[:, None] * (land * shade[:, None] - water)
    return picture + 0.55 * surf * (1 - picture)


def mountains(s: Scene) -> Tensor:
    """Ridges in low sun, snow on the heights."""
    low = 1.5 / s.near
    ridge = 1 - 2.1 * s.noise(2.35, low).abs()
    height = 0.62 * ridge + 0.5 * s.noise(2.3, low)
    light = hill_shade(height, 0.24, s.draw(0, 6.28))
    rock = ramp(
        light,
        [
            (0.0, s.colour(0.07, 1.0, 0.03)),
            (0.5, s.colour(0.42, 0.9)),
            (0.85, s.colour(0.8, 0.75)),
            (1.0, s.colour(0.98, 0.5)),
        ],
    )
    snow = smoothstep(0.55, 0.95, height + 0.15 * s.noise(1.0, 8.0))[:, None] * (0.35 + 0.65 * light[:, None])
    return rock + snow * (torch.tensor([0.93, 0.96, 1.0])[None, :, None, None] - rock) * 0.9


def forest(s: Scene) -> Tensor:
    """Round tree crowns from above, lit from one side; some pictures have a pale river."""
    cells = CellGrid(s.generator, s.x, s.y, s.draw(4.6, 6.2) / s.near, jitter=0.8)
    distance = (cells.dx**2 + cells.dy**2).sqrt()
    size = 0.62 + 0.25 * cells.look_up(cells.table())
    dome = (1 - (distance / size) ** 2).clamp_min(0)
    top, which = (dome * size).max(dim=1)
    pick = which[:, None]
    dx, dy = cells.dx.gather(1, pick)[:, 0], cells.dy.gather(1, pick)[:, 0]
    own = cells.look_up(cells.table(), cells.cell.gather(1, pick))[:, 0]
    angle = per_image(s.draw(0, 6.28))
    light = 0.45 + 0.75 * (dx * angle.cos() + dy * angle.sin()) + 0.55 * top.sqrt() + 0.08 * s.noise(0.6, 8.0)
    light = light * (0.55 + 0.45 * own) * smoothstep(0.0, 0.25, top)
    crown = ramp(
        light,
        [
            (0.0, s.colour(0.02)),
            (0.35, s.colour(0.3)),
            (0.75, s.colour(0.68, 0.95)),
            (1.15, s.colour(1.0, 0.6, -0.015)),
        ],
    )
    bend = s.noise(2.4, 1.0)
    u, _ = s.rotated()
    river = smoothstep(0.14, 0.09, (u + 0.3 * bend + per_image(s.draw(-0.7, 0.7))).abs() / per_image(s.near))
    river = river * per_image((s.draw() < 0.3).float())
    water = s.colour(0.75, 0.35, 0.08)[:, :, None, None] * (0.8 + 0.1 * bend[:, None])
    return crown + river[:, None] * (water - crown)


def leaves(s: Scene) -> Tensor:
    """Leaves lying on one another, each with a midrib and side veins, over dark ground."""
    picture = s.colour(0.07)[:, :, None, None] * (1 + 0.3 * s.noise(1.0, 4.0)[:, None])
    for layer in range(3):
        cells = CellGrid(s.generator, s.x, s.y, s.draw(2.0, 2.7) / s.near, jitter=0.75)
        angle = cells.look_up(cells.table(0, 2 * math.pi))
        u = cells.dx * angle.cos() + cells.dy * angle.sin()
        v = cells.dy * angle.cos() - cells.dx * angle.sin()
        length = 0.62 + 0.24 * cells.look_up(cells.table())
        t = (u / length).clamp(-1, 1)
        half = 0.27 * (1 - t * t) * (1 - 0.35 * t) * length * 1.25
        inside = (1 - v.abs() / half.clamp_min(1e-3)) * (u.abs() < length)
        rank = cells.look_up(cells.table()) + 10 * (inside > 0)
        pick = rank.argmax(dim=1, keepdim=True)
        inside, u, v = (a.gather(1, pick)[:, 0] for a in (inside, u, v))
        own = cells.look_up(cells.table(), cells.cell.gather(1, pick))[:, 0]
        midrib = torch.exp(-((v / 0.022) ** 2))
        side = torch.exp(-(((torch.remainder((u - v.abs() * 0.9) / 0.2, 1) - 0.5) / 0.16) ** 2)) * 0.5
        tone = 0.3 + 0.42 * own + 0.13 * layer + 0.2 * torch.sign(v) * smoothstep(0, 0.05, v.abs()) * 0.6
        tone = tone * (0.75 + 0.25 * smoothstep(0, 0.35, inside)) + 0.22 * midrib + 0.14 * side
        leaf = ramp(
            tone,
            [
                (0.0, s.colour(0.1)),
                (0.45, s.colour(0.55)),
                (0.85, s.colour(0.88, 0.85, 0.01)),
                (1.2, s.colour(1.0, 0.45, 0.02)),
            ],
        )
        mask = smoothstep(0.0, 0.12, inside)
        picture = picture * (1 - 0.45 * smoothstep(-0.5, 0.1, inside)[:, None])
        picture = picture + mask[:, None] * (leaf - picture)
    return picture


def veins(s: Scene) -> Tensor:
    """A leaf's surface so close that it fills the view: midrib, side veins, a net between them."""
    u, v = s.rotated()
    v = v + 0.12 * u * u * per_image(s.draw(-1, 1)) + 0.02 * s.noise(1.8)
    near = per_image(s.near)
    side = torch.where(v > 0, 0.0, 0.5)
    pitch = per_image(s.draw(0.38, 0.5)) * near
    along = (u - v.abs() * per_image(s.draw(0.7, 1.1)) + 0.12 * v * v) / pitch + side
    lateral = (torch.remainder(along, 1) - 0.5).abs() * pitch
    first, second, own = (cells := CellGrid(s.generator, u, v, s.draw(6, 8) / s.near)).nearest()
    net = torch.exp(-(((second - first) / 0.1) ** 2))
    main = torch.exp(-((v / (0.045 * (0.4 + 0.6 * near))) ** 2))
    branch = torch.exp(-((lateral / (0.024 * (0.4 + 0.6 * near))) ** 2)) * smoothstep(0.0, 0.05, v.abs())
    patch = cells.look_up(cells.table(-0.07, 0.07), own[:, None])[:, 0]
    swell = 0.16 * torch.cos(2 * math.pi * torch.remainder(along, 1)) * -1
    tone = 0.42 + patch + swell + 0.05 * s.noise(1.4) + 0.12 * net + 0.5 * main + 0.34 * branch
    return ramp(
        tone,
        [(0.0, s.colour(0.1)), (0.35, s.colour(0.4)), (0.62, s.colour(0.75, 0.92)), (1.0, s.colour(1.0, 0.4, 0.02))],
    )


def cells(s: Scene) -> Tensor:
    """Plant cells: pale walls, grainy plasma, a dark nucleus in each, small grains."""
    net = CellGrid(
        s.generator,
        s.x + 0.02 * s.noise(1.9, 2.0),
        s.y + 0.02 * s.noise(1.9, 2.0),
        s.draw(2.3, 3.0) / s.near,
        jitter=0.7,
    )
    first, second, own = net.nearest()
    edge = second - first
    wall = torch.exp(-((edge / 0.06) ** 2))
    inner = smoothstep(0.05, 0.22, edge)
    tint = net.look_up(net.table(-0.09, 0.09), own[:, None])[:, 0]
    plasma = 0.55 + tint + 0.07 * s.noise(1.1, 5.0) + 0.15 * (1 - inner)
    base = ramp(plasma, [(0.2, s.colour(0.42)), (0.6, s.colour(0.78, 0.62)), (1.0, s.colour(1.0, 0.3))])
    rim = torch.exp(-(((edge - 0.13) / 0.045) ** 2))
    base = base * (1 - 0.42 * rim[:, None])
    base = base + 0.8 * wall[:, None] * (s.colour(1.0, 0.22)[:, :, None, None] - base)
    grains = CellGrid(s.generator, s.x, s.y, s.draw(10, 13) / s.near).nearest()[0]
    base = base * (1 - 0.28 * (smoothstep(0.24, 0.14, grains) * inner)[:, None])
    nucleus = smoothstep(0.2, 0.165, first)[:, None]
    core = ramp(
        first / 0.2, [(0.0, s.colour(0.5, 1.0, 0.5)), (0.5, s.colour(0.38, 1.0, 0.5)), (1.0, s.colour(0.2, 1.0, 0.5))]
    )
    core = core * (1 - 0.5 * smoothstep(0.09, 0.05, first)[:, None])
    return base + nucleus * (core - base)


def atoms(s: Scene) -> Tensor:
    """A hexagonal lattice of shining balls joined by bonds, on a dark ground."""
    u, v = s.rotated()
    spacing = per_image(s.draw(0.42, 0.52) * s.near)
    u, v = u / spacing + per_image(s.draw()), v / spacing + per_image(s.draw())
    u, v = u + 0.05 * s.noise(2.0), v + 0.05 * s.noise(2.0)
    height = math.sqrt(3)
    best = torch.full_like(u, 9.0)
    offset_u, offset_v, bonds = torch.zeros_like(u), torch.zeros_like(u), torch.full_like(u, 9.0)
    corners = [(0.0, 0.0, 0.5, height / 6), (0.5, height / 2, 1.0, 2 * height / 3)]
    for au, av, bu, bv in corners:
        for pu, pv in ((au, av), (bu, bv)):
            du = torch.remainder(u - pu + 0.5, 1) - 0.5
            dv = torch.remainder(v - pv + height / 2, height) - height / 2
            d = du * du + dv * dv
            closer = d < best
            best = torch.where(closer, d, best)
            offset_u, offset_v = torch.where(closer, du, offset_u), torch.where(closer, dv, offset_v)
            reach = height / 3
            for k in range(3):
                turn = math.pi / 2 + 2 * math.pi * k / 3 + (0 if (pu, pv) in ((bu, bv),) else math.pi)
                along = (du * math.cos(turn) + dv * math.sin(turn)).clamp(0, reach)
                bonds = torch.minimum(bonds, (du - along * math.cos(turn)) ** 2 + (dv - along * math.sin(turn)) ** 2)
    r = best.sqrt() / 0.21
    ball = smoothstep(1.06, 0.92, r)
    light = (1 - 0.75 * r * r).clamp_min(0.1) * 0.9
    spot = torch.exp(-(((offset_u + 0.06) ** 2 + (offset_v + 0.07) ** 2) / 0.0035))
    ground = ramp(0.5 + 0.3 * s.noise(2.0), [(0.0, s.colour(0.03, 0.8, 0.45)), (1.0, s.colour(0.2, 0.8, 0.45))])
    bond = torch.exp(-bonds / 0.0028)[:, None] * s.colour(0.55, 0.5)[:, :, None, None] * 0.9
    body = ramp(light, [(0.0, s.colour(0.12)), (0.5, s.colour(0.6)), (1.0, s.colour(1.0, 0.75))]) + 0.8 * spot[:, None]
    picture = ground + bond
    return picture + ball[:, None] * (body - picture)


SCENES: tuple[Callable[[Scene], Tensor], ...] = (
    cosmic_web,
    galaxy,
    nebula,
    planetary_system,
    planet,
    coast,
    mountains,
    forest,
    leaves,
    veins,
    cells,
    atoms,
)
