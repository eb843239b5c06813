"""gc, verify, export and import as commands: what they say, and their exit codes."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli import app
from tests.tasks.kept import everything, kept_root, run_folder
from tests.tasks.test_pipeline import flip


@pytest.fixture
def root(tmp_path) -> Path:
    return kept_root(tmp_path / "runs")


def tenfold(root: Path, *words: str):
    return CliRunner().invoke(app, [*words, "--out", str(root)])


def test_verify_says_what_is_damaged_and_what_was_done(root):
    told = tenfold(root, "verify")
    assert (told.exit_code, "all is as it was made" in told.stdout) == (0, True)
    film = run_folder(root) / "zoom.mp4"
    flip(film)
    assert tenfold(root, "verify", "--quick").exit_code == 0
    told = tenfold(root, "verify", film.parent.name)
    name = film.parent.relative_to(root).as_posix()
    assert told.exit_code == 1
    assert f"{name}/zoom.mp4: changed (run {name})" in told.stdout
    assert "--mend" in told.stdout
    told = tenfold(root, "verify", "--mend", "--json")
    assert told.exit_code == 1
    (damage,) = json.loads(told.stdout)[0]["damages"]
    assert damage["mended"].startswith("put back from .cache/cas/")
    assert tenfold(root, "verify").exit_code == 0


def test_what_is_not_there_is_refused(root, tmp_path):
    assert tenfold(tmp_path / "none", "verify").exit_code == 2
    for words in (["verify", "0123456789"], ["export", "0123456789", "to"], ["export", "to"], ["import", "none"]):
        told = tenfold(root, *words)
        assert (told.exit_code, told.stderr[:9]) == (2, "Refused: ")


def test_gc_says_what_it_frees_and_what_stopped_runs_keep(root):
    shutil.rmtree(run_folder(root))
    before = everything(root)
    record = root / ".cache" / "begun" / "1"
    record.parent.mkdir(exist_ok=True)
    manifest = next((root / ".cache" / "manifests").iterdir())
    record.write_text(f"\n{manifest.stem}\n")
    told = tenfold(root, "gc", "--dry-run")
    assert "would be removed" in told.stdout
    assert "1 run that was stopped or failed would go on from" in told.stdout
    assert before.items() <= everything(root).items()
    freed = json.loads(tenfold(root, "gc", "--json").stdout)[0]
    assert (freed["files"] > 0, freed["stopped"]) == (True, 1)
    assert "files removed" in tenfold(root, "gc", "--stopped").stdout
    assert not [name for name in everything(root) if "/cas/" in name or "/manifests/" in name]


def test_export_and_import(root, tmp_path):
    run_id, archive = run_folder(root).name, tmp_path / "runs.zip"
    assert "would be written" in tenfold(root, "export", run_id, str(archive), "--dry-run").stdout
    assert not archive.exists()
    told = tenfold(root, "export", "--all", str(archive))
    assert (told.exit_code, told.stdout.startswith("1 run, ")) == (0, True)
    other = tmp_path / "other"
    assert "1 run would come" in tenfold(other, "import", str(archive), "--dry-run").stdout
    assert not other.exists()
    told = tenfold(other, "import", str(archive), run_id)
    assert told.stdout.strip() == str(other / run_folder(root).relative_to(root))
    assert everything(other) == everything(root)
    (run_folder(other) / "zoom.mp4").write_bytes(b"mine")
    assert tenfold(other, "import", str(archive)).exit_code == 2
