"""Serve the deployments of `prefect.yaml` from this process, and watch the inbox for new footage."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from prefect import serve as serve_deployments
from prefect.deployments import run_deployment
from prefect.deployments.runner import RunnerDeployment
from prefect.logging import get_logger
from prefect.schedules import Cron
from prefect.utilities.importtools import import_object

from pipelines.inbox import INBOX, Arrival, Inbox, take_in

DEFINITIONS = Path(__file__).with_name("prefect.yaml")
FOOTAGE = "retrain/new-footage"  # the deployment that new footage starts
LOOK = 10.0  # seconds between two looks into the inbox


def serve(inbox: Path = INBOX) -> None:
    """Run the deployments' scheduled and requested runs in processes of their own, and the inbox's, until Ctrl-C."""
    end = threading.Event()
    watcher = threading.Thread(target=watch, args=(inbox, retrain_on, end), daemon=True, name="inbox")
    watcher.start()
    try:
        serve_deployments(*deployments())
    finally:
        end.set()
        watcher.join(LOOK)


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
                concurrency_limit=entry.get("concurrency_limit"),
            )
        )
    return found


def watch(folder: Path, announce: Callable[[Arrival], Any], end: threading.Event, interval: float = LOOK) -> None:
    """Look into the inbox again and again until `end` is set."""
    log = get_logger("inbox")
    inbox = Inbox(folder, announce, log.warning)
    log.info("watching %s", folder)
    while not end.is_set():
        inbox.look()
        end.wait(interval)


def retrain_on(arrival: Arrival) -> None:
    """Take footage in and start `retrain` on it; the server starts the same arrival only once, however often asked."""
    log = get_logger("inbox")
    folder = take_in(arrival.name)
    run = run_deployment(
        FOOTAGE, parameters={"recording": arrival.name}, timeout=0, as_subflow=False, idempotency_key=arrival.key
    )
    log.info("%s: taken in; retraining in run %s", folder, getattr(run, "name", run))
