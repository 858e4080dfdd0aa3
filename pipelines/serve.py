"""Serve the deployments of `prefect.yaml` from this process, and watch the inbox for new footage."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path

import yaml
from prefect import serve as serve_deployments
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.deployments import run_deployment
from prefect.deployments.runner import RunnerDeployment
from prefect.logging import get_logger
from prefect.schedules import Cron
from prefect.states import Cancelled
from prefect.types.entrypoint import EntrypointType
from prefect.utilities.importtools import import_object

from pipelines.inbox import INBOX, Arrival, Inbox, take_in

DEFINITIONS = Path(__file__).with_name("prefect.yaml")
FOOTAGE = "retrain/new-footage"  # the deployment that new footage starts
LOOK = 10.0  # seconds between two looks into the inbox


def serve(folder: Path = INBOX) -> None:
    """Run what is scheduled and asked for, each run in a process of its own, and watch the inbox, until Ctrl-C.

    Raises:
        UserError: the inbox's record of announced footage is damaged.
    """
    log = get_logger("inbox")
    inbox = Inbox(folder, retrain_on, log.warning)
    end = threading.Event()
    watcher = threading.Thread(target=watch, args=(inbox, end), daemon=True, name="inbox")
    watcher.start()
    log.info("watching %s", folder)
    served = deployments()
    try:
        serve_deployments(*served)
    finally:
        end.set()
        close_runs(f"{entry.flow_name}/{entry.name}" for entry in served)
        watcher.join(LOOK)


def close_runs(names: Iterable[str]) -> None:
    """Record that the running runs of deployments have ended: their processes end with `serve`, and cannot say it."""
    try:
        with get_client(sync_client=True) as client:
            found = [client.read_deployment_by_name(name).id for name in names]
            running = client.read_flow_runs(
                deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=found)),
                flow_run_filter=FlowRunFilter(
                    state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.RUNNING]))
                ),
            )
            for run in running:
                message = "`serve` was stopped; the next run goes on where this one stopped"
                client.set_flow_run_state(run.id, Cancelled(message=message), force=True)
    except Exception as error:  # a server that is gone has nobody to tell
        get_logger("inbox").warning("runs that were stopped could not be recorded: %s", error)


def deployments(definitions: Path = DEFINITIONS) -> list[RunnerDeployment]:
    """The deployments of a `prefect.yaml`, for serving: without its work pool."""
    found = []
    for entry in yaml.safe_load(definitions.read_text(encoding="utf-8"))["deployments"]:
        flow = import_object(entry["entrypoint"])
        schedules = [Cron(item["cron"], timezone=item.get("timezone")) for item in entry.get("schedules", [])]
        found.append(
            flow.to_deployment(
                entry["name"],
                schedules=schedules,
                parameters=entry.get("parameters", {}),
                description=entry["description"],
                entrypoint_type=EntrypointType.MODULE_PATH,
            )
        )
    return found


def watch(inbox: Inbox, end: threading.Event, interval: float = LOOK) -> None:
    """Look into the inbox again and again until `end` is set; a look that fails does not end it."""
    while not end.is_set():
        try:
            inbox.look()
        except Exception as error:
            get_logger("inbox").error("%s: %s", type(error).__name__, error)
        end.wait(interval)


def retrain_on(arrival: Arrival) -> None:
    """Take footage in and start `retrain` on it; the server starts the same arrival only once, however often asked."""
    log = get_logger("inbox")
    folder = take_in(arrival.name)
    run = run_deployment(
        FOOTAGE, parameters={"recording": arrival.name}, timeout=0, as_subflow=False, idempotency_key=arrival.key
    )
    log.info("%s: taken in; retraining in run %s", folder, getattr(run, "name", run))
