"""What runs over a plane are told to have taken, and to have been told: tiles, no guidance, seeds that tables hold."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from flows.command import show_plan
from tasks.batch.outcome import Outcome
from tasks.batch.plan import plan_batch
from tasks.batch.spec import BatchSpec, parse_batch
from tasks.batch.summary import COLUMNS, Summary
from tasks.errors import RefusedError
from tasks.pipeline import Making
from tasks.sample import SAMPLING
from tasks.specs import parse_config
from tasks.sweep_spec import parse_seeds
from tasks.variants import variant_of
from tests.flows.test_command import here, tenfold  # noqa: F401  `here` is a fixture
from tests.tasks.test_infinity_runs import planned


def test_a_run_over_a_plane_is_told_in_tiles_and_a_models_in_evaluations(tmp_path):
    """64 pixels of 128 x 128 in tiles of 24, from -64 on; of a denoiser guidance doubles the levels."""
    reports = {}
    for method, settings in (("infinity", ["model.size=32"]), ("joint", [])):
        making = Making(planned(tmp_path, f"method={method}", *settings))
        reports[method] = making.make(SAMPLING)
        again = Making(making.run).make(SAMPLING)
        assert again.tiles == again.evaluations == 0, "what is found was not made now"
    assert (reports["infinity"].evaluations, reports["infinity"].tiles) == (0, 36)
    assert reports["joint"].tiles == 0 < reports["joint"].evaluations


@pytest.mark.parametrize(
    ("work", "words"),
    [
        ([(12, 0), (0, 1536)], "2.0 s, 12 evaluations, 1,536 tiles of planes"),
        ([(12, 0), (3, 0)], "2.0 s, 15 evaluations"),
        ([(0, 7), (0, 8)], "2.0 s, 15 tiles of planes"),
        ([(0, 0), (0, 0)], "2.0 s, 0 evaluations"),
    ],
)
def test_a_batch_adds_up_tiles_and_evaluations_each_by_itself(tmp_path, work, words):
    outcomes = [Outcome("made", evaluations=one, tiles=other) for one, other in work]
    spec = BatchSpec(stories=("cosmic-leaf",), seeds=tuple(range(len(outcomes))))
    batch = plan_batch(spec, tmp_path)
    told = Summary(batch, "done", tuple(zip(batch.jobs, outcomes, strict=True)), datetime.now(UTC), 2.0)
    assert told.costs() == words
    row = told.rows()[1]
    assert [*row] == [*COLUMNS]
    assert row["tiles"] == (f"{work[1][1]:,}" if work[1][1] else "")
    assert ("| tiles |" in told.markdown()) == any(tiles for _, tiles in work)


def test_files_of_batches_before_there_were_tiles_are_read():
    made = Outcome("made", seconds=1.0, evaluations=3, tiles=0)
    old = {name: value for name, value in made.as_json().items() if name != "tiles"}
    assert Outcome.from_json(old) == made
    assert Outcome.from_json(json.loads(json.dumps(replace(made, tiles=5).as_json()))).tiles == 5


def test_nothing_is_guided_on_a_plane_and_nothing_is_told_of_guidance(tmp_path, capsys):
    plain, asked = planned(tmp_path), planned(tmp_path, "guidance.scale=7", "guidance.rescale=0.3")
    assert variant_of(plain.config) == variant_of(asked.config)
    assert "guidance" not in variant_of(asked.config)
    assert asked.id == plain.id
    assert any("nothing is guided" in note for note in asked.notes)
    assert not any("guided" in note for note in plain.notes)
    show_plan(plain)
    assert '"guidance"' not in capsys.readouterr().out
    show_plan(planned(tmp_path, "method=joint"))
    assert '"guidance"' in capsys.readouterr().out


@pytest.mark.parametrize(
    "read",
    [
        lambda: parse_config({"seed": 2**64 - 1}),
        lambda: parse_config({"seed": -1}),
        lambda: parse_seeds(f"{2**63},"),
        lambda: parse_seeds(f"{2**63 - 1}-{2**63}"),
        lambda: parse_seeds(f"{2**64 - 1},"),
        lambda: parse_batch({"stories": ["cosmic-leaf"], "seeds": [2**63]}, "b.yaml"),
        lambda: parse_batch({"stories": ["cosmic-leaf"], "seeds": [2.0**63]}, "b.yaml"),  # as YAML gives it
    ],
)
def test_seeds_that_no_table_of_scores_holds_are_refused_with_the_reason(read):
    with pytest.raises(RefusedError, match=r"0 to 2\^63 - 1, as tables of scores keep seeds.*tenfold infinity"):
        read()


def test_the_largest_seed_is_taken_everywhere():
    most = 2**63 - 1
    assert parse_config({"seed": most}).seed == most
    assert parse_seeds(f"{most},") == (most,)
    assert parse_batch({"stories": ["cosmic-leaf"], "seeds": [most]}, "b.yaml").seeds == (most,)


def test_a_batch_takes_the_shape_of_levels(here):  # noqa: F811
    told = tenfold("batch", "cosmic-leaf", "--methods", "infinity", "--shape", "96x64", "--dry-run")
    assert told.exit_code == 0, told.output
    usual = tenfold("batch", "cosmic-leaf", "--methods", "infinity", "--dry-run")
    tiles = [int(one.stdout.split(" tiles of planes")[0].split()[-1].replace(",", "")) for one in (told, usual)]
    assert tiles == [48 * 32, 32 * 32], "of 256 pixels: eight levels of 96 x 64 and of 64 x 64"
