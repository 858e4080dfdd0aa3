"""The folder beside a film in which its parts wait until it is whole."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from difftalker.dub.output import refuse_existing
from difftalker.dub.segment import check_suffix
from difftalker.dub.settings import Interrupted
from difftalker.errors import UserError
from difftalker.files import replacing
from difftalker.media.tracks import check_no_pipe

_MARK = "dub.json"
_OURS = re.compile(r"\.lock|dub\.json|sound\.wav|face_track\.safetensors|(\d{6}|unfinished)\.mkv|\..+\.partial(\.\w+)?")


class PartsFolder:
    """Parts of an unfinished film: `talk.mp4` has them in `talk.mp4.parts/`, held by one process at a time.

    Args:
        output: the film.
        key: all that decides the film. Parts made with another key are not used.
        resume: go on with the parts that are there; otherwise they are removed.

    Raises:
        UserError: the folder is something else, its parts belong to another film, or another process makes it.
    """

    def __init__(self, output: Path, key: Mapping[str, Any], resume: bool) -> None:
        self.folder = _folder(output)
        text = json.dumps(dict(key), indent=1, sort_keys=True)
        mark = self.folder / _MARK
        if self.folder.exists():
            if not _is_ours(self.folder):
                raise UserError(f"{self.folder}: is in the way and was not made by this command; rename or remove it")
            _hold(self.folder, output).release()
            resume = resume and mark.is_file()  # without it, killed as it began or when its film was whole
            if resume and mark.read_text(encoding="utf-8") != text:
                raise UserError(
                    f"{self.folder}: was begun with other sound, footage, face or settings; repeat the command as it "
                    "was, or give --overwrite without --resume to start over"
                )
            if not resume:
                shutil.rmtree(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = _hold(self.folder, output)
        if not mark.exists():
            try:
                with replacing(mark) as partial:
                    partial.write_text(text, encoding="utf-8")
            except BaseException:
                self.remove()
                raise

    @property
    def sound(self) -> Path:
        return self.folder / "sound.wav"

    @property
    def face_track(self) -> Path:
        return self.folder / "face_track.safetensors"

    def segment(self, number: int) -> Path:
        """The file of a complete segment."""
        return self.folder / f"{number:06d}.mkv"

    @property
    def unfinished_segment(self) -> Path:
        """The segment that was being written when the work was stopped."""
        return self.folder / "unfinished.mkv"

    @contextmanager
    def removed_on_failure(self) -> Iterator[None]:
        """Do the work; leave nothing behind when it fails before a segment is complete, and let others go on."""
        try:
            yield
        except Interrupted:
            raise
        except BaseException:
            if not any(self.folder.glob("[0-9]*.mkv")):
                self.remove()
            raise
        finally:
            self._lock.release()

    def remove(self) -> None:
        """The film is whole."""
        (self.folder / _MARK).unlink(missing_ok=True)  # first: what is left after a kill is no film that was begun
        self._lock.release()
        shutil.rmtree(self.folder)


def check_resumable(output: Path, overwrite: bool, resume: bool) -> None:
    """Refuse a film that is there already or was begun, where it is not said what is to become of that.

    Args:
        output: the film.
        overwrite: replace either.
        resume: go on with a film that was begun.

    Raises:
        UserError: that is the case, or the name says no container, or belongs to a folder.
    """
    check_suffix(output)
    begun = (_folder(output) / _MARK).is_file()
    if begun:
        _hold(_folder(output), output).release()
    if output.is_file() and resume and not begun and not overwrite:
        raise UserError(f"{output}: is finished, there is nothing to go on with; --overwrite makes it anew")
    refuse_existing(output, overwrite or (begun and resume))  # killed after the film was whole: it is joined again
    if begun and not (resume or overwrite):
        raise UserError(f"{output}: was begun and interrupted; give --resume to go on, or --overwrite to start over")


def _folder(output: Path) -> Path:
    return output.with_name(f"{output.name}.parts")


def _is_ours(folder: Path) -> bool:
    """Whether a folder holds nothing but what is made here."""
    return folder.is_dir() and all(_OURS.fullmatch(path.name) for path in folder.iterdir())


def _hold(folder: Path, output: Path) -> FileLock:
    """Take a film's parts for this process; the system lets go of them when it ends, however it does."""
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise UserError(f"{output}: is being made by another process; wait for it or choose another name") from None
    return lock


def partial_film(output: Path) -> Path:
    """What the playable beginning of an interrupted film is called."""
    return output.with_name(f"{output.stem}.partial{output.suffix}")


def file_hash(path: Path) -> str:
    """SHA-256 of a file.

    Raises:
        UserError: there is no such file.
    """
    try:
        check_no_pipe(path)
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; check the name") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check the name") from None
