"""Verifying, freeing and moving over a real S3 service."""

import pytest

from tasks.arrival import checked, take_over
from tasks.depot.marker import depot_of
from tasks.depot.roots import open_root
from tasks.depot_cleaning import clean_depot
from tasks.mending import mend
from tasks.parcel_reading import reading
from tasks.places import Here, place_of
from tasks.transfer import perform, planned
from tasks.verify import verify
from tests.doubles.outside_world import s3_bucket
from tests.tasks.kept import run_folder
from tests.tasks.test_pipeline import made, run


@pytest.mark.slow
def test_a_bucket_is_verified_mended_freed_and_moved(tmp_path, monkeypatch):
    with s3_bucket(tmp_path / "service") as bucket:
        for name, value in bucket.variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("TENFOLD_CACHE", str(tmp_path / "cache"))
        root = open_root(f"{bucket.url}/runs")
        folder = run(root).run.folder.relative_to(root)
        depot, place = depot_of(root), place_of(root)
        assert verify(place).damages == []
        depot.write(f"{folder}/zoom.mp4", b"no film")
        (found,) = verify(place, quick=True).damages
        assert (found.name, found.what) == (f"{folder}/zoom.mp4", "changed")
        mend(root, place, [found])
        assert verify(place).damages == []
        assert clean_depot(depot).files == 0
        monkeypatch.setattr("tasks.depot_cleaning.YOUNG_S", -3600.0)
        assert clean_depot(depot).files == 0
        perform(planned(root, [folder.name], f"{bucket.url}/export"))
        with reading(f"{bucket.url}/export") as reader:
            take_over(reader, checked(reader, tmp_path / "local"))
        assert verify(Here(tmp_path / "local")).damages == []
        assert made(run(tmp_path / "local")) == []
        depot.delete([entry.name for entry in depot.entries(str(folder))])
        assert clean_depot(depot).files > 10
        assert not list(depot.entries(".cache/cas"))
        assert run_folder(tmp_path / "local").name == folder.name
