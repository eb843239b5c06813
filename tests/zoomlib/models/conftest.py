"""A model hub on this machine in the place of the real one."""

import pytest

from tests.doubles.hub_server import send_client_to, serving


@pytest.fixture
def hub_here(tmp_path, monkeypatch):
    """An empty hub, and an empty cache of the real client that asks it."""
    with serving() as service:
        send_client_to(service, tmp_path / "cache", monkeypatch)
        yield service
