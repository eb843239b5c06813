"""Keys of services and stores, looked for in all that a night leaves: the server's database, logs, artefacts, runs."""

import base64

import pytest

from tests.doubles.openai_server import serving
from tests.doubles.outside_world import s3_bucket
from tests.faults import batch_of_six as six
from tests.faults.night import POOLS, Night
from tests.flows.test_key_nowhere import SECRET, TELLING, planned

STORE_SECRET = "wJalrXUtnFEMIbPxRfiCYzKq7"
WISH = "from a meadow to a branch"


def left_behind(night: Night, bucket) -> dict[str, bytes]:
    """Everything that is on the disk and in the bucket, by name."""
    found = {str(path): path.read_bytes() for path in night.home.rglob("*") if path.is_file()}
    files = bucket.files()
    return found | {path: files.cat_file(path) for path in files.find(bucket.name)}


@pytest.mark.slow
def test_no_secret_is_in_what_a_night_leaves(tmp_path):
    (tmp_path / "s3").mkdir()
    with s3_bucket(tmp_path / "s3", secret=STORE_SECRET) as bucket, serving(planned) as server:
        talkative = {"PREFECT_LOGGING_LEVEL": "DEBUG", "TENFOLD_DEBUG": "1", "OPENAI_LOG": "debug"}
        service = {"OPENAI_API_KEY": SECRET, "OPENAI_BASE_URL": server.url}
        (tmp_path / "night").mkdir()
        with Night(tmp_path / "night", **talkative, **service, **bucket.variables) as night:
            night.hire(*POOLS)
            stories = [six.stories(tmp_path / "night" / "stories")[0], WISH]
            asked = {"plan.model": "m", "plan.rounds": 1, **six.SETTINGS}
            run = night.ask(stories, root=f"{bucket.url}/runs", settings=asked)
            night.until_done(run)
            logs = night.runs.http.post("/logs/filter", json={}).raise_for_status().content
            artefacts = night.runs.http.post("/artifacts/filter", json={}).raise_for_status().content
            runs = night.runs.http.post("/flow_runs/filter", json={}).raise_for_status().content
        assert server.asked, "the language model was never asked"
        texts = left_behind(night, bucket) | {"logs": logs, "artefacts": artefacts, "flow runs": runs}
    assert any(name.endswith("prefect.db") for name in texts)
    assert b"Bark" in texts["artefacts"]
    assert b"[key]" in b"".join(texts.values()), "it was sent back, and hidden"
    for secret in (SECRET, STORE_SECRET, base64.b64encode(SECRET.encode()).decode()):
        for name, text in texts.items():
            found = [at for at in range(len(secret) - TELLING) if secret[at : at + TELLING].encode() in text]
            assert found == [], name
