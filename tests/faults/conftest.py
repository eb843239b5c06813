"""What the tests of faults share."""

import shutil

import pytest

from tasks import environment
from tests.doubles.painter import Studio

pytest.register_assert_rewrite("tests.faults.batch_of_six")
environment.quiet_engine()  # before any test imports Prefect


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    """The batch of six, made once with nothing in its way."""
    from tests.faults import batch_of_six as six

    root, studio = tmp_path_factory.mktemp("undisturbed") / "runs", Studio()
    summary = six.make(root, studio)
    assert six.states(summary) == {"made": 6}
    return six.Undisturbed(root, six.pictures_of(root), six.evaluations(studio))


@pytest.fixture
def finished(undisturbed, tmp_path):
    """A copy of the finished batch, to be damaged."""
    shutil.copytree(undisturbed.root, tmp_path / "runs")
    shutil.copytree(undisturbed.root.parent / "stories", tmp_path / "stories")
    return tmp_path / "runs"


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory):
    """A folder with a whole model of random weights, as deployments load it."""
    from tests.doubles.tiny_model import write_tiny_model  # imports diffusers

    return write_tiny_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="session")
def by_tiny_model(tiny_model, tmp_path_factory):
    """The batch of six by the tiny model, made with nothing in its way and without Prefect."""
    from tasks.batch.making import run_batch
    from tasks.batch.plan import plan_batch
    from tests.faults import batch_of_six as six

    home = tmp_path_factory.mktemp("by-tiny-model")
    batch = plan_batch(six.spec(home / "stories", **{"model.name": str(tiny_model)}), home / "runs")
    assert six.states(run_batch(batch)) == {"made": 6}
    return six.Undisturbed(home / "runs", six.pictures_of(home / "runs"), len(six.TITLES) * six.STEPS)
