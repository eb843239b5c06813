"""A model hub on this machine in the place of the real one."""

import pytest

from tests.doubles.hub_server import serving


@pytest.fixture
def hub_here(tmp_path, monkeypatch):
    """An empty hub, and an empty cache of the real client that asks it."""
    from huggingface_hub import constants
    from huggingface_hub.utils import _http

    monkeypatch.setattr(_http.time, "sleep", lambda _: None)  # the client's pauses between its attempts
    with serving() as service:
        files = service.address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "ENDPOINT", service.address)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", files)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        yield service
