"""The environment of flows and stages: everything of Prefect inside the project, nothing sent out, loopback only."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from difftalker.compute.parallel import CORES

HOME = ".prefect"  # in the project, git-ignored: Prefect's database, results and logs

_DEFAULTS = {
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "90",  # the first start makes the database: 16 to 18 s
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_API_HOST": "127.0.0.1",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    "DO_NOT_TRACK": "1",
    "DVC_NO_ANALYTICS": "1",
}


def configure(root: str | Path = ".") -> None:
    """Set what the environment does not say yet. Must run before `prefect` is imported: importing `pipelines` does it.

    Args:
        root: the project's folder.
    """
    os.environ.setdefault("PREFECT_HOME", str(Path(root).resolve() / HOME))
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)


def stage_environment(cores: int | None = None) -> dict[str, str]:
    """The environment of a command that a flow starts: this interpreter first on PATH, output line by line.

    Args:
        cores: how many cores the command shall use; None means all.
    """
    path = os.pathsep.join(filter(None, [str(Path(sys.executable).parent), os.environ.get("PATH")]))
    limits = {CORES: str(cores), "OMP_NUM_THREADS": str(cores)} if cores else {}
    return {**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1", **limits}
