"""A bucket for all tests of stores, and places in which they are independent of each other."""

import uuid

import pytest

from tests.doubles.outside_world import s3_bucket


@pytest.fixture(scope="session")
def bucket(tmp_path_factory):
    """A bucket of a real S3 service, one for all tests of a process."""
    with s3_bucket(tmp_path_factory.mktemp("s3")) as made:
        yield made


@pytest.fixture
def s3(bucket, monkeypatch):
    """The URL of an empty place in the bucket, which this process may use."""
    for name, value in bucket.variables.items():
        monkeypatch.setenv(name, value)
    return f"{bucket.url}/{uuid.uuid4().hex}"


@pytest.fixture
def memory():
    """The URL of an empty place in this process's memory."""
    return f"memory://{uuid.uuid4().hex}"


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Opens the folder of all runs at a URL as another machine would: each name has a cache of its own."""

    def opened(name, url):
        from tasks.depot.roots import open_root

        monkeypatch.setenv("TENFOLD_CACHE", str(tmp_path / name))
        return open_root(url)

    return opened
