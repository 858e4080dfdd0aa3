"""Progress of a stage as a Prefect artifact, from the lines that the stage prints."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import cast
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact

_STEP = re.compile(r"^(?P<what>[\w ]+): step (?P<done>\d+)/(?P<total>\d+)(?:, (?P<rest>.*))?$")


def parse_progress(line: str) -> tuple[float, str] | None:
    """Percentage and the rest of a line such as `face: step 90/900, loss 0.05, 1.1 steps/s, 12:30 left`."""
    found = _STEP.match(line.strip())
    if found is None or not int(found["total"]):
        return None
    return 100.0 * int(found["done"]) / int(found["total"]), line.strip()


def artifact_key(*parts: str) -> str:
    """A key as Prefect allows it: lower-case letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", "-".join(parts).lower()).strip("-")


class Progress:
    """Follows the log lines of a stage; the artifact appears with the first line that tells progress."""

    def __init__(self, stage: str, log: Callable[[str], None]) -> None:
        self._key = artifact_key("progress", stage)
        self._log = log
        self._artifact: UUID | None = None

    def line(self, text: str) -> None:
        """Log a line and show what it says of the progress."""
        self._log(text)
        progress = parse_progress(text)
        if progress is None:
            return
        percent, description = progress
        if self._artifact is None:
            created = create_progress_artifact(percent, key=self._key, description=description)
            self._artifact = cast(UUID, created)  # a coroutine only in asynchronous callers
        else:
            update_progress_artifact(self._artifact, percent, description=description)
