"""What a run has made is right: levels that agree, the photograph, scores, and names that stay within the folder."""

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from tasks.pipeline import Report, run_zoom
from tasks.specs import RunConfig, with_settings
from tests.doubles.painter import Studio
from tests.tasks.test_pipeline import BASE, made, run, story
from zoomlib.film.video import read
from zoomlib.images import from_pil
from zoomlib.stack import ZoomStack


def test_windows_agree_after_super_resolution_and_not_for_independent_levels(tmp_path):
    def disagreement(report: Report) -> float:
        levels = ZoomStack.load(report.run.folder / "stack").levels
        inner = torch.nn.functional.avg_pool2d(levels[1:], 2)
        return (levels[:-1, :, 16:48, 16:48] - inner).abs().max().item()

    assert disagreement(run(tmp_path, "sampling.feather=0")) <= 1.5 * 2 / 255  # each side rounded to 8 bits
    assert disagreement(run(tmp_path, "method=independent")) > 0.1


@pytest.mark.parametrize("settings", [(), ("film.direction=out", "enlarge.model=none"), ("film.size_px=256",)])
@pytest.mark.parametrize("focus", [None, [0.3, 0.4]])
def test_the_film_of_a_loop_goes_on_from_its_last_frame_to_its_first(tmp_path, settings, focus):
    levels = [{"prompt": prompt, "focus": focus} for prompt in "abcdef"]
    report = run(tmp_path, *settings, loop=True, levels=levels)
    film = np.stack(list(read(report.video))).astype(float)
    assert len(film) == 6 * 8
    change = np.abs(film - np.roll(film, 1, axis=0)).mean(axis=(1, 2, 3))  # the first: from the last frame
    assert change[0] < 1.2 * max(change[1], change[-1])


def test_the_widest_level_shows_the_photograph(tmp_path):
    photo = tmp_path / "photo.png"
    picture = Image.radial_gradient("L").resize((64, 64)).convert("RGB")
    picture.save(photo)
    report = run(tmp_path / "runs", f"photo={photo}")
    shown = ZoomStack.load(report.run.folder / "stack").levels[0]
    wanted = from_pil(picture)
    mse = (shown - wanted).square().mean()
    assert 10 * torch.log10(4 / mse) > 45  # 8-bit rounding alone allows 59 dB, clamping to the range costs some


def test_scores_stand_in_parquet_beside_the_film(tmp_path):
    class Reader:
        name, revision = "reader", "s1"

        def score(self, images, prompts):
            from evaluation.networks.clip import TextImage

            ones = torch.ones(len(prompts))
            return TextImage(90 * ones, 0.1 * ones, ones.long(), 3 * ones.long(), ones < 0)

    studio = Studio()
    tools = studio.tools().__class__(
        describe=studio.describe,
        describe_scorer=lambda name: {"id": name, "revision": "s1"},
        load_denoiser=studio.load_denoiser,
        load_upscaler=studio.load_upscaler,
        load_scorer=lambda name, device: Reader(),
    )
    config = with_settings(RunConfig(), [*BASE, "scores.scorer=reader"])
    report = run_zoom(config, story(), tmp_path, tools=tools)
    table = pq.read_table(report.run.folder / "scores.parquet").to_pylist()
    assert {row["run_id"] for row in table} == {report.run.id}
    assert [row["value"] for row in table if row["score"] == "clip_score"] == [90.0] * 3
    names = {row["score"] for row in table}
    assert {"clip_score", "clip_margin", "window_psnr", "window_ssim", "seam", "delta_e", "estimate_psnr"} <= names
    (report.run.folder / "scores.parquet").unlink()
    again = run_zoom(config, story(), tmp_path, tools=tools)
    assert (made(again), again.restored) == ([], ("scores.parquet",))
    faster = run_zoom(with_settings(config, ["film.fps=4"]), story(), tmp_path, tools=tools)
    assert made(faster) == ["video", "motion"]
    other = pq.read_table(faster.run.folder / "scores.parquet").to_pylist()
    assert [row | {"run_id": ""} for row in other] == [row | {"run_id": ""} for row in table]


@pytest.mark.parametrize("title", ["🚀 to the moon", "CON", "x" * 120, "日本 の 町", "~root", "<b>.a [red]"])
def test_any_title_stays_within_the_folder(tmp_path, title):
    root = tmp_path / "runs"
    report = run(root, "sampling.steps=1", title=title)
    assert report.run.folder.resolve().is_relative_to(root.resolve())
    assert report.run.folder.parent.parent == root
    assert {path.name for path in tmp_path.iterdir()} == {"runs"}
