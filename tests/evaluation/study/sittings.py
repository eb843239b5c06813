"""Studies with films, each of one colour that tells which clip it is, and a participant before the page."""

import time
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from evaluation.study.answers import read_answers
from evaluation.study.desk import Desk
from evaluation.study.plan import FILE, to_json
from tests.browser import Watched
from tests.evaluation.study.studies import study
from zoomlib.film.video import write

FPS, FRAMES = 25, 10
COLOURS = [(red, green, blue) for red in (40, 140, 240) for green in (40, 140, 240) for blue in (40, 240)]
PATIENCE_S = 60


def filmed(folder, plan, frames=FRAMES):
    """The desk of a study whose films are there: clip number i shows COLOURS[i]."""
    desk = Desk(plan, folder)
    (folder / "media").mkdir()
    for path, colour in zip(desk.films.values(), COLOURS, strict=False):
        path.write_bytes(film_of(colour, frames))
    (folder / FILE).write_text(to_json(plan), encoding="utf-8")
    return desk


@cache
def film_of(colour, frames):
    """The bytes of a film of one colour."""
    with TemporaryDirectory() as folder:
        return write([np.full((48, 64, 3), colour, np.uint8)] * frames, Path(folder, "film.mp4"), fps=FPS).read_bytes()


def short(**options):
    """A study of two or more arms whose films last less than half a second."""
    plan = study(**options)
    clips = {name: type(clip)(**{**vars(clip), "seconds": FRAMES / FPS}) for name, clip in plan.clips.items()}
    return type(plan)(**{**vars(plan), "clips": clips, "film": {"fps": FPS}})


class Sitting(Watched):
    """A participant before the page."""

    def __init__(self, page, desk):
        super().__init__(page)
        self.desk = desk

    @property
    def words(self):
        return self.page.evaluate("document.body.innerText")

    def begin(self):
        self.until("!document.getElementById('welcome').hidden")
        self.page.keyboard.press("Enter")
        self.until("!document.getElementById('trial').hidden")

    def wait(self):
        """Until both films were seen; the arms that are shown, by the colours of the films."""
        self.until("!document.getElementById('choose-left').disabled")
        return tuple(self.clip(side) for side in ("left", "right"))

    def clip(self, side):
        """The clip that a side shows: the film's colour, as the browser draws it."""
        seen = self.page.evaluate(
            """(side) => {
              const film = document.querySelector(`#${side} video`), canvas = document.createElement("canvas");
              canvas.width = canvas.height = 1;
              const pen = canvas.getContext("2d");
              pen.drawImage(film, 0, 0, 1, 1);
              return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
            }""",
            side,
        )
        nearest = min(COLOURS, key=lambda colour: sum(abs(a - b) for a, b in zip(colour, seen, strict=True)))
        return self.desk.study.clips[list(self.desk.study.clips)[COLOURS.index(nearest)]]

    @property
    def place(self):
        return self.page.evaluate("document.getElementById('place').textContent")

    def after(self, place):
        """Wait until another question than that at `place` is shown, or none."""
        shown = f"document.getElementById('place').textContent !== '{place}'"
        self.until(f"{shown} || !document.getElementById('done').hidden")


def kept(desk, count):
    """The answers that are filed, once there are so many."""
    end = time.monotonic() + PATIENCE_S
    while len(frame := read_answers(desk.folder)[0]) < count:
        assert time.monotonic() < end
        time.sleep(0.02)
    return frame
