"""Scenes of living and dead matter, from the veins of a leaf to atoms."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from zoomlib.bundled.world.fields import CellGrid, per_image, ramp, smoothstep
from zoomlib.bundled.world.scene import Scene


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
