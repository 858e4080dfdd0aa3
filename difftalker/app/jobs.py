"""What happens behind the page: one face in memory, one job at a time, each of which its visitor can stop."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from difftalker.app.limits import Limits, sound_seconds
from difftalker.dub.settings import DubReport, DubSettings
from difftalker.errors import UserError
from difftalker.intervals import seconds_in_words
from difftalker.talking_face import TalkingFace

FaceLoaders = Mapping[str, Callable[[], TalkingFace]]
ProgressText = Callable[[float, str], None]  # done part in [0, 1], and what is being done

_STAGES = {"detect": "Finding the face", "draw": "Drawing", "paint": "Painting"}
_STEADY = 3.0  # seconds after which the time left is worth telling
_PREFIX = "job-"

KEPT_SECONDS = 3600  # seconds that a visitor's files stay


@dataclass(frozen=True)
class JobRequest:
    """What a visitor has chosen; files by their paths, as the page gives them.

    Attributes:
        face: name of a face.
        audio: the sound.
        video: base video; the face's own footage where absent.
        gain: factor of the mouth's opening.
        smoothing: seconds over which the mouth's motion is smoothed.
        points: an edited landmark file.
        label: whether to burn in a visible note.
    """

    face: str | None = None
    audio: str | None = None
    video: str | None = None
    gain: float = 1.0
    smoothing: float = 0.0
    points: str | None = None
    label: bool = False


@dataclass(frozen=True)
class JobResult:
    """A finished job: its files, the film first, and what the visitor should know."""

    files: tuple[Path, ...]
    warnings: tuple[str, ...]


class JobRunner:
    """The work of the app.

    Args:
        faces: name to loader.
        limits: of what is given.
        folder: for results.
    """

    def __init__(self, faces: FaceLoaders, limits: Limits, folder: Path) -> None:
        self.faces, self.limits, self.folder = dict(faces), limits, folder
        self._loaded: tuple[str, TalkingFace] | None = None
        self._stops: dict[str, threading.Event] = {}
        self._lock = threading.Lock()

    def announce(self, visitor: str) -> None:
        """Announce a visitor's job, which may have to wait for another one: from now on it can be stopped."""
        self._stops[visitor] = threading.Event()

    def stop(self, visitor: str) -> None:
        """Stop a visitor's job, if there is one or one is expected."""
        event = self._stops.get(visitor)
        if event is not None:
            event.set()

    def stop_all(self) -> None:
        """Stop every job and wait until none is at work."""
        for event in list(self._stops.values()):
            event.set()
        with self._lock:
            pass

    def preview(self, job: JobRequest, visitor: str, tell: ProgressText) -> JobResult:
        """Complete the landmarks: a film of them, and the landmark file.

        Args:
            job: what is wanted.
            visitor: whose job it is.
            tell: told how far it is.

        Raises:
            UserError: something that was given cannot be used.
            Interrupted: see `stop`.
        """
        with self._job(job, visitor, tell) as (face, folder, choices):
            film, points = (folder / f"{_stem(job)}-landmarks{suffix}" for suffix in (".mp4", ".parquet"))
            return _job_result((film, points), face.preview(output=film, parquet=points, **choices))

    def dub(self, job: JobRequest, visitor: str, tell: ProgressText) -> JobResult:
        """Make the film; arguments and errors as `preview`."""
        with self._job(job, visitor, tell) as (face, folder, choices):
            film = folder / f"{_stem(job)}-dubbed.mp4"
            return _job_result((film,), face.dub(output=film, **choices))

    @contextmanager
    def _job(
        self, job: JobRequest, visitor: str, tell: ProgressText
    ) -> Iterator[tuple[TalkingFace, Path, dict[str, Any]]]:
        stop = self._stops.setdefault(visitor, threading.Event())
        try:
            if job.audio is None:
                raise UserError("No sound yet: upload a file or record one")
            sound_seconds(Path(job.audio), self.limits)
            self._remove_old_results()
            choices = {
                "audio": job.audio,
                "video": job.video,
                "landmarks": job.points,
                "settings": DubSettings(label=job.label, mouth_gain=job.gain, smoothing=job.smoothing),
                "progress": _progress(tell),
                "cancel": stop.is_set,
            }
            with self._lock, self._result_folder() as folder:
                yield self._face(job.face), folder, choices
        finally:
            self._stops.pop(visitor, None)

    @contextmanager
    def _result_folder(self) -> Iterator[Path]:
        """A folder for results, which goes again if there are none."""
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=self.folder))
        try:
            yield folder
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def _remove_old_results(self) -> None:
        for folder in self.folder.glob(f"{_PREFIX}*"):
            if time.time() - folder.stat().st_mtime > KEPT_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)

    def _face(self, name: str | None) -> TalkingFace:
        if name not in self.faces:
            raise UserError("No face is chosen: choose one in the list")
        if self._loaded is None or self._loaded[0] != name:
            self._loaded = None  # two do not stay in memory
            self._loaded = name, self.faces[name]()
        return self._loaded[1]


def _stem(job: JobRequest) -> str:
    return Path(job.audio or "").stem


def _job_result(files: tuple[Path, ...], report: DubReport) -> JobResult:
    warnings = list(report.warnings)
    if report.unpainted:
        times = seconds_in_words(report.unpainted)
        warnings.append(f"no usable face, the source is shown unchanged: {times}")
    return JobResult(files, tuple(warnings))


def _progress(tell: ProgressText) -> Callable[[str, int, int], None]:
    stage, began = "", 0.0

    def progress(name: str, done: int, total: int) -> None:
        nonlocal stage, began
        if name != stage:
            stage, began = name, time.monotonic()
        text = _STAGES[name]
        spent = time.monotonic() - began
        if spent > _STEADY and done:
            text += f", {_duration(spent / done * (total - done))} left"
        tell(done / max(total, 1), text)

    return progress


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
