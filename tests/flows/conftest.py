"""What the tests of flows share."""

import gc

import pytest

from tasks import environment
from tests.doubles.empty_history import put_empty_history
from tests.doubles.tiny_model import write_tiny_model

environment.quiet_engine()  # before any test imports Prefect


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory):
    return write_tiny_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="session")
def history(tmp_path_factory):
    """The URL of a Prefect server, started once for all modules that ask for one."""
    from flows.server import embedded_server

    home = tmp_path_factory.mktemp("prefect")
    put_empty_history(home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_HOME", str(home))
        server = embedded_server(home)
        url = server.__enter__()
    yield url
    server.__exit__(None, None, None)


@pytest.fixture(scope="module")
def server(history):
    """Prefect's settings name a server, for the tests of a module; what they published has reached it at the end."""
    from prefect.context import _temporary_global_settings_context, get_settings_context
    from prefect.events.worker import EventsWorker
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: history}), _temporary_global_settings_context(get_settings_context()):
        yield
        EventsWorker.drain_all(timeout=15)
    gc.collect()
