"""A recording is a folder of video files of one speaker. Files are checked and copied in, all of them or none."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from difftalker.errors import UserError
from difftalker.media.probe import VIDEO_SUFFIXES, VideoInfo, list_videos, validate_video

_CHUNK = 1 << 22  # bytes read at a time
BytesCopied = Callable[[int], None]


def find_videos(sources: Sequence[Path]) -> list[Path]:
    """The video files that a user named: files as they are, folders replaced by the videos in them.

    Raises:
        UserError: something is missing or no video by its suffix, a folder holds no video, or two files would be the
            same clip.
    """
    files: list[Path] = []
    for source in sources:
        if not source.exists():
            raise UserError(f"{source}: no such file or folder; check the name")
        if source.is_file() and (source.suffix.lower() not in VIDEO_SUFFIXES or source.name.startswith(".")):
            raise UserError(f"{source}: no video by its name; known suffixes: {', '.join(sorted(VIDEO_SUFFIXES))}")
        files += list_videos(source) if source.is_dir() else [source]
    _distinct(files)
    return files


@contextmanager
def add_videos(
    files: Sequence[Path], folder: Path, progress: BytesCopied = lambda done: None
) -> Iterator[list[VideoInfo]]:
    """Copy checked videos into a recording's folder for as long as the body succeeds.

    The copies take their names only when all are complete. If the body fails, they are removed again, and the folder
    too if it is new.

    Args:
        files: videos, with different clip names (see `find_videos`).
        folder: the recording; may exist and hold other clips.
        progress: called with the number of bytes just copied.

    Yields:
        What is in each file.

    Raises:
        UserError: a file is no usable footage, is there already, or cannot be copied.
    """
    infos = [validate_video(path) for path in files]
    present = list_videos(folder) if folder.is_dir() else []
    _distinct([*present, *files])
    _new_content(files, present)
    partial = folder.with_name(f".{folder.name}.partial")
    is_new = not folder.exists()
    moved: list[Path] = []
    try:
        _copy(files, partial, progress)
        folder.mkdir(parents=True, exist_ok=True)
        for path in files:
            (partial / path.name).rename(folder / path.name)
            moved.append(folder / path.name)
        yield infos
    except BaseException:
        for path in moved:
            path.unlink(missing_ok=True)
        if is_new:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _copy(files: Sequence[Path], folder: Path, progress: BytesCopied) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path in files:
        try:
            with path.open("rb") as source, (folder / path.name).open("wb") as copy:
                while piece := source.read(_CHUNK):
                    copy.write(piece)
                    progress(len(piece))
        except OSError as error:
            raise UserError(
                f"{path}: cannot be copied to {folder.parent} ({error.strerror}); nothing was added"
            ) from None


def _distinct(files: Sequence[Path]) -> None:
    seen: dict[str, Path] = {}
    for path in files:
        other = seen.setdefault(path.stem, path)
        if other is not path:
            what = "is named twice" if other == path else f"and {other} would both be clip {path.stem!r}; rename one"
            raise UserError(f"{path}: {what}")


def _new_content(files: Sequence[Path], present: Sequence[Path]) -> None:
    """Refuse a file whose content is another's: the same frames would be in training and test. Equal sizes only."""
    sizes: dict[int, list[Path]] = {}
    for path in [*present, *files]:
        sizes.setdefault(path.stat().st_size, []).append(path)
    for same in sizes.values():
        seen: dict[bytes, Path] = {}
        for path in same if len(same) > 1 else []:
            with path.open("rb") as file:
                other = seen.setdefault(hashlib.file_digest(file, "sha256").digest(), path)
            if other is not path:
                raise UserError(f"{path}: has the same content as {other}; leave one of them out")
