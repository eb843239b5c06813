"""How the levels of a run agree, at any size: after every stage of a cascade they are blended and rendered anew."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from zoomlib.area import render
from zoomlib.blend import Mode, blend
from zoomlib.cascade.mend import continued
from zoomlib.geometry import Focus, Window, boxes, ring, whole_pixels
from zoomlib.magnifier import Magnifier
from zoomlib.photograph import Mode as PhotoMode
from zoomlib.photograph import Photograph
from zoomlib.stack import consolidate, render_levels

How = Literal["blended", "nested", "alone"]


@dataclass(frozen=True)
class Agreement:
    """How a method's levels agree.

    how: `blended` and rendered, as in joint sampling; `nested`, where windows show the deeper levels as they are; or
    `alone`. p: any factor above 1 for nested levels, a whole one for blended ones. focus: of the windows that were
    sampled (`scene.placed_focus`), so that they stay where they were. The rest as of `stack.consolidate`.
    """

    how: How
    p: float
    focus: Focus = None
    blending: Mode = "none"
    coarse_weight: float = 1.0
    feather: float = 0.0
    loop: bool = False
    photo_mode: PhotoMode = "projection"

    def step(self, levels: int, photo: Tensor | None = None) -> Callable[[Tensor], Tensor]:
        """What a sampler does with the estimates (L, C, H, W) of every step; `photo` is level 0 in the same space."""
        if self.how == "alone":
            return lambda estimates: estimates
        if self.how == "nested":
            return self._nested
        return partial(
            consolidate,
            p=int(self.p),
            blending=self.blending,
            coarse_weight=self.coarse_weight,
            feather=self.feather,
            focus=self.focus,
            loop=self.loop,
            photo=None if photo is None else Photograph(photo, levels, int(self.p), self.focus),
            photo_mode=self.photo_mode,
        )

    def on_places(self, levels: int, size: tuple[int, int], factor: int) -> bool:
        """Whether windows of a model's space, z of `size` (H, W), lie where those of its pictures do, `factor` times
        larger, so that levels can be made to agree in z."""
        p, (H, W) = int(self.p), size
        if self.how == "alone":
            return True
        if self.p != p or H % p or W % p:
            return self.how == "nested"
        return all(
            not w.top % factor and not w.left % factor for w in ring(levels, H * factor, W * factor, p, self.focus)
        )

    def settle(self, levels: Tensor, photo: Tensor | None = None) -> Tensor:
        """Levels (L, 3, H, W) that were enlarged each by itself, in agreement, in [-1, 1].

        Without a feather every window equals the area average of the level that it shows, up to rounding. Around it
        goes on what that changes (`mend.continued`). With a photograph, level 0 shows it but for that and what has to
        be clamped.
        """
        if self.how == "alone":
            return levels.clamp(-1, 1)
        if self.how == "nested":
            own = levels.clamp(-1, 1)
            return self._nested(continued(own, self._nested(own), self._windows(own)).clamp(-1, 1))
        return self._blended(levels, photo)

    def _blended(self, levels: Tensor, photo: Tensor | None) -> Tensor:
        L, p = len(levels), int(self.p)
        held = None if photo is None else Photograph(photo.to(levels), L, p, self.focus)
        if held is not None:
            levels = held.apply(levels, self.photo_mode)
        own = blend(levels, p, self.blending, self.focus, self.coarse_weight, loop=self.loop)
        project = held is not None and self.photo_mode == "projection"
        if held is not None and project:
            own = held.project(own)
        own = own.clamp(-1, 1)
        if not self.feather:
            own = continued(own, self.rendered(own), self._windows(own)).clamp(-1, 1)
        if held is not None and project:
            own = held.project(own).clamp(-1, 1)
        shown = self.rendered(own)
        # Soft windows move the means of the photograph's cells; without them, showing it and agreeing are one.
        return held.project(shown).clamp(-1, 1) if held is not None and project and self.feather else shown

    def rendered(self, levels: Tensor) -> Tensor:
        """Levels (L, C, H, W) whose windows show the deeper ones; alone, as they are."""
        if self.how != "blended":
            return levels if self.how == "alone" else self._nested(levels)
        return render_levels(levels, int(self.p), self.focus, self.feather, loop=self.loop)

    def hold(self, levels: Tensor, whole: Collection[int], given: Collection[int]) -> Tensor:
        """Levels (L, 3, H, W) that agree but for given ones that were put back, in agreement again.

        whole: those of the given that come out as they are; what is deeper shows what they show, up to the next given
        one, as far as that is possible within [-1, 1] (`Magnifier.confine`). Windows of all others show the deeper
        levels. Soft windows, and levels alone, stay as they are.
        """
        if self.how == "alone" or self.feather:
            return levels
        L, _, H, W = levels.shape
        out, bound = levels.clone(), False
        for i, box in enumerate(boxes(L, H, W, self.p, self.focus)):
            bound = i in whole or (bound and i not in given)
            if bound and i + 1 not in given:
                glass = Magnifier(box, H, W)
                out[i + 1] = glass.confine(out[i + 1], glass.shown(out[i]))
        for i in reversed(range(L - 1)):
            if i not in whole:
                pair = replace(self, loop=False, focus=self.focus and self.focus[i : i + 2])
                out[i] = pair.rendered(out[i : i + 2])[0]
        return out

    def _nested(self, levels: Tensor) -> Tensor:
        """Windows show the deeper levels as they are; at any p."""
        H, W = levels.shape[-2:]
        if self.p == int(self.p) and not H % int(self.p) and not W % int(self.p):
            return render_levels(levels, int(self.p), self.focus)
        return torch.stack(render(list(levels), boxes(len(levels), H, W, self.p, self.focus), self.p))

    def _windows(self, levels: Tensor) -> Sequence[Window]:
        L, _, H, W = levels.shape
        if self.how == "blended":
            found = ring(L, H, W, int(self.p), self.focus)
            return found if self.loop else found[:-1]
        return [whole_pixels(box, H, W) for box in boxes(L, H, W, self.p, self.focus)]
