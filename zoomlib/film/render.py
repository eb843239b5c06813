"""Frames of a zoom stack, with exact geometry: views in fractions of a pixel, one kernel for every layer.

Before the first frame the levels are made into one static world (`zoomlib.film.composite`). A frame is then drawn of
the levels that its pixels can show, two where it has their size, each where the deeper ones are not.
"""

import math
import threading
from collections.abc import Callable, Iterator
from functools import cache

import numpy as np

from zoomlib.errors import InvalidInputError
from zoomlib.film.camera import Camera
from zoomlib.film.composite import composite
from zoomlib.film.drawing import Painter, Planes
from zoomlib.film.planes import Frame, Layout, Size, plane_views, shape_of, weave
from zoomlib.film.resample import resampler
from zoomlib.film.rotation import rotated
from zoomlib.film.view import ROUNDING_PX, SUPPORT_PX, Course, View, course
from zoomlib.film.workers import default_workers, in_order
from zoomlib.stack import ZoomStack

Shift = tuple[float, float]
Paint = Callable[[Frame, int], None]
STRAIGHT = 1e-9  # radians that nobody sees: less than a millionth of a pixel


class Renderer:
    """Draws any position of `stack` at `size` = (width, height) pixels; holds one 8-bit picture per level.

    A frame of another shape than the levels shows their largest centred part, `margin` >= 1 times magnified. In a
    `loop` the last level shows level 0 again, and positions wrap. `layout`: of the frames (`zoomlib.film.planes`).
    `device`: where they are drawn, "cpu" or one of torch. Several threads may draw at once.

    Raises InvalidInputError for a size or layout that no frame has, a margin below 1 and a stack that makes no loop.
    """

    def __init__(
        self,
        stack: ZoomStack,
        size: Size,
        *,
        layout: Layout = "rgb",
        loop: bool = False,
        device: str = "cpu",
        margin: float = 1.0,
    ) -> None:
        shape_of(layout, size)
        if not 1 <= margin < math.inf:
            raise InvalidInputError(f"The margin magnifies the film, by 1 or more; got {margin}.")
        self.size, self.layout, self.margin = size, layout, margin
        self.course = course(stack, loop)
        self.painter = Painter(layout, resampler(device))
        self._own = threading.local()
        self.pictures = composite(stack, self.course, self.painter)

    def frame(
        self, position: float, *, angle: float = 0.0, shift: Shift = (0.0, 0.0), out: Frame | None = None
    ) -> Frame:
        """The frame at `position` in [0, levels - 1]; at an integer that level fills it. Round a loop any position.

        `shift`: how far the view's centre is moved over the picture, right and down, in widths and heights of the
        frame. `angle`: radians by which the view is then turned about its centre, counter-clockwise. `out`: where to
        put the frame, else it is new. Raises InvalidInputError for a position that there is not, and for a view that
        sticks out of level 0: `needed_margin` tells the margin with which none does.
        """
        self._check(position, angle, shift)
        frame = self._given(out)
        view = self.course.look(position, self.size, self.margin, shift)
        seen = turned_size(self.size, angle)
        if self._sticks_out(view, seen):
            raise InvalidInputError(
                f"At position {position}, turned by {angle:.4g} and shifted by {shift}, the view leaves level 0. "
                "Give the renderer a margin: needed_margin tells which."
            )
        if abs(math.remainder(angle, math.tau)) < STRAIGHT:
            return self._draw(view, self.size, frame)
        reach = SUPPORT_PX * self.painter.step
        x, y = (2 * math.ceil((n - own) / 4 + reach / 2) for n, own in zip(seen, self.size, strict=True))
        size = self.size[0] + 2 * x, self.size[1] + 2 * y
        wide = self._draw(view.grown(x, y), size, np.empty(shape_of(self.layout, size), np.uint8))
        return rotated(wide, self.layout, angle, self.size, frame)

    def _draw(self, view: View, size: Size, frame: Frame) -> Frame:
        planes = plane_views(frame, self.layout) if self.layout != "rgb" else self._spare(size)
        canvases = self.painter.canvases(planes)
        for layer in self.course.layers(view, size, self.painter.step):
            picture = self.pictures[layer.view.level % len(self.pictures)]
            self.painter.draw(picture, layer.view, layer.parts, canvases)
        drawn = self.painter.fetched(canvases, planes)
        return weave(drawn, frame) if self.layout == "rgb" else frame

    def _spare(self, size: Size) -> Planes:
        """Planes of this thread, to be woven into a frame; kept, as new memory costs as much time as drawing."""
        planes: Planes | None = getattr(self._own, "planes", None)
        if planes is None or planes[0].shape != size[::-1]:
            red, green, blue = np.empty((3, *size[::-1]), np.uint8)
            self._own.planes = planes = red, green, blue
        return planes

    def _given(self, out: Frame | None) -> Frame:
        """The frame to fill: `out`, if it is one."""
        shape = shape_of(self.layout, self.size)
        if out is None:
            return np.empty(shape, np.uint8)
        if out.shape != shape or out.dtype != np.uint8:
            raise InvalidInputError(f"A frame to be filled is uint8 {shape} here; got {out.dtype} {out.shape}.")
        return out

    def _check(self, position: float, angle: float, shift: Shift) -> None:
        last = len(self.course.windows)
        if not (math.isfinite(position) if self.course.loop else 0 <= position <= last):
            raise InvalidInputError(f"Position {position} is outside the stack's levels 0 to {last}.")
        if not all(map(math.isfinite, (angle, *shift))):
            raise InvalidInputError(f"A view's angle and shift are finite numbers; got {angle} and {shift}.")

    def _sticks_out(self, view: View, seen: tuple[float, float]) -> bool:
        """Whether level 0 does not fill the bounding box of the turned view."""
        view = view.grown((seen[0] - self.size[0]) / 2, (seen[1] - self.size[1]) / 2)
        left, top, right, bottom = self.course.bounds[view.level % len(self.course.bounds)]
        slack = ROUNDING_PX / view.scale
        return (
            view.left < left - slack
            or view.top < top - slack
            or view.left + seen[0] / view.scale > right + slack
            or view.top + seen[1] / view.scale > bottom + slack
        )


class Film:
    """The frames of `camera` over `stack`, in the `layout` that an encoder takes; any part of them, in any order.

    The camera decides whether the film is a loop, and the margin is the least that its turn and shift need. The levels'
    pictures are made once, for the first frame. `paint`: called with each finished frame, to draw on it in place, and
    its number, by the thread that drew it. `workers`: threads that draw; None: two, or one where there is one core.

    Raises InvalidInputError as `Renderer`, and for a camera that is made for other levels.
    """

    def __init__(
        self,
        stack: ZoomStack,
        camera: Camera,
        size: Size,
        *,
        layout: Layout = "rgb",
        workers: int | None = None,
        device: str = "cpu",
        paint: Paint | None = None,
    ) -> None:
        _check_camera(stack, camera)
        self._shape = shape_of(layout, size)
        self._workers, self._paint = workers or default_workers(), paint
        self._motion = camera.positions().tolist(), camera.angles().tolist(), camera.shifts().tolist()
        margin = needed_margin(stack, camera, size)
        self._renderer = cache(
            lambda: Renderer(stack, size, layout=layout, loop=camera.loop, device=device, margin=margin)
        )

    def __len__(self) -> int:
        return len(self._motion[0])

    def frames(self, start: int = 0, stop: int | None = None, *, reuse: bool = False) -> Iterator[Frame]:
        """Frames start .. stop - 1. With `reuse` a frame is valid only until the next one is asked for."""
        stop = len(self) if stop is None else stop
        if not 0 <= start <= stop <= len(self):
            raise InvalidInputError(
                f"The film has frames 0 to {len(self) - 1}; there is no part from {start} to {stop}."
            )

        def drawn() -> Iterator[Frame]:
            self._renderer()
            yield from in_order(self._draw, range(start, stop), self._shape, self._workers, reuse)

        return drawn()

    def _draw(self, number: int, out: Frame) -> Frame:
        position, angle, (x, y) = (values[number] for values in self._motion)
        frame = self._renderer().frame(position, angle=angle, shift=(x, y), out=out)
        if self._paint is not None:
            self._paint(frame, number)
        return frame


def frames(
    stack: ZoomStack,
    camera: Camera,
    size: Size,
    *,
    layout: Layout = "rgb",
    start: int = 0,
    stop: int | None = None,
    workers: int | None = None,
    device: str = "cpu",
    paint: Paint | None = None,
    reuse: bool = False,
) -> Iterator[Frame]:
    """Frames start .. stop - 1 of a `Film`, once."""
    film = Film(stack, camera, size, layout=layout, workers=workers, device=device, paint=paint)
    return film.frames(start, stop, reuse=reuse)


def _check_camera(stack: ZoomStack, camera: Camera) -> None:
    if camera.levels != len(stack):
        raise InvalidInputError(f"The camera is made for {camera.levels} levels, the stack has {len(stack)}.")
    if len(set(stack.factors)) > 1 and camera.factors is None:
        raise InvalidInputError(
            f"The steps of this stack differ, p = {stack.p}: the camera needs factors=stack.factors for an even speed."
        )


def turned_size(size: Size, angle: float) -> tuple[float, float]:
    """Width and height of the upright box around a frame of `size` that is turned by `angle` radians."""
    cos, sin = abs(math.cos(angle)), abs(math.sin(angle))
    return size[0] * cos + size[1] * sin, size[0] * sin + size[1] * cos


def needed_margin(stack: ZoomStack, camera: Camera, size: Size) -> float:
    """The least margin with which no frame of `camera` shows what lies outside level 0; exact.

    With margin m a view of width w reaches (shift_x w + turned w / 2) / m to the right of the point that it would be
    centred on without shift, and likewise on the other sides; level 0 ends there at a distance d. So m is the largest
    such ratio, over frames and sides, and 1.
    """
    track = course(stack, camera.loop)
    angles, shifts = camera.angles(), camera.shifts()
    if not angles.any() and not shifts.any():
        return 1.0
    motion = zip(camera.positions().tolist(), angles.tolist(), shifts.tolist(), strict=True)
    return max(1.0, *(margin_at(track, size, *frame) for frame in motion))


def margin_at(track: Course, size: Size, position: float, angle: float, shift: Shift) -> float:
    """The least margin with which one view does not leave level 0; below 1 where there is room."""
    view, seen = track.look(position, size), turned_size(size, angle)
    bounds = track.bounds[view.level % len(track.bounds)]
    ratios = []
    for axis, start in enumerate((view.left, view.top)):
        centre = start + size[axis] / 2 / view.scale
        for sign, bound in ((-1, bounds[axis]), (1, bounds[axis + 2])):
            ratios.append((sign * shift[axis] * size[axis] + seen[axis] / 2) / view.scale / (sign * (bound - centre)))
    return max(ratios)
