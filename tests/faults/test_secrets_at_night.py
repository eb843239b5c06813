"""Keys of services and stores, looked for in all that a night leaves: the server's database, logs, artefacts, runs."""

import base64
import sqlite3
import sys
from collections.abc import Iterable, Mapping
from contextlib import closing

import pytest

from tests.doubles.openai_server import serving
from tests.doubles.outside_world import Bucket, s3_bucket
from tests.doubles.prefect_site import TENFOLD
from tests.faults import batch_of_six as six
from tests.faults.night import POOLS, Night
from tests.flows.test_key_nowhere import SECRET, TELLING, planned

STORE_SECRET = "wJalrXUtnFEMIbPxRfiCYzKq7"
BLOCK, BLOCK_SECRET = "key-of-the-service", "sk-block-Hs4mUe8Jy1GcQx6T"
SECRETS = (SECRET, STORE_SECRET, BLOCK_SECRET)
SAVE_BLOCK = f"from prefect.blocks.system import Secret; Secret(value={BLOCK_SECRET!r}).save({BLOCK!r})"
WISH, OTHER_WISH = "an oak, from 20 m to 5 m", "from 20 m to 5 m"
ASKING = {**six.SETTINGS, "model.name": "painter", "plan.model": "m", "plan.rounds": 1}
"""With the bundled model's few words stories are planned without asking anybody."""
TALKATIVE = {"PREFECT_LOGGING_LEVEL": "DEBUG", "TENFOLD_DEBUG": "1", "OPENAI_LOG": "debug"}


def forms(secret: str) -> tuple[str, ...]:
    """How a secret may stand somewhere: as it is, or in base64 at each of the three offsets from its beginning."""
    encoded = (base64.b64encode(b"\0" * shift + secret.encode()).decode()[4:-4] for shift in range(3))
    return (secret, *encoded)


def betrayed(texts: Mapping[str, bytes], secrets: Iterable[str] = SECRETS) -> set[str]:
    """The names of those texts that hold a telling part of a secret."""
    whole = [form for secret in secrets for form in forms(secret)]
    parts = {form[at : at + TELLING].encode() for form in whole for at in range(len(form) - TELLING + 1)}
    return {name for name, text in texts.items() if any(part in text for part in parts)}


def left_behind(night: Night, bucket: Bucket) -> dict[str, bytes]:
    """Everything that is on the disk, in the bucket, and row by row in the server's database, by name."""
    found = {path.relative_to(night.home).as_posix(): path.read_bytes() for path in _files(night)}
    with closing(sqlite3.connect(f"file:{night.home / 'prefect' / 'prefect.db'}?mode=ro", uri=True)) as history:
        names = [name for (name,) in history.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for name in names:
            found[f"table {name}"] = repr(history.execute(f'SELECT * FROM "{name}"').fetchall()).encode()
    files = bucket.files()
    return found | {path: files.cat_file(path) for path in files.find(bucket.name)}


def _files(night: Night):
    return [path for path in night.home.rglob("*") if path.is_file()]


def plant(night: Night, bucket: Bucket) -> set[str]:
    """Put a secret wherever one could be left; returns the names of the places."""
    night.runs.ask("POST", "/artifacts/", json={"key": "planted", "type": "markdown", "data": f"a {SECRET}"})
    (night.home / "cache" / "planted.json").write_text(f'{{"key": "{STORE_SECRET[4:16]}"}}')
    (night.home / "planted.log").write_bytes(base64.b64encode(f"me:{BLOCK_SECRET}".encode()))
    bucket.files().pipe_file(f"{bucket.name}/runs/planted.md", BLOCK_SECRET.encode())
    return {"table artifact", "cache/planted.json", "planted.log", f"{bucket.name}/runs/planted.md"}


def work(night: Night, bucket: Bucket, stories: list[str]) -> None:
    """A batch by the workers, whose wish is planned with the environment's key, and a zoom with that of a block."""
    root = f"{bucket.url}/runs"
    assert night.until_done(night.ask([*stories, WISH], root=root, settings=ASKING)) == ["COMPLETED"], night.told()
    saved = night.site.run(sys.executable, "-c", SAVE_BLOCK)
    assert saved.returncode == 0, saved.stderr
    asking = [f"--set={name}={value}" for name, value in {**ASKING, "plan.secret": BLOCK}.items()]
    made = night.site.run(*TENFOLD, "zoom", OTHER_WISH, "--out", root, *asking, more={"OPENAI_API_KEY": ""})
    (night.home / "zoom.log").write_text(made.stdout + made.stderr)
    assert made.returncode == 0, made.stdout + made.stderr


@pytest.mark.slow
def test_no_secret_is_in_what_a_night_leaves(tmp_path):
    (tmp_path / "s3").mkdir()
    (tmp_path / "night").mkdir()
    with s3_bucket(tmp_path / "s3", secret=STORE_SECRET) as bucket, serving(planned) as server:
        service = {"OPENAI_API_KEY": SECRET, "OPENAI_BASE_URL": server.url}
        with Night(tmp_path / "night", **TALKATIVE, **service, **bucket.variables) as night:
            night.hire(*POOLS)
            work(night, bucket, six.stories(tmp_path / "night" / "stories")[:1])
            used = [one.headers["authorization"].split()[1] for one in server.asked]
            assert {SECRET, BLOCK_SECRET} == set(used), "the language model was asked with the one key and the other"
            texts = left_behind(night, bucket)
            places = plant(night, bucket)
            planted = left_behind(night, bucket)
    for name in ("batch.json", "summary.md", "config.json", "zoom.mp4"):
        assert [path for path in texts if path.endswith(name) and path.startswith(bucket.name)], name
    assert b"Bark" in texts["table artifact"]
    assert b"Bark" in texts["table log"]
    assert b"[key]" in b"".join(texts.values()), "it was sent back, and hidden"
    assert betrayed(texts) == set()
    assert betrayed(planted) >= places, "whatever is left in one of these places is found"
