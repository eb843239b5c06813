"""Runs by the method that draws from a plane: made, found again, resumed, continued, estimated, refused."""

import pytest
import torch

from tasks import planes
from tasks.batch.estimate import Estimates, in_all
from tasks.capability import Device, fitting
from tasks.continuation import extended, rerolled
from tasks.cost import cost
from tasks.drafts import drafted
from tasks.errors import RefusedError
from tasks.events import StageMoved
from tasks.finished import read_finished
from tasks.models import available
from tasks.pipeline import Making, run_zoom
from tasks.plan import prepare
from tasks.run import Tools
from tasks.sample import SAMPLING, sampling_inputs
from tasks.specs import RunConfig, with_settings
from tests.doubles.painter import Studio
from tests.doubles.planes import write_plane_folder
from tests.tasks.test_given import sampled
from tests.tasks.test_pipeline import BASE, run, story
from zoomlib.errors import InvalidInputError
from zoomlib.infinity import load_generator
from zoomlib.infinity.planes import describe_planes
from zoomlib.stack import ZoomStack

METHOD = "method=infinity"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_plane_folder(tmp_path_factory.mktemp("planes"))


def planned(root, *settings, tools=None, **changes):
    config = with_settings(RunConfig(), [*BASE, METHOD, *settings])
    return prepare(config, story(**changes), root, tools or Studio().tools())


def test_a_run_of_a_real_generator_shows_its_plane(tmp_path, folder):
    """The deepest level is the plane's window around row 0, to the last bit, and the wider ones hold it."""
    making = Making(planned(tmp_path, f"model.name={folder}", "model.size=48x32", tools=Tools(), levels=["a", "b"]))
    making.make(SAMPLING)
    levels = sampled(making)
    generator = load_generator(folder)
    window = generator.render(-16, -24, 32, 48, seed=0).clamp(-1, 1)
    assert torch.equal(levels[1], window)
    inner = levels[1].reshape(3, 16, 2, 24, 2).mean((2, 4))
    assert (levels[0][:, 8:24, 12:36] - inner).abs().max() <= 1e-5 * levels[1].std()
    assert making.run.model["revision"] == generator.revision


def made_by(root, *settings, studio, **changes):
    making = Making(planned(root, *settings, tools=studio.tools(), **changes))
    return making, making.make(SAMPLING).made


def test_a_run_is_found_again_whatever_its_words_and_seeds_tell_planes_apart(tmp_path):
    studio = Studio()
    first, new = made_by(tmp_path, studio=studio)
    assert new
    other, new = made_by(tmp_path, "sampling.most_mpx=9", studio=studio, levels=["x", "y", "z"])
    assert not new
    assert torch.equal(sampled(other), sampled(first))
    assert made_by(tmp_path, "seed=1", studio=studio)[1]
    assert studio.loaded == ["planes", "planes"]
    for change in ("sampling.at=[3,0]", "p=3", "model.size=32x16", "sampling.vertical=scaled"):
        assert sampling_inputs(planned(tmp_path, change), {}) != sampling_inputs(first.run, {})


def test_devices_share_a_run_and_are_no_part_of_it(tmp_path, folder):
    several = ("model.device=cpu,cpu", f"model.name={folder}", "model.size=32")
    shared = planned(tmp_path, *several, tools=Tools())
    assert planes.by_whom(shared.config.model) == "on cpu by 2 processes"
    opened = planes.load(shared)
    assert (opened.workers, opened.plane(0).devices) == (2, (torch.device("cpu"),) * 2)
    alone = planned(tmp_path, *several[1:], tools=Tools())
    assert sampling_inputs(shared, {}) == sampling_inputs(alone, {})
    making, other = Making(shared), Making(alone)
    making.make(SAMPLING)  # so few tiles that this process paints
    assert not other.make(SAMPLING).made
    assert planes.load(alone).plane(0).devices == (torch.device("cpu"),)


@pytest.mark.slow
def test_processes_on_two_devices_make_the_same_levels(tmp_path, folder):
    made = []
    for device in ("cpu", "cpu,cpu"):
        settings = (f"model.device={device}", f"model.name={folder}", "model.size=700", "sampling.steps=3")
        making = Making(planned(tmp_path / device, *settings, tools=Tools(), levels=["a", "b", "c"]))
        making.make(SAMPLING)
        made.append(sampled(making))
    assert torch.equal(*made)


class CutError(Exception):
    """Stands for a process that is killed."""


def test_a_run_that_was_killed_goes_on_at_its_portion_bit_for_bit(tmp_path):
    def stop(event) -> None:
        if event == StageMoved("sampling", 3):
            raise CutError

    whole = Making(planned(tmp_path / "whole"))
    whole.make(SAMPLING)
    with pytest.raises(CutError):
        Making(planned(tmp_path / "cut"), stop).make(SAMPLING)
    events = []
    cut = Making(planned(tmp_path / "cut"), events.append)
    cut.make(SAMPLING)
    assert [event.done for event in events if isinstance(event, StageMoved)] == [4, 5]
    assert torch.equal(sampled(cut), sampled(whole))


def test_wider_levels_show_more_of_the_same_plane(tmp_path):
    base = run(tmp_path, METHOD)
    found = extended(read_finished(base.run.id, tmp_path), 1)
    longer = run_zoom(found.config, found.story, tmp_path, tools=Studio().tools())
    assert longer.run.config.seed == base.run.config.seed
    assert torch.equal(sampled(longer)[1:], sampled(base))
    whole = Making(planned(tmp_path / "whole", levels=["a", "a", "b", "c"]))
    whole.make(SAMPLING)
    assert (sampled(longer) - sampled(whole)).abs().max() <= 1e-6
    stack = ZoomStack.load(longer.run.folder / "stack").levels
    assert torch.equal(stack[1:], ZoomStack.load(base.run.folder / "stack").levels)
    base = read_finished(base.run.id, tmp_path)
    with pytest.raises(RefusedError, match="cannot keep levels"):
        rerolled(base, 1)
    with pytest.raises(RefusedError, match="cannot go on deeper"):
        extended(base, 1, wider=False)


@pytest.mark.parametrize(
    ("settings", "changes", "words"),
    [
        (["sampling.most_mpx=0.001"], {}, r"sampling.most_mpx=\d"),
        ([], {"levels": ["a"] * 30}, "Make fewer levels"),
        (["model.loras=a.safetensors"], {}, "model.loras"),
        (["model.device=cpu,cuda:0"], {}, "several of one kind"),
        (["model.device=cpu,tpu-9"], {}, "several of one kind"),
        (["photo=none.png"], {}, "cannot start from a photograph"),
        (["sampling.at=[0.5,0]"], {}, "at"),
        (["sampling.vertical=true"], {}, "vertical"),
        (['enlarge.stages=[{"how": "net"}]'], {}, "super-resolution"),
        ([], {"loop": True}, "loops"),
    ],
)
def test_bad_settings_are_refused_before_anything_is_written(tmp_path, settings, changes, words):
    with pytest.raises((RefusedError, InvalidInputError), match=words):
        planned(tmp_path / "runs", *settings, **changes)
    assert list(tmp_path.iterdir()) == []


def test_the_cost_is_told_in_tiles_and_the_latest_run_tells_its_time(tmp_path):
    before = cost(planned(tmp_path, "model.size=32"))
    assert before.evaluations == 6 * 6  # 128 px in tiles of 24, from -64 on
    assert before.unit == "tiles of 24 x 24 pixels of the plane"
    assert before.sampling_s is None
    assert before.guess_s > 0
    made_by(tmp_path, studio=Studio())
    after = cost(planned(tmp_path, "model.size=64x64"))
    assert after.evaluations == 12 * 12
    assert after.sampling_s > 0


def test_in_a_batch_tiles_are_told_beside_evaluations_of_models(tmp_path):
    joint = prepare(with_settings(RunConfig(), BASE), story(), tmp_path, Studio().tools())
    one, other = (Estimates().of(one) for one in (planned(tmp_path, "model.size=32"), joint))
    assert (one.evaluations, one.tiles) == (0, 6 * 6)
    assert other.tiles == 0 < other.evaluations
    assert f" {other.evaluations} evaluations of the model and 36 tiles of planes, " in f" {in_all([one, other])}"
    assert "tiles" not in in_all([other])


def test_a_user_is_told_that_no_prompt_is_read_and_how_far_rows_differ(tmp_path):
    told = " ".join(planned(tmp_path, "model.size=32", levels=["a"] * 5).notes)
    assert "reads no prompts" in told
    assert "from level 2 outwards" in told  # the 64 rows that differ are level 3, whole
    assert "12 % of level 0" in told
    assert "Rows differ" not in " ".join(planned(tmp_path, "sampling.vertical=scaled").notes)
    assert "Rows differ" not in " ".join(planned(tmp_path, "model.size=32", levels=["a", "b"]).notes)


def test_a_generator_is_described_without_its_weights_and_looked_for_among_the_models(tmp_path, folder):
    facts = describe_planes(folder, size=(32, 48))
    assert (facts["shape"], facts["size_px"], facts["kind"]) == ((3, 32, 48), (32, 48), "planes")
    assert facts["tile_px"] == load_generator(folder).plane(0).step
    assert facts["flat_px"] == 32
    (tmp_path / "mine").symlink_to(folder, target_is_directory=True)
    assert describe_planes("mine", models=tmp_path)["revision"] == facts["revision"]
    with pytest.raises(InvalidInputError, match="no folder of a generator"):
        describe_planes("nobody", models=tmp_path)
    with pytest.raises(InvalidInputError, match="at least 16"):
        describe_planes(folder, size=(8, 48))


def test_generators_are_listed_beside_the_models_and_fit_any_device(tmp_path, folder, monkeypatch):
    monkeypatch.setenv("TENFOLD_MODELS", str(tmp_path))
    (tmp_path / "mine").symlink_to(folder, target_is_directory=True)
    rows = {row["name"]: row for row in available(tmp_path) if row.get("method") == "infinity"}
    assert rows["mine"]["place"] == "folder"
    assert rows["mine"]["revision"] == describe_planes(folder)["revision"]
    fits = {row["name"]: row["fits"] for row in fitting(Device("cpu", "", 2**33, 2**33, "float32"), 2**33)}
    assert "--method infinity" in fits["mine"]
    assert "infinity" not in next(row["note"] for row in available(tmp_path) if row["name"] == "bundled")


@pytest.mark.parametrize(
    ("levels", "film", "side"), [(8, 256, 64), (7, 256, 128), (6, 256, 256), (3, 250, 240), (9, 256, 64)]
)
def test_levels_are_as_large_as_the_film_where_that_is_not_too_much_and_keep_their_size(tmp_path, levels, film, side):
    planned_run = planned(tmp_path, f"film.size_px={film}", levels=["a"] * levels)
    assert planned_run.size_px == (side, side)
    assert planned_run.config.model.size == f"{side}x{side}"


def test_prompts_that_nobody_reads_are_not_refined(tmp_path):
    config = with_settings(RunConfig(), [METHOD])
    with pytest.raises(RefusedError, match="reads no prompts"):
        drafted(config, story(), tmp_path, Studio().tools())
