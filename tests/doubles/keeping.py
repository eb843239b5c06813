"""A site with a work pool, a deployment that naps, and `tenfold worker`s."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from tests.doubles.prefect_site import TENFOLD, Process, Site, wait_until

POOL = "naps"
NAP = {
    "name": "nap",
    "entrypoint": "tests.doubles.napping.nap",
    "pull_steps": [{"flows.workplace.enter": {}}],
    "work_pool_name": POOL,
}


def deploy(site: Site) -> None:
    """Put the work pool and the deployment on the server."""
    with Runs(site) as runs:
        runs.ask("POST", "/work_pools/", json={"name": POOL, "type": "process"})
        flow = runs.ask("POST", "/flows/", json={"name": "nap"})["id"]
        runs.ask("POST", "/deployments/", json=NAP | {"flow_id": flow})


@contextmanager
def keeping(site: Site, name: str = "k", *options: str, more: Mapping[str, str] | None = None) -> Iterator[Process]:
    """A keeper that ends with the test, however that ends."""
    process = keeper(site, name, *options, more=more)
    try:
        yield process
    finally:
        process.stop()


def keeper(
    site: Site, name: str = "k", *options: str, pool: str = POOL, more: Mapping[str, str] | None = None
) -> Process:
    """Start `tenfold worker`, and wait until its worker has started."""
    work = site.home / "work"
    work.mkdir(exist_ok=True)
    variables = {"TENFOLD_HOME": str(work)} | dict(more or {})
    log = f"keeper-{len(site.processes)}.log"
    process = site.spawn(*TENFOLD, "worker", "--pool", pool, "--name", name, *options, log=log, more=variables)
    wait_until(lambda: "started!" in process.text, f"worker {name}: {process.text[-2000:]}", every_s=0.2)
    return process


class Runs:
    """Flow runs of a site, asked for and watched by the server's own interface."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def __enter__(self) -> "Runs":
        import httpx

        self.http = httpx.Client(base_url=self.site.url, timeout=20.0)
        return self

    def __exit__(self, *_error: object) -> None:
        self.http.close()

    def submit(self, deployment: str, **parameters: Any) -> str:
        """Ask for a run; returns its id."""
        found = self.ask("GET", f"/deployments/name/{deployment}")["id"]
        key = f"{deployment} {time.time_ns()}"  # asked for again, it is the same run
        body = {"parameters": parameters, "state": {"type": "SCHEDULED"}, "idempotency_key": key}
        return str(self.ask("POST", f"/deployments/{found}/create_flow_run", json=body)["id"])

    def ask(self, method: str, path: str, **more: Any) -> Any:
        """What the server answers, which says 503 now and then when the machine is busy."""
        for _ in range(10):
            answer = self.http.request(method, path, **more)
            if answer.status_code != 503:
                break
            time.sleep(1)
        return answer.raise_for_status().json()

    def read(self, run: str) -> dict[str, Any]:
        """A run as the server knows it."""
        return dict(self.ask("GET", f"/flow_runs/{run}"))

    def state(self, run: str) -> str:
        """Type of its state; empty while the server is away."""
        try:
            return str(self.read(run)["state"]["type"])
        except Exception:
            return ""

    def history(self, run: str) -> list[str]:
        """Names of all its states, the first one first."""
        states = self.ask("GET", "/flow_run_states/", params={"flow_run_id": run})
        return [state["name"] for state in sorted(states, key=lambda state: state["timestamp"])]

    def cancel(self, run: str) -> None:
        """Cancel it as Prefect's page does."""
        state = {"type": "CANCELLING", "name": "Cancelling"}
        self.ask("POST", f"/flow_runs/{run}/set_state", json={"state": state, "force": False})

    def until(self, run: str, *states: str, within_s: float = 120.0) -> str:
        """Wait for one of these types of state."""
        last = ""

        def come() -> str:
            nonlocal last
            last = self.state(run)
            return last if last in states else ""

        try:
            return wait_until(come, f"run in {states}", within_s, every_s=0.25)
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {last}: {self.history(run)}") from None


def words(ledger: Path) -> list[str]:
    """What naps have written down."""
    return [line.split()[0] for line in ledger.read_text().splitlines()] if ledger.exists() else []


def pid_of(ledger: Path) -> int:
    """The process that began last."""
    return int([line for line in ledger.read_text().splitlines() if line.startswith("began")][-1].split()[1])


def worker_of(process: Process) -> psutil.Process:
    """The process of Prefect's worker under a keeper."""

    def found() -> psutil.Process | None:
        children = (one for one in process.family()[1:] if {"prefect", "worker"} <= set(one.cmdline()))
        return next(children, None)

    return wait_until(found, "a worker under its keeper")
