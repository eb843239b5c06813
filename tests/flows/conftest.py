"""What the tests of flows share."""

import pytest

from tasks import environment
from tests.doubles.tiny_model import write_tiny_model

environment.quiet_engine()  # before any test imports Prefect


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory):
    return write_tiny_model(tmp_path_factory.mktemp("model"))
