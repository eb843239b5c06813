"""`tenfold setup-prefect`: pools, the limit and the deployments, as often as one likes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from flows import workplace
from flows.pools import PARENTS, SLOTS, VIDEOS
from flows.terminal import plain, table
from tasks import environment
from tasks.errors import RefusedError, RunError

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

NIGHTLY = "nightly"
KEPT = ("stories", "root")
"""Parameters of deployments that stay as somebody has set them before."""
KINDS = ("cron", "interval", "rrule")
OFF = "off"
PATIENCE_S = 60.0
"""A server that has just been started answers some seconds later, and on a busy machine later still."""


@dataclass(frozen=True)
class Wishes:
    """What is not to stay as it is. gpus: slots of the limit. cron: when nightly is due, or `off`. root: of runs."""

    gpus: int | None = None
    cron: str | None = None
    timezone: str | None = None
    stories: tuple[str, ...] = ()
    root: str | None = None


def set_up(wishes: Wishes) -> None:
    """Make what is missing on the server, and bring the deployments up to date. Raises RefusedError and RunError."""
    folder = workplace.checkout()
    if folder is None:
        raise RefusedError(
            "The deployments are described in prefect.yaml of a checkout, and this Tenfold was installed without one. "
            "Install it with `pip install -e` in the checkout, and run this again."
        )
    environment.quiet_engine()
    _check(wishes)
    from flows.keeper_server import connect

    with ExitStack() as stack:
        client = connect(stack, patient=True)
        _reach(client)
        rows = [(f"work pool {pool}", _make_pool(client, pool)) for pool in (PARENTS, VIDEOS)]
        rows.append((f"limit {SLOTS}", _make_limit(client, wishes.gpus)))
        project = yaml.safe_load((folder / "prefect.yaml").read_text())
        for deployment in project["deployments"]:
            _keep(deployment, _known(client, deployment), wishes)
        _deploy(folder, project)
        for deployment in project["deployments"]:
            _close(client, _known(client, deployment))
    rows += [(f"deployment {one['name']}", _told(one)) for one in project["deployments"]]
    table(("on the server", ""), [(what, plain(words)) for what, words in rows])
    print(f"\nNow a worker for each pool: tenfold worker --pool {VIDEOS}, tenfold worker --pool {PARENTS}")


def _check(wishes: Wishes) -> None:
    """Refuse what the server would refuse with less words, or not at all."""
    from zoneinfo import ZoneInfo, available_timezones

    if wishes.timezone is not None and wishes.timezone not in available_timezones():
        raise RefusedError(
            f"--timezone is a name such as Europe/Berlin or {ZoneInfo('UTC').key}; got {wishes.timezone!r}."
        )
    if wishes.timezone is not None and wishes.cron in (None, OFF):
        raise RefusedError("--timezone is of the hours in --cron: give both.")
    if wishes.root is not None:
        from tasks.depot.roots import open_root

        open_root(wishes.root)
    if wishes.cron not in (None, OFF):
        from prefect.client.schemas.schedules import CronSchedule
        from pydantic import ValidationError

        try:
            CronSchedule(cron=wishes.cron)
        except ValidationError as error:
            raise RefusedError(
                f'--cron is minute, hour, day, month and weekday, as "0 1 * * *" for one o\'clock every night, or off; '
                f"got {wishes.cron!r}."
            ) from error


def _reach(client: SyncPrefectClient) -> None:
    from prefect.settings import PREFECT_API_URL

    until = time.monotonic() + PATIENCE_S
    while (fault := client.api_healthcheck()) is not None and time.monotonic() < until:
        time.sleep(1)
    if fault is not None:
        raise RunError(
            f"Prefect's server at {PREFECT_API_URL.value()} cannot be reached: {fault}. Start it with `prefect server "
            "start`, or name another with `prefect config set PREFECT_API_URL=...`."
        )


def _make_pool(client: SyncPrefectClient, name: str) -> str:
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
    from prefect.workers.process import ProcessWorker

    try:
        pool = client.read_work_pool(name)
    except ObjectNotFound:
        template = ProcessWorker.get_default_base_job_template()
        try:
            client.create_work_pool(WorkPoolCreate(name=name, type="process", base_job_template=template))
        except ObjectAlreadyExists:  # somebody else sets up, too
            return "there"
        return "made"
    if pool.type != "process":
        raise RefusedError(
            f"The work pool {name!r} of this server is of type {pool.type!r}; Tenfold's workers start processes. "
            f"Delete it with `prefect work-pool delete {name}`, or use another server."
        )
    return "paused: `prefect work-pool resume " + name + "`" if pool.is_paused else "there"


def _make_limit(client: SyncPrefectClient, gpus: int | None) -> str:
    from prefect.exceptions import ObjectNotFound

    try:
        now = client.read_global_concurrency_limit_by_name(SLOTS).limit
    except ObjectNotFound:
        now = 0
    if gpus is not None or not now:
        client.upsert_global_concurrency_limit_by_name(SLOTS, gpus or 1)
    slots = gpus or now or 1
    return f"{slots} slot{'s' * (slots != 1)}"


def _known(client: SyncPrefectClient, deployment: dict[str, Any]) -> Any:
    """The deployment as it is on the server; None when it is not there."""
    from prefect.exceptions import ObjectNotFound

    flow = deployment["entrypoint"].rpartition(".")[2]
    try:
        return client.read_deployment_by_name(f"{flow}/{deployment['name']}")
    except ObjectNotFound:
        return None


def _keep(deployment: dict[str, Any], known: Any, wishes: Wishes) -> None:
    """Let wishes, and what somebody has set before, stand above the file."""
    parameters = deployment.setdefault("parameters", {})
    if known is not None:
        parameters |= {name: known.parameters[name] for name in KEPT if name in known.parameters}
    if wishes.root is not None:
        parameters["root"] = wishes.root
    if deployment["name"] != NIGHTLY:
        return
    if wishes.stories:
        parameters["stories"] = list(wishes.stories)
    if known is not None and known.schedules:
        deployment["schedules"] = [_as_written(one) for one in known.schedules]
    schedule = deployment["schedules"][0]
    if wishes.cron is not None:
        schedule["active"] = wishes.cron != OFF
    if wishes.cron not in (None, OFF):
        for kind in KINDS:
            schedule.pop(kind, None)
        schedule |= {"cron": wishes.cron, "timezone": wishes.timezone or "UTC"}


def _as_written(found: Any) -> dict[str, Any]:
    """A schedule of the server, which somebody may have changed on Prefect's page, as prefect.yaml would have it."""
    kind = next(kind for kind in KINDS if hasattr(found.schedule, kind))
    value = getattr(found.schedule, kind)
    due = value.total_seconds() if kind == "interval" else value
    slug = {"slug": found.slug} if found.slug else {}
    return slug | {kind: due, "timezone": found.schedule.timezone or "UTC", "active": found.active}


def _deploy(folder: Path, project: dict[str, Any]) -> None:
    """Hand the deployments to Prefect's own command. Raises RunError with its words."""
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "prefect.yaml"
        file.write_text(yaml.safe_dump(project, sort_keys=False))
        command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(file)]
        done = subprocess.run(  # noqa: S603  our own interpreter, nothing from outside
            command, cwd=folder, env=os.environ | _importing(folder), capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise RunError(f"`prefect deploy` failed: {(done.stderr or done.stdout).strip()[-1500:]}")


def _close(client: SyncPrefectClient, deployed: Any) -> None:
    """Let the server refuse parameters that the flow does not have; Prefect's command leaves that out."""
    schema = deployed.parameter_openapi_schema | {"additionalProperties": False}
    client.request(
        "PATCH", "/deployments/{id}", path_params={"id": deployed.id}, json={"parameter_openapi_schema": schema}
    )


def _importing(folder: Path) -> dict[str, str]:
    """Prefect's command imports the flows from where this command was imported from."""
    paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"PYTHONPATH": os.pathsep.join(paths)}


def _told(deployment: dict[str, Any]) -> str:
    words = f"in pool {deployment['work_pool']['name']}"
    for schedule in deployment.get("schedules", ()):
        (when,) = (
            f"every {schedule[kind]:g} s" if kind == "interval" else schedule[kind]
            for kind in KINDS
            if kind in schedule
        )
        words += f", due {when} {schedule['timezone']}" if schedule["active"] else ", not due by itself"
    return words
