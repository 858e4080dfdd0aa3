"""Prefect flows around the graph of `dvc.yaml`: DVC owns graph, hashes and caches, Prefect runs, schedules and logs.

Importing this package sets, before anything imports `prefect`, what the environment does not say yet: everything of
Prefect inside the project, nothing sent out, loopback only.
"""

from __future__ import annotations

import os
from pathlib import Path

_DEFAULTS = {
    "PREFECT_HOME": str(Path(".prefect").resolve()),  # in the project, git-ignored: database, results and logs
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "90",  # the first start makes the database: 16 to 18 s
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_API_HOST": "127.0.0.1",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    "DO_NOT_TRACK": "1",
    "DVC_NO_ANALYTICS": "1",
}
for _name, _value in _DEFAULTS.items():
    os.environ.setdefault(_name, _value)
