"""Footage that arrives in folders of an inbox: announced once it is at rest, and only once, also after a restart."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from difftalker.errors import UserError
from difftalker.files import replacing

STATE = ".announced.json"
UNCHANGED_SECONDS = 20.0  # seconds without a change after which nobody is copying any more


@dataclass(frozen=True)
class Arrival:
    """A folder of the inbox in a state that was not announced yet.

    Attributes:
        name: the folder's and the recording's name.
        fingerprint: hash of the names, sizes and times of its files.
    """

    name: str
    fingerprint: str

    @property
    def key(self) -> str:
        """The same for the same footage, whoever announces it."""
        return f"inbox-{self.name}-{self.fingerprint}"


class Inbox:
    """Looks at the folders of the inbox and remembers, in a file among them, which it has announced.

    Args:
        folder: the inbox; made if missing.
        announce: called with each new arrival. A `UserError` of it refuses the footage until it changes; any other
            exception leaves the arrival for the next look.
        say: called with one line for whatever happens.
        unchanged_seconds: seconds for which nothing in a folder may have changed.
        clock: seconds since some moment.

    Raises:
        UserError: the file is damaged.
    """

    def __init__(
        self,
        folder: Path,
        announce: Callable[[Arrival], None],
        say: Callable[[str], None],
        unchanged_seconds: float = UNCHANGED_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder, self._announce, self._say = folder, announce, say
        self._unchanged_seconds, self._clock = unchanged_seconds, clock
        self._seen: dict[str, tuple[str, float]] = {}
        folder.mkdir(parents=True, exist_ok=True)
        self._announced()

    def look(self) -> None:
        """Announce every folder that holds files, is at rest, and was not announced as it is now."""
        announced = self._announced()
        for arrival in self._arrivals():
            since = self._at_rest_since(arrival)
            if announced.get(arrival.name) == arrival.fingerprint or self._clock() - since < self._unchanged_seconds:
                continue
            try:
                self._announce(arrival)
            except UserError as error:
                self._say(f"{self._folder / arrival.name}: refused: {error}")
            except Exception as error:
                self._say(f"{self._folder / arrival.name}: {type(error).__name__}: {error}; tried again soon")
                continue
            announced[arrival.name] = arrival.fingerprint
            with replacing(self._folder / STATE) as partial:
                partial.write_text(json.dumps(announced, indent=1) + "\n", encoding="utf-8")

    def watch(self, end: threading.Event, interval: float) -> None:
        """Look again every `interval` seconds until `end` is set; a look that fails does not end it."""
        while not end.is_set():
            try:
                self.look()
            except Exception as error:
                self._say(f"{type(error).__name__}: {error}")
            end.wait(interval)

    def _arrivals(self) -> Iterator[Arrival]:
        for folder in sorted(self._folder.iterdir()):
            if folder.is_dir() and not folder.name.startswith("."):
                entries = []
                for path in sorted(folder.rglob("*")):
                    try:
                        status = path.stat()
                    except FileNotFoundError:  # moved away meanwhile
                        continue
                    if path.is_file():
                        entries.append([path.relative_to(folder).as_posix(), status.st_size, status.st_mtime_ns])
                if entries:
                    yield Arrival(folder.name, hashlib.sha256(json.dumps(entries).encode()).hexdigest()[:16])

    def _at_rest_since(self, arrival: Arrival) -> float:
        """When this process first saw the folder as it is now."""
        before = self._seen.get(arrival.name)
        if before is None or before[0] != arrival.fingerprint:
            before = self._seen[arrival.name] = (arrival.fingerprint, self._clock())
        return before[1]

    def _announced(self) -> dict[str, str]:
        try:
            return dict(json.loads((self._folder / STATE).read_text(encoding="utf-8")))
        except FileNotFoundError:
            return {}
        except ValueError:
            raise UserError(
                f"{self._folder / STATE}: is no JSON; delete it, and all footage in the inbox counts as new"
            ) from None
