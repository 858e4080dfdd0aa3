"""Serve the deployments of `prefect.yaml` from this process, and watch the inbox for new footage."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path

import yaml
from prefect import serve
from prefect.client.orchestration import get_client
from prefect.client.schemas import filters
from prefect.client.schemas.objects import StateType
from prefect.deployments import run_deployment
from prefect.deployments.runner import RunnerDeployment
from prefect.logging import get_logger
from prefect.schedules import Cron
from prefect.states import Cancelled
from prefect.types.entrypoint import EntrypointType
from prefect.utilities.importtools import import_object

from difftalker.cli.add import take_in
from difftalker.dataset.inbox import Arrival, Inbox
from difftalker.project import INBOX

DEFINITIONS = Path(__file__).with_name("prefect.yaml")
FOOTAGE = "retrain/new-footage"  # the deployment that new footage starts
LOOK = 10.0  # seconds between two looks into the inbox


def serve_and_watch() -> None:
    """Run what is scheduled and asked for, each run in a process of its own, and watch the inbox, until Ctrl-C.

    Raises `UserError` if the inbox's record of announced footage is damaged.
    """
    log = get_logger("inbox")
    inbox = Inbox(INBOX, retrain_on, log.warning)
    end = threading.Event()
    watcher = threading.Thread(target=inbox.watch, args=(end, LOOK), daemon=True, name="inbox")
    watcher.start()
    log.info("watching %s", INBOX)
    served = deployments()
    try:
        serve(*served)
    finally:
        end.set()
        close_runs(f"{entry.flow_name}/{entry.name}" for entry in served)
        watcher.join(LOOK)


def close_runs(names: Iterable[str]) -> None:
    """Record that the running runs of deployments have ended: their processes end with `serve`, and cannot say it."""
    running = filters.FlowRunFilterState(type=filters.FlowRunFilterStateType(any_=[StateType.RUNNING]))
    try:
        with get_client(sync_client=True) as client:
            ids = filters.DeploymentFilterId(any_=[client.read_deployment_by_name(name).id for name in names])
            for run in client.read_flow_runs(
                deployment_filter=filters.DeploymentFilter(id=ids), flow_run_filter=filters.FlowRunFilter(state=running)
            ):
                message = "`serve` was stopped; the next run goes on where this one stopped"
                client.set_flow_run_state(run.id, Cancelled(message=message), force=True)
    except Exception as error:  # a server that is gone has nobody to tell
        get_logger("inbox").warning("runs that were stopped could not be recorded: %s", error)


def deployments() -> list[RunnerDeployment]:
    """The deployments of `prefect.yaml`, for serving: without its work pool."""
    return [
        import_object(entry["entrypoint"]).to_deployment(
            entry["name"],
            schedules=[Cron(item["cron"], timezone=item.get("timezone")) for item in entry.get("schedules", [])],
            parameters=entry.get("parameters", {}),
            description=entry["description"],
            entrypoint_type=EntrypointType.MODULE_PATH,
        )
        for entry in yaml.safe_load(DEFINITIONS.read_text(encoding="utf-8"))["deployments"]
    ]


def retrain_on(arrival: Arrival) -> None:
    """Take footage in and start `retrain` on it; the server starts the same arrival only once, however often asked."""
    folder = take_in(arrival.name)
    run = run_deployment(
        FOOTAGE, parameters={"recording": arrival.name}, timeout=0, as_subflow=False, idempotency_key=arrival.key
    )
    get_logger("inbox").info("%s: taken in; retraining in run %s", folder, getattr(run, "name", run))
