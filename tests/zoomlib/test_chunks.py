"""Levels in chunks, as many as there is memory for, or shared among devices: always the same estimates."""

import threading
from contextlib import contextmanager

import pytest
import torch

from tests.doubles.gaussian import GaussianDenoiser
from zoomlib import chunks
from zoomlib.chunks import Chunked
from zoomlib.denoiser import Wrapper
from zoomlib.errors import InvalidInputError, NoRoomError
from zoomlib.guidance import Guided
from zoomlib.ladder import Step
from zoomlib.memory import Meter
from zoomlib.methods.joint import sample
from zoomlib.sharding import Sharded

pytestmark = pytest.mark.usefixtures("little_to_collect")
STEP = Step(3, 500.0, 0.6, 0.8)
SHAPE = (3, 16, 16)
PROMPTS = [str(number) for number in range(7)]


def z(levels: int = 7) -> torch.Tensor:
    return torch.randn(levels, *SHAPE, generator=torch.Generator().manual_seed(1))


def estimate(denoiser, levels: int = 7) -> torch.Tensor:
    return denoiser.predict_clean(z(levels), STEP, denoiser.condition(PROMPTS[:levels]))


class Small(GaussianDenoiser):
    """A model on a device with room for so many levels at a time; `error` is what it says then."""

    def __init__(self, room, error=torch.OutOfMemoryError("CUDA out of memory."), parameters=0, compiled=False):
        super().__init__(SHAPE)
        self.room, self.error, self.parameters, self.compiled = room, error, parameters, compiled
        self.asked, self.eager = [], []
        self._written = False

    def predict_clean(self, z, step, condition):
        self.asked.append(len(z))
        self.eager.append(self._written)
        if len(z) > self.room:
            raise self.error
        return super().predict_clean(z, step, condition)

    @contextmanager
    def as_written(self):
        self._written = True
        yield
        self._written = False


WHOLE = estimate(GaussianDenoiser(SHAPE))
ERRORS = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:119] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"),
    RuntimeError("MPS backend out of memory (MPS allocated: 5.05 GB)"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    MemoryError(),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: str(error)[:12])
def test_where_memory_runs_out_the_chunk_halves_and_the_step_is_taken_again(error):
    notes, model = [], Small(2, error)
    chunked = Chunked(model, None, notes.append)
    assert torch.allclose(estimate(chunked), WHOLE, atol=1e-6)
    assert model.asked == [7, 4, 2, 2, 2, 1]
    first = "Memory ran out with 7 levels in the model at once, so it takes 4 at a time now."
    assert notes == [first, first.replace("4", "2").replace("7", "4")]
    assert torch.allclose(estimate(chunked), WHOLE, atol=1e-6)
    assert model.asked[6:] == [2, 2, 2, 1]  # and stays so
    assert len(notes) == 2


def test_memory_that_runs_out_in_the_middle_loses_nothing_that_is_done():
    class Later(Small):
        def predict_clean(self, z, step, condition):
            self.room = 3 if len(self.asked) < 1 else 1
            return super().predict_clean(z, step, condition)

    model = Later(3)
    assert torch.allclose(estimate(Chunked(model, 3)), WHOLE, atol=1e-6)
    assert model.asked == [3, 3, 2, 1, 1, 1, 1]


def test_one_level_without_room_is_an_error_with_the_remedy_and_others_errors_pass():
    with pytest.raises(NoRoomError, match=r"one level in the model.*model\.size"):
        estimate(Chunked(Small(0), "auto"))
    with pytest.raises(RuntimeError, match="size mismatch"):
        estimate(Chunked(Small(0, RuntimeError("size mismatch")), "auto"))


@pytest.mark.parametrize("rows", ["all", "", 0, -1, 1.5, True])
def test_impossible_chunks_are_refused(rows):
    with pytest.raises(InvalidInputError, match="chunk"):
        Chunked(Small(9), rows)


def test_a_small_model_takes_all_levels_at_once_and_bit_for_bit_so():
    model = Small(99)
    assert torch.equal(estimate(Chunked(model, "auto")), WHOLE)
    assert model.asked == [7]


class Greedy(Small):
    """Holds a megabyte for each level while it works."""

    def predict_clean(self, z, step, condition):
        out = super().predict_clean(z, step, condition)
        return out + torch.zeros(len(z), 2**18)[0, 0]


@pytest.mark.parametrize(("megabytes", "most"), [(30, 7), (5.2, 4), (2.6, 2), (1.3, 1)])
@pytest.mark.parametrize("parameters", [0, chunks.LIGHT])
def test_chunks_follow_from_the_free_memory(monkeypatch, megabytes, most, parameters):
    """4/5 of it is for chunks. A large model tries one level first, a small one all, and is stopped by a meter."""
    monkeypatch.setattr(chunks, "free_bytes", lambda _: int(megabytes * 2**20))
    model = Greedy(99, parameters=parameters)
    chunked = Chunked(model, "auto")
    assert torch.allclose(estimate(chunked), WHOLE, atol=1e-6)
    assert model.asked[0] == (1 if parameters else 7)
    model.asked.clear()
    assert torch.allclose(estimate(chunked), WHOLE, atol=1e-6)
    assert sum(model.asked) == 7  # this time nothing is tried
    assert max(model.asked) == most


def test_a_compiled_model_meets_one_size_and_probes_as_written(monkeypatch):
    monkeypatch.setattr(chunks, "free_bytes", lambda _: 4 * 2**20)
    model = Greedy(99, parameters=chunks.LIGHT, compiled=True)
    chunked = Chunked(model, "auto")
    for _ in range(2):
        assert torch.allclose(estimate(chunked), WHOLE, atol=1e-6)
    assert model.eager[0]
    assert not any(model.eager[1:])
    assert len({size for size, eager in zip(model.asked, model.eager, strict=True) if not eager}) == 1
    assert estimate(chunked, 2).shape == (2, *SHAPE)


@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_beside_the_model_sampling_holds_a_fixed_number_of_stacks(scale):
    """Tensors alive at once, in sizes of all levels: z, estimates, noise, and what blending makes of them."""

    def stacks(levels: int) -> float:
        denoiser = Guided(Chunked(GaussianDenoiser(SHAPE), 2), scale)
        with Meter() as meter:
            for _ in sample(denoiser, ["1"] * levels, p=2, steps=2, generator=torch.Generator().manual_seed(0)):
                pass
        return meter.peak / (levels * z(1).nbytes)

    few, many = stacks(16), stacks(64)
    assert many <= few * 1.01
    assert many < 9


@pytest.mark.parametrize("devices", [1, 2, 3, 9])
@pytest.mark.parametrize("scale", [1, 4])
def test_levels_shared_among_devices_give_the_same_estimates(devices, scale):
    replicas = [Small(99) for _ in range(devices)]
    whole = estimate(Guided(GaussianDenoiser(SHAPE), scale))
    assert torch.allclose(estimate(Guided(Sharded(replicas), scale)), whole, atol=1e-6)
    rows = 7 if scale == 1 else 14
    asked = [size for one in replicas for size in one.asked]
    assert sum(asked) == rows
    assert max(asked) - min(asked) <= 1


def test_devices_work_at_the_same_time_and_one_with_less_memory_takes_smaller_chunks():
    meeting = threading.Barrier(2, timeout=20)

    class Meets(Small):
        def predict_clean(self, z, step, condition):
            if not self.asked:
                meeting.wait()
            return super().predict_clean(z, step, condition)

    notes, replicas = [], [Meets(9), Meets(2)]
    sharded = Sharded([Chunked(one, "auto", notes.append) for one in replicas])
    assert torch.allclose(estimate(sharded), WHOLE, atol=1e-6)
    assert [one.asked for one in replicas] == [[3], [4, 2, 2]]
    assert len(notes) == 1


def test_gradients_are_where_they_were_asked_for():
    seen = []

    class Sees(Wrapper):
        def predict_clean(self, z, step, condition):
            seen.append(torch.is_grad_enabled())
            return self.denoiser.predict_clean(z, step, condition)

    sharded = Sharded([Sees(Small(9)), Sees(Small(9))])
    with torch.no_grad():
        estimate(sharded)
    assert seen == [False, False]


def test_replicas_of_other_shapes_are_refused():
    with pytest.raises(InvalidInputError, match="shapes"):
        Sharded([GaussianDenoiser(SHAPE), GaussianDenoiser((3, 8, 8))])
    with pytest.raises(InvalidInputError, match="replicas"):
        Sharded([])
