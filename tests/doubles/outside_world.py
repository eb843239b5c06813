"""Real parts of the outside world for tests: an S3 service, PostgreSQL, small and read-only disks, a movable clock."""

import os
import pwd
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.doubles.prefect_site import Process, free_port, wait_until

_ONE_PUT_AT_A_TIME = """
import threading
from moto.s3.responses import S3Response
from moto.server import main

lock, put = threading.Lock(), S3Response._key_response_put

def one_at_a_time(*told, **more):
    with lock:
        return put(*told, **more)

S3Response._key_response_put = one_at_a_time
main()
"""
S3_SERVICE = (sys.executable, "-c", _ONE_PUT_AT_A_TIME, "-H", "127.0.0.1")
"""moto's server. It looks whether a file is there before it puts it, and lets others in between; S3 does not."""
POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


@dataclass
class Bucket:
    """A bucket of an S3 service: its URL for us, and what a client must have in its environment to reach it."""

    name: str
    endpoint: str
    process: Process
    secret: str = "a-secret-key-of-nobody"

    @property
    def url(self) -> str:
        return f"s3://{self.name}"

    @property
    def variables(self) -> dict[str, str]:
        """Address and key for the client of S3, as its users set them."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "nobody",
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_DEFAULT_REGION": "eu-west-1",
        }

    def freeze(self) -> None:
        """From now on the service takes connections and answers nothing, as when the network is gone."""
        self.process.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """The service answers again."""
        self.process.signal(signal.SIGCONT)

    def files(self):
        """The bucket as a file system of fsspec, asked each time anew."""
        s3fs = pytest.importorskip("s3fs")
        return s3fs.S3FileSystem(
            endpoint_url=self.endpoint,
            key="nobody",
            secret=self.secret,
            use_listings_cache=False,
            skip_instance_cache=True,
            client_kwargs={"region_name": "eu-west-1"},
        )


@contextmanager
def s3_bucket(home: Path, *, secret: str = Bucket.secret) -> Iterator[Bucket]:
    """A bucket, called as no other, in an S3 service of its own on loopback (moto's server, a process)."""
    pytest.importorskip("moto.server")
    port = free_port()
    process = Process([*S3_SERVICE, "-p", str(port)], os.environ, home, home / "s3.log")
    bucket = Bucket(f"runs-{uuid.uuid4().hex[:12]}", f"http://127.0.0.1:{port}", process, secret)
    try:
        wait_until(lambda: "Running on" in process.text or not process.alive, "the S3 service")
        bucket.files().mkdir(bucket.name)
        yield bucket
    finally:
        process.kill()


@dataclass
class Postgres:
    """A PostgreSQL server: `url` for Prefect's server, `process` to kill."""

    url: str
    process: Process
    folder: Path


@contextmanager
def postgres() -> Iterator[Postgres]:
    """An empty PostgreSQL database on loopback. Skips the test where Debian's `postgresql` is not installed."""
    if not POSTGRES:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    binaries = POSTGRES[-1]
    folder = Path(tempfile.mkdtemp(prefix="tenfold-postgres-"))  # tmp_path is closed to other users
    port = free_port()
    try:
        as_user = _as_ordinary_user(folder)
        initdb = [str(binaries / "initdb"), "-D", str(folder / "data"), "-U", "tenfold", "-A", "trust", "-N"]
        subprocess.run([*as_user, *initdb], check=True, capture_output=True, cwd=folder)
        settings = ["-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}", "-c", "fsync=off"]
        serve = [str(binaries / "postgres"), "-D", str(folder / "data"), "-p", str(port), *settings]
        process = Process([*as_user, *serve], os.environ, folder, folder / "postgres.log")
        try:
            wait_until(lambda: "ready to accept" in process.text or not process.alive, "PostgreSQL")
            assert process.alive, process.text
            address = f"tenfold@127.0.0.1:{port}/postgres"
            yield Postgres(f"postgresql+asyncpg://{address}", process, folder)
        finally:
            process.kill()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _as_ordinary_user(folder: Path) -> list[str]:
    """What stands before a command so that it does not run as root, which PostgreSQL refuses; `folder` is theirs."""
    if os.geteuid() != 0:
        return []
    owner = pwd.getpwnam("postgres")
    os.chown(folder, owner.pw_uid, owner.pw_gid)
    return ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups", "--"]


@contextmanager
def small_disk(folder: Path, size_kb: int) -> Iterator[Path]:
    """`folder` as a file system of its own with so much room. Skips the test where nothing may be mounted."""
    folder.mkdir(parents=True, exist_ok=True)
    _mount("-t", "tmpfs", "-o", f"size={size_kb}k", "tmpfs", str(folder))
    try:
        yield folder
    finally:
        _unmount(folder)


def enlarge(folder: Path, size_kb: int) -> None:
    """Give a small disk more room, as if somebody had tidied up."""
    _mount("-o", f"remount,size={size_kb}k", str(folder))


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """What is in `folder` can be read and not changed, not by root either. Skips where nothing may be mounted."""
    _mount("--bind", str(folder), str(folder))
    try:
        _mount("-o", "remount,bind,ro", str(folder))
        yield
    finally:
        _unmount(folder)


def _mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")


def _unmount(folder: Path) -> None:
    """Unmount, also while a process that was just killed still holds a file."""
    subprocess.run(["umount", "--lazy", str(folder)], check=True, capture_output=True)


class Clock:
    """A wall clock for other processes that can be moved while they run; monotonic time goes on as it does.

    It reaches whoever asks the C library for the time, as Python and SQLite do.
    """

    def __init__(self, folder: Path) -> None:
        """Build it in `folder`. Skips the test where there is no C compiler."""
        compiler = shutil.which("cc")
        if compiler is None:
            pytest.skip("the clock cannot be moved: no C compiler (apt-get install gcc libc6-dev)")
        folder.mkdir(exist_ok=True)
        self.library = folder / "clock.so"
        source = Path(__file__).with_name("clock.c")
        subprocess.run([compiler, "-O1", "-shared", "-fPIC", str(source), "-o", str(self.library), "-ldl"], check=True)
        self.file = folder / "clock-offset"
        self.move(0)

    def move(self, seconds: int) -> None:
        """Set the clock so many seconds off the true time (negative: into the past)."""
        with self.file.open("r+b" if self.file.exists() else "wb") as shared:  # mapped by others: never replaced
            shared.write(struct.pack("q", seconds))

    @property
    def variables(self) -> dict[str, str]:
        """What a process must have in its environment to go by this clock."""
        return {"LD_PRELOAD": str(self.library), "MOVED_CLOCK": str(self.file)}
