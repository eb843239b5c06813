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
