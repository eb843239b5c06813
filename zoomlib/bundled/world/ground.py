"""Scenes of the ground seen from above, from a coast to leaves."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from zoomlib.bundled.world.fields import CellGrid, hill_shade, per_image, ramp, smoothstep
from zoomlib.bundled.world.scene import Scene


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
