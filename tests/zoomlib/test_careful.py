"""Codecs that survive: too little memory, and half precision; and how memory is counted."""

import gc

import pytest
import torch

from zoomlib.careful import CarefulCodec
from zoomlib.errors import NoRoomError
from zoomlib.memory import Meter, free_bytes, gathered, is_out_of_memory, measured, total_bytes

pytestmark = pytest.mark.usefixtures("little_to_collect")
FULL = torch.OutOfMemoryError("CUDA out of memory.")


class Scale:
    """Doubles sides. `fails` errors come first; with `coarse` it makes no numbers until it is widened."""

    factor = 2

    def __init__(self, fails=0, coarse=None, tiles=True, error=FULL):
        self.fails, self.coarse, self.tiles, self.error, self.tiled = fails, coarse, tiles, error, False
        self.seen = []

    def decode(self, latents):
        self.seen.append(len(latents))
        if self.fails:
            self.fails -= 1
            raise self.error
        out = latents.repeat_interleave(2, -1).repeat_interleave(2, -2)
        return out if self.coarse is None else torch.full_like(out, self.coarse)

    def encode(self, images):
        self.seen.append(len(images))
        return images[..., ::2, ::2]

    def tile(self):
        found, self.tiles, self.tiled = self.tiles, False, self.tiles
        return found

    def widen(self):
        found, self.coarse = self.coarse is not None, None
        return found


def z() -> torch.Tensor:
    return torch.randn(3, 4, 8, 8, generator=torch.Generator().manual_seed(0))


WHOLE = Scale().decode(z())


def decoded(codec: Scale) -> tuple[torch.Tensor, list[str]]:
    notes: list[str] = []
    return CarefulCodec(codec, notes.append).decode(z()), notes


def test_pictures_pass_one_at_a_time_both_ways():
    codec = Scale()
    pictures, notes = decoded(codec)
    assert torch.equal(pictures, WHOLE)
    assert torch.equal(CarefulCodec(codec).encode(pictures), z())
    assert codec.seen == [1] * 6
    assert notes == []


@pytest.mark.parametrize("error", [FULL, RuntimeError("DefaultCPUAllocator: can't allocate memory"), MemoryError()])
@pytest.mark.parametrize(("fails", "tiled"), [(1, False), (2, True)])
def test_where_memory_runs_out_a_picture_is_taken_again_then_in_tiles(error, fails, tiled):
    codec = Scale(fails, error=error)
    pictures, notes = decoded(codec)
    assert torch.equal(pictures, WHOLE)
    assert (codec.tiled, len(notes)) == (tiled, int(tiled))
    assert all("tiles" in note for note in notes)


@pytest.mark.parametrize(("fails", "tiles"), [(3, True), (2, False)])
def test_a_picture_without_room_is_an_error_with_the_remedy(fails, tiles):
    with pytest.raises(NoRoomError, match=r"one picture \(8 x 8\).*model\.size"):
        decoded(Scale(fails, tiles=tiles))


def test_other_errors_pass():
    with pytest.raises(RuntimeError, match="size mismatch"):
        decoded(Scale(1, error=RuntimeError("size mismatch")))


@pytest.mark.parametrize("coarse", [float("nan"), float("inf"), -1.0])
def test_no_numbers_and_black_pictures_are_made_again_in_float32_and_said(coarse):
    codec = Scale(coarse=coarse)
    pictures, notes = decoded(codec)
    assert torch.equal(pictures, WHOLE)
    assert codec.seen == [1, 1, 1, 1]  # one again, the others at once in float32
    assert len(notes) == 1
    assert "float32" in notes[0]


def test_what_is_no_number_already_is_not_the_codecs_fault():
    codec, notes = Scale(coarse=float("nan")), []
    CarefulCodec(codec, notes.append).decode(torch.full((1, 4, 8, 8), float("nan")))
    assert notes == []


def test_an_autoencoder_that_half_precision_overflows_is_widened():
    """Real parts: a layer whose weights take float16 beyond 65504 and float32 not."""
    from diffusers import AutoencoderKL

    from zoomlib.models.codec import AutoencoderCodec

    torch.manual_seed(0)
    blocks = {"down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2}
    vae = AutoencoderKL(block_out_channels=(8, 8), latent_channels=4, norm_num_groups=4, **blocks)
    vae.decoder.conv_in.weight.data *= 3e5
    exact = AutoencoderCodec(vae).decode(z())
    notes: list[str] = []
    codec = CarefulCodec(AutoencoderCodec(vae.half()), notes.append)
    assert not AutoencoderCodec(vae).decode(z()).isfinite().all()
    assert torch.allclose(codec.decode(z()), exact, atol=0.02)  # its weights have been rounded to half
    assert len(notes) == 1
    assert AutoencoderCodec(vae).tile()
    assert not AutoencoderCodec(vae).tile()


def test_the_meter_counts_what_lives_and_stops_at_its_limit():
    with Meter() as meter:
        a = torch.zeros(1000)
        b = a.view(10, 100) + 1
        a.add_(1)
        del a
        gc.collect()
        assert (meter.live, meter.peak) == (4000, 8000)
        c = b.T
        del b
        assert meter.live == 4000
        del c
        assert meter.live == 0
    with pytest.raises(torch.OutOfMemoryError), Meter(3999):
        torch.zeros(1000)
    with Meter(4000):
        torch.zeros(1000)


def test_memory_of_this_machine_and_words_of_its_end():
    assert 0 < free_bytes("cpu") <= total_bytes("cpu")
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not is_out_of_memory(ValueError("out of memory"))


def test_parts_are_gathered_in_order():
    x = torch.arange(12.0).view(6, 2)
    assert torch.equal(gathered(iter(x.split([1, 2, 3])), 6), x)
    assert gathered(iter([x]), 6) is x


def test_of_a_graphics_card_the_peak_is_measured_beyond_what_stays(monkeypatch):
    """No card is here: its counters are told what to say. 100 bytes are there before, 60 of weights come to stay."""
    now = iter([100, 160])
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _: next(now))
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda _: None)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda _: 400)
    with measured(torch.device("cuda"), 1) as use:
        pass
    assert use.bytes == 240
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _: 500)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _: 200)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (1000, 4000))
    assert (free_bytes("cuda"), total_bytes("cuda")) == (1300, 4000)  # what torch keeps and does not use is free
