"""The engine of all outpainting methods: from the deepest level to the widest, one border after the other."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from zoomlib.area import show
from zoomlib.denoiser import Denoiser
from zoomlib.inpainting import Config as FillConfig
from zoomlib.inpainting import Filling, RefineNoise, prepare
from zoomlib.inpainting.frequency import fourier_noise
from zoomlib.noise import draw_seed, level_generator
from zoomlib.outpainting.canvas import agree, agree_in_the_middle, band, border, sides
from zoomlib.outpainting.padding import pad
from zoomlib.outpainting.scene import Setting, check_scene
from zoomlib.outpainting.settings import Config
from zoomlib.scene import Scene
from zoomlib.walk import Record, State, check_run


@dataclass(frozen=True, eq=False)
class Made:
    """A level's picture (3, H, W), the model's own last estimate of all of it, and the records of its making."""

    picture: Tensor
    estimate: Tensor
    records: tuple[Record, ...] = ()


Making = Generator[None, None, Made]
"""Returns what it makes, and yields after every step of a sampler."""


def run(
    denoiser: Denoiser,
    prompts: Sequence[str],
    config: Config,
    scene: Scene,
    *,
    generator: torch.Generator,
    state: State | None = None,
    refine_noise: RefineNoise | None = None,
) -> Iterator[State]:
    """Outpaint a scene from the deepest level to the widest; yield the state after every step, in pictures.

    The deepest level is sampled plainly, or given (`photo`, `images`). Every wider one shows, in all pixels that lie
    wholly in the next level's window, the mean of the deepest level that covers them, and the rest is made around it.
    Of a picture that is given to a wider level, everything is kept but the window, which shows the deeper levels, and,
    where the two do not agree, a band around it, which is made anew. `refine_noise` may better the noise that a border
    starts from. A run goes on from the last level that was finished.

    Randomness: one draw from the generator; a level's own follows from it and from the level's number counted from the
    deepest, or from the scene's `seeds`, so that levels do not depend on how many wider ones there are.
    Raises InvalidInputError at once for what cannot be done.
    """
    check_run(denoiser, prompts, 10**9, generator, None)
    setting = check_scene(denoiser, prompts, config, scene)
    check_run(denoiser, prompts, sum(setting.steps), generator, state)
    work = _Outpainting(denoiser, prompts, config, scene, setting, refine_noise)
    work.check()
    return work.walk(generator, state)


@dataclass(frozen=True, eq=False)
class _Outpainting:
    denoiser: Denoiser
    prompts: Sequence[str]
    config: Config
    scene: Scene
    setting: Setting
    refine_noise: RefineNoise | None

    def check(self) -> None:
        """Raise InvalidInputError where the model cannot fill as configured."""
        self.denoiser.condition(self.prompts, self.scene.negatives)
        self.prepare(0, torch.zeros(self.setting.shape), None, self.config.filling())

    def walk(self, generator: torch.Generator, state: State | None) -> Iterator[State]:
        """All levels from the deepest out, but those that a state holds already."""
        if state is None:
            levels = torch.zeros(len(self.prompts), *self.setting.shape)
            nothing = torch.zeros(len(levels), 1, 1, 1)
            state = State(0, nothing, levels, levels, generator.get_state(), 0, pictures=True)
        generator.set_state(state.generator_state)
        state = replace(state, index=state.resumes_at, resume_at=state.resumes_at)
        seed, done = draw_seed(generator), 0
        for level, steps in reversed(list(enumerate(self.setting.steps))):
            done += steps
            if done <= state.index:
                continue
            making = self.make(level, state.clean, self._generator(level, seed, generator.device))
            made = yield from _counted(making, state, done)
            state = _with(state, level, made, done)
            yield state

    def _generator(self, level: int, seed: int, device: torch.device) -> torch.Generator:
        if level in self.scene.seeds:
            return torch.Generator(device).manual_seed(self.scene.seeds[level])
        return level_generator(seed, len(self.prompts) - 1 - level, device)

    def make(self, level: int, levels: Tensor, generator: torch.Generator) -> Making:
        """A level, with all deeper ones of `levels` finished; yields at every step of a sampler."""
        setting, given = self.setting, self.setting.images.get(level)
        if level == len(levels) - 1:
            return (yield from self._innermost(given, generator))
        beneath = torch.zeros(setting.shape) if given is None else given
        picture = show([beneath, *levels[level + 1 :]], setting.inside[level:], setting.p)
        if given is not None and not agree(given, picture, setting.kept[level]) and self._settled(level):
            return Made(given, given, (_kept(given, given, {}),))
        parts = self._parts(level, picture)
        if given is None:
            picture = pad(picture, setting.kept[level], self.config.padding, generator)
        made = yield from self._filled(level, picture, parts, generator)
        return replace(made, records=(_kept(picture, made.picture, parts), *made.records))

    def _filled(self, level: int, picture: Tensor, parts: Mapping[str, Tensor], generator: torch.Generator) -> Making:
        """The picture with its parts made, one after the other."""
        made, records, masks = Made(picture, picture), list[Record](), list(parts.values())
        for k, name in enumerate(parts):
            # Sides that come later are unknown too: shown as padding, they lead the model to mirror what is kept.
            unknown = torch.stack(masks[k:]).any(0)
            made = yield from self._fill(level, made.picture, unknown, generator)
            records += [{"part": name, **record} for record in made.records]
        return replace(made, records=tuple(records))

    def _innermost(self, given: Tensor | None, generator: torch.Generator) -> Making:
        """The deepest level: sampled plainly where it is not given."""
        if given is not None:
            return Made(given, given)
        level, config = len(self.prompts) - 1, self.config.first_filling()
        filling = self.prepare(level, torch.zeros(self.setting.shape), None, config)
        made = yield from _sampled(filling, filling.draw(generator), generator)
        return replace(made, records=())

    def _settled(self, level: int) -> bool:
        """Whether this level and all deeper ones are given, none is open, and each shows the next: nothing is to join.

        What another method has joined, by windows that fade in softly, stays so.
        """
        images, setting, deepest = self.setting.images, self.setting, len(self.prompts) - 1
        if any(i not in images or i in self.scene.open for i in range(level, deepest + 1)):
            return False
        pairs = (
            (i, show([images[i], images[i + 1]], setting.inside[i : i + 1], setting.p)) for i in range(level, deepest)
        )
        return all(agree_in_the_middle(images[i], shown, setting.kept[i]) for i, shown in pairs)

    def _parts(self, level: int, picture: Tensor) -> dict[str, Tensor]:
        """What is to be made of a level, in order; `picture` shows the deeper levels already."""
        kept, (_, H, W) = self.setting.kept[level], self.setting.shape
        given = self.setting.images.get(level)
        if given is not None:
            return {} if agree(given, picture, kept) else {"band": band(kept, H, W, self.config.band * W)}
        return sides(kept, H, W) if self.config.mode == "sequential" else {"border": border(kept, H, W)}

    def _fill(self, level: int, picture: Tensor, part: Tensor, generator: torch.Generator) -> Making:
        """The picture with one part made."""
        filling = self.prepare(level, picture, part, self.config.filling())
        noise, records = filling.draw(generator), list[Record]()
        if self.config.noise == "fourier":
            noise = fourier_noise(filling, noise)
        if self.refine_noise is not None:
            noise, found = self.refine_noise(filling, noise, generator)
            records += found
        made = yield from _sampled(filling, noise, generator)
        return replace(made, records=(*records, *made.records))

    def prepare(self, level: int, picture: Tensor, part: Tensor | None, config: FillConfig) -> Filling:
        """The filling of a part (H, W) of a level's picture; None is all of it."""
        mask = torch.ones(picture.shape[1:]) if part is None else part.float()
        one, negatives = slice(level, level + 1), self.scene.negatives
        told = None if negatives is None else negatives[one]
        return prepare(self.denoiser, self.prompts[one], picture[None], mask[None, None], config, told)


def _counted(making: Making, state: State, done: int) -> Generator[State, None, Made]:
    """What is made, and meanwhile a state for every step before the last; steps beyond those counted yield none."""
    index = state.index
    while True:
        try:
            next(making)
        except StopIteration as end:
            made: Made = end.value
            return made
        index += 1
        if index < done:
            yield replace(state, index=index)


def _sampled(filling: Filling, noise: Tensor, generator: torch.Generator) -> Making:
    """The filled picture with the records of its border; yields after every step."""
    for state in filling.states(noise, generator):
        last = state
        yield
    pictures, records = filling.joined(last.clean)
    return Made(pictures[0], filling.denoiser.codec.decode(last.estimate).float().cpu()[0], records)


def _kept(before: Tensor, after: Tensor, parts: Mapping[str, Tensor]) -> Record:
    """How many pixels are in no part, and the largest change of one of them."""
    kept = torch.ones(before.shape[1:], dtype=torch.bool)
    for part in parts.values():
        kept &= ~part
    return {"what": "kept", "pixels": int(kept.sum()), "change": float((after - before)[:, kept].abs().max())}


def _with(state: State, level: int, made: Made, done: int) -> State:
    """The state after a level is finished."""
    levels, estimate = state.clean.clone(), state.estimate.clone()
    levels[level], estimate[level] = made.picture, made.estimate
    records = (*state.records, *({"level": level, **record} for record in made.records))
    return replace(state, index=done, resume_at=done, clean=levels, estimate=estimate, records=records)
