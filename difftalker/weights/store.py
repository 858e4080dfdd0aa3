"""The cache folder of pretrained weights: what lies in it is verified whenever it is asked for.

`<cache>/<name>/<start of the hash>/<file>`, so files of the same name and other content lie side by side.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
import zlib
from pathlib import Path

import platformdirs

from difftalker.errors import UserError
from difftalker.files import replacing
from difftalker.weights.table import Weight, WeightFile, weight_named

WEIGHTS_VARIABLE = "DIFFTALKER_WEIGHTS"


class MismatchError(UserError):
    """A file is not the one of the table."""


def cache_folder(cache: Path | None = None) -> Path:
    """The folder of all weights: the one given, else that of DIFFTALKER_WEIGHTS, else the user's cache folder."""
    if cache is not None:
        return cache
    if named := os.environ.get(WEIGHTS_VARIABLE):
        return Path(named).expanduser()
    return Path(platformdirs.user_cache_dir("difftalker", appauthor=False)) / "weights"


def folder_of(weight: Weight, cache: Path | None = None) -> Path:
    """The folder of a weight's files."""
    return cache_folder(cache) / weight.name / weight.files[0].hash.split(":")[1][:12]


def path_of(weight: Weight, cache: Path | None = None) -> Path:
    """Where a weight lies: its file, or its folder if it has several."""
    folder = folder_of(weight, cache)
    return folder / weight.files[0].path if len(weight.files) == 1 else folder


def locate(name: str, pin: str | None = None, cache: Path | None = None) -> Path:
    """Find a weight, read it whole and compare it with its hash.

    Args:
        name: see `table.WEIGHTS`.
        pin: the hash of params.yaml (`weights.<name>`); None takes the published one.
        cache: folder of all weights; None is the default one.

    Returns:
        The file, or the folder where the weight consists of several files.

    Raises:
        UserError: it is not there, is cut, or is another one; the message says where to get it.
    """
    return locate_weight(weight_named(name, pin), cache)


def locate_weight(weight: Weight, cache: Path | None = None) -> Path:
    """As `locate`, for a weight at hand."""
    for file in weight.files:
        path = folder_of(weight, cache) / file.path
        try:
            check_file(file, path)
        except UserError as error:
            raise UserError(f"weights {weight.name!r}: {error}; {how_to_get(weight, file)}") from None
    return path_of(weight, cache)


def is_sound(weight: Weight, file: WeightFile, cache: Path | None = None) -> bool:
    """Whether a file of a weight is there and verified."""
    try:
        check_file(file, folder_of(weight, cache) / file.path)
    except UserError:
        return False
    return True


def import_weight(weight: Weight, source: Path, cache: Path | None = None) -> Path:
    """Copy weights fetched by hand into the cache, verified.

    Args:
        weight: which one.
        source: the file, or the zip archive that it is published in; the folder, for a weight of several files.
        cache: folder of all weights; None is the default one.

    Returns:
        What `locate` gives from now on.

    Raises:
        UserError: the source is not there, is another one, or cannot be copied. What the cache holds stays.
    """
    several = len(weight.files) > 1
    for file in weight.files:
        path = source / file.path if several else source
        if not path.is_file():
            kind = "a folder with these files inside" if several else "this file"
            names = ", ".join(each.path for each in weight.files)
            raise UserError(f"{path}: no such file; weights {weight.name!r} are {kind}: {names}")
    for file in weight.files:
        try:
            store_file(weight, file, source / file.path if several else source, cache)
        except UserError as error:
            own = "" if several else f", or set weights.{weight.name} in params.yaml to its hash if it is meant"
            raise UserError(f"{error}; give the published file{own}") from None
    return path_of(weight, cache)


def store_file(weight: Weight, file: WeightFile, source: Path, cache: Path | None = None) -> None:
    """Copy (or unpack) a file beside its place, verify the copy, and only then give it its name.

    Raises:
        MismatchError: it is not the file of the table.
        UserError: it cannot be written.
    """
    target = folder_of(weight, cache) / file.path
    try:
        with replacing(target) as partial:
            if file.member is not None and zipfile.is_zipfile(source):
                _unpack(source, file.member, partial)
            else:
                shutil.copyfile(source, partial)
            check_file(file, partial, source)
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"{target}: cannot be written ({reason}); make room, or set {WEIGHTS_VARIABLE}") from None


def how_to_get(weight: Weight, file: WeightFile) -> str:
    """What to do when a file is not there."""
    by_hand = f"run `difftalker weights import {weight.name} PATH`"
    if file.url is None:
        return f"{by_hand} with the file of this hash, or set weights.{weight.name} in params.yaml to the hash of yours"
    return f"run `difftalker weights fetch {weight.name}`, or fetch {file.url} by hand and {by_hand}"


def check_file(file: WeightFile, path: Path, source: Path | None = None) -> None:
    """Compare size and hash of `path`, which errors call by the name of `source`.

    Raises:
        MismatchError: it is not there or not the file of the table.
    """
    named = source or path
    if not path.is_file():
        raise MismatchError(f"{named} is not there")
    size = path.stat().st_size
    if file.size is not None and size != file.size:
        raise MismatchError(f"{named} has {size} bytes, not {file.size}: it is cut, or another one")
    found = _hash(path, file.hash.split(":")[0])
    if found != file.hash:
        raise MismatchError(f"{named} is {found}, not {file.hash}: it is damaged, or another one")


def _hash(path: Path, kind: str) -> str:
    digest = hashlib.new("sha1" if kind == "git" else kind)
    if kind == "git":
        digest.update(f"blob {path.stat().st_size}\0".encode())
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return f"{kind}:{digest.hexdigest()}"


def _unpack(archive: Path, member: str, target: Path) -> None:
    """Write one member of a zip archive to `target`; no name inside the archive is used as a path."""
    try:
        with zipfile.ZipFile(archive) as opened, opened.open(member) as source, target.open("wb") as out:
            shutil.copyfileobj(source, out, 1 << 20)
    except KeyError:
        raise MismatchError(f"{archive} does not hold {member}") from None
    # zipfile says NotImplementedError of an unknown compression, RuntimeError of an encrypted member
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, zlib.error) as error:
        raise MismatchError(f"{archive} is not a sound zip archive ({error})") from None
