"""How a run's model runs: resolved, told, survived. A whole run with too little memory is the run with enough."""

import json

import pytest
import torch
from safetensors.torch import load_file

from tasks import loading
from tasks.errors import RefusedError
from tasks.events import StageNoted
from tasks.machine import resolve_devices
from tasks.model_spec import ModelSpec
from tasks.noting import Notes
from tasks.pipeline import run_zoom
from tasks.plan import prepare
from tasks.running import how_it_runs
from tasks.specs import RunConfig, with_settings
from tests.doubles.painter import Painter, Studio
from tests.doubles.tiny_pipelines import latent_pipeline
from tests.tasks.test_pipeline import BASE, run, story
from zoomlib.errors import InvalidInputError
from zoomlib.models.placement import Placement

pytestmark = pytest.mark.usefixtures("little_to_collect")
FULL = torch.OutOfMemoryError("CUDA out of memory.")


class Cramped(Studio):
    """Tools whose model has room for so many levels at a time."""

    def __init__(self, room: int, **options) -> None:
        super().__init__(**options)
        self.room, self.asked = room, []

    def load_denoiser(self, name, **options):
        room, asked = self.room, self.asked
        self.options = options

        class Small(Painter):
            def predict_clean(self, z, step, condition):
                asked.append(len(z))
                if len(z) > room:
                    raise FULL
                return super().predict_clean(z, step, condition)

        return Small()


def levels(report) -> torch.Tensor:
    return load_file(report.run.workshop.store.path(report.results["sampling"].artifacts["sampled"]))["levels"]


def test_a_run_with_too_little_memory_is_the_run_and_says_so(tmp_path):
    whole, events, studio = run(tmp_path / "a"), [], Cramped(2)
    report = run(tmp_path / "b", studio=studio, events=events)
    assert torch.allclose(levels(report), levels(whole), atol=1e-5)
    assert studio.asked[:3] == [6, 3, 2]  # of 3 levels, with guidance
    told = [event.text for event in events if isinstance(event, StageNoted)]
    assert told == report.results["sampling"].facts["notes"]
    assert [text.split()[:6] for text in told] == [["Memory", "ran", "out", "with", n, "levels"] for n in ("6", "3")]
    assert json.loads((report.run.folder / "config.json").read_text())["notes"] == told
    assert "notes" not in whole.results["sampling"].facts


def test_memory_that_runs_out_in_the_codec_of_a_latent_run_is_survived_and_said(tmp_path, monkeypatch):
    from diffusers import AutoencoderKL

    folder = latent_pipeline(tmp_path, 4)[0]
    config = with_settings(RunConfig(), [*BASE, f"model.name={folder}", "sampling.steps=2", "film.fps=2"])
    whole = run_zoom(config, story(), tmp_path / "a")
    decode, calls = AutoencoderKL.decode, []

    def sometimes(self, *args, **options):
        calls.append(self.use_tiling)
        if len(calls) in (2, 3):
            raise FULL
        return decode(self, *args, **options)

    monkeypatch.setattr(AutoencoderKL, "decode", sometimes)
    report = run_zoom(config, story(), tmp_path / "b")
    assert calls[:5] == [False, False, False, True, True]
    assert torch.allclose(levels(report), levels(whole), atol=1e-5)  # so small a picture is one tile
    assert ["tiles" in note for note in report.results["sampling"].facts["notes"]] == [True]


def test_levels_shared_among_devices_make_the_same_run(tmp_path):
    one, two = run(tmp_path / "a"), run(tmp_path / "b", "model.device=cpu,cpu", "model.rows=2")
    assert torch.allclose(levels(two), levels(one), atol=1e-5)
    assert one.run.id == two.run.id  # where it was made makes no other run


def resolved(bytes_=None, **settings) -> ModelSpec:
    return loading.resolved_model(ModelSpec(**settings), {} if bytes_ is None else {"bytes": bytes_})


def test_settings_hold_as_this_machine_has_them(monkeypatch):
    assert (
        resolved(device="cpu", dtype="auto", offload="model").model_dump()
        == ModelSpec(device="cpu", dtype="float32", offload="none").model_dump()
    )
    assert resolved(device="cpu", dtype="bfloat16").dtype == "bfloat16"
    monkeypatch.setattr(loading, "resolve_devices", lambda names: names)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (9, 0))
    assert (
        resolved(5 * 2**30, device="cuda:0,cuda:1", offload="layers").model_dump()
        == ModelSpec(device="cuda:0,cuda:1", dtype="bfloat16", offload="layers").model_dump()
    )
    assert resolved(2**20, device="cuda").dtype == "float32"
    with pytest.raises(InvalidInputError, match="compile=none"):
        resolved(device="cuda", offload="model", compile="default")
    with pytest.raises(RefusedError, match=r"model\.compile=default, or one device"):
        resolved(device="cuda:0,cuda:1", compile="reduce-overhead")


def test_a_model_is_described_in_the_precision_that_it_will_have(monkeypatch):
    asked = []

    def describe(name, *, dtype, **options):
        asked.append(dtype)
        return {"id": name, "bytes": 2**20}

    monkeypatch.setattr(loading, "resolve_devices", lambda _: "cuda")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (9, 0))
    loading.describe(ModelSpec(), Studio().tools().__class__(describe=describe))
    assert asked == [torch.bfloat16, torch.float32]


@pytest.mark.parametrize("device", ["cuda:0,,cuda:1", "auto,cpu", ","])
def test_devices_that_are_none_are_refused(device):
    with pytest.raises(ValueError, match="commas between"):
        ModelSpec(device=device)
    assert resolve_devices("cpu, cpu") == "cpu,cpu"


def test_only_what_is_set_is_passed_to_other_programs_models(tmp_path):
    studio = Cramped(99)
    run(tmp_path / "a", studio=studio)
    assert studio.options.keys() == {"device", "dtype", "size", "on_note"}
    run(tmp_path / "b", "model.channels_last=true", studio=studio)
    assert studio.options["placement"] == Placement(channels_last=True)


def test_a_dry_run_says_how_the_model_runs(tmp_path):
    def said(*settings, bytes_=0):
        tools = Studio().tools()
        known = tools.__class__(describe=lambda name, **o: {**tools.describe(name), "bytes": bytes_})
        return how_it_runs(prepare(with_settings(RunConfig(), [*BASE, *settings]), story(), tmp_path, known))

    assert said() == "The model runs on cpu in float32, as many levels at a time as there is memory for."
    assert "on cpu and cpu in bfloat16, 4 levels at a time" in said(
        "model.device=cpu,cpu", "model.dtype=bfloat16", "model.rows=4"
    )
    assert "all levels at a time, with channels last" in said("model.rows=null", "model.channels_last=true")
    assert "weights are 1048576.0 GB" in said(bytes_=2**50)


def test_notes_are_told_once():
    events = []
    notes = Notes("sampling", events.append)
    assert notes.facts() == {}
    notes("a")
    notes("a")
    notes("b")
    assert events == [StageNoted("sampling", "a"), StageNoted("sampling", "b")]
    assert notes.facts() == {"notes": ["a", "b"]}
