"""Fetching weights: resumed where a connection broke, verified before they land."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from pathlib import Path

import requests

from difftalker.errors import UserError
from difftalker.weights.store import MismatchError, check_file, folder_of, is_sound, path_of, store_file
from difftalker.weights.table import Weight, WeightFile

DownloadProgress = Callable[[str, int, int | None], None]
"""Called with a file's path in its weight, the bytes that are here and the bytes in all (None: unknown)."""

_TIMEOUT = (15.0, 60.0)  # seconds to connect, and between two pieces
_ATTEMPTS = 5  # connections in a row that bring nothing
_PIECE = 1 << 16  # bytes


def fetch(weight: Weight, cache: Path | None = None, report: DownloadProgress = lambda *_: None) -> Path:
    """Bring a weight into the cache; what is there and sound is not fetched again.

    Args:
        weight: which one.
        cache: folder of all weights; None is the default one.
        report: is told the progress.

    Returns:
        What `store.locate` gives from now on.

    Raises:
        UserError: a file cannot be fetched or is not the published one; the message says what to fetch by hand. What
            came of it stays for the next run to go on from.
    """
    for file in weight.files:
        if not is_sound(weight, file, cache):
            _bring(weight, file, cache, report)
    return path_of(weight, cache)


def _bring(weight: Weight, file: WeightFile, cache: Path | None, report: DownloadProgress) -> None:
    by_hand = f"fetch it by hand and run `difftalker weights import {weight.name} PATH`"
    if file.url is None:
        raise UserError(f"weights {weight.name!r}: {file.hash} is a file of your own, published nowhere; {by_hand}")
    address = f"{zlib.crc32(file.url.encode()):08x}"  # what came from another address is not gone on with
    target = folder_of(weight, cache) / file.path
    part = target.with_name(f"{target.name}.{address}.part")
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        resumed = part.exists()
        _download(file.url, part, lambda done, total: report(file.path, done, total))
        try:
            _land(weight, file, part, cache)
        except MismatchError:
            if not resumed:
                raise
            _download(file.url, part, lambda done, total: report(file.path, done, total))  # its halves did not fit
            _land(weight, file, part, cache)
    except (requests.RequestException, OSError, UserError) as error:
        raise UserError(f"weights {weight.name!r}: {file.url} failed ({_reason(error)}); {by_hand}") from None


def _land(weight: Weight, file: WeightFile, part: Path, cache: Path | None) -> None:
    """Put what was fetched in its place; throw it away if it is not what it should be."""
    try:
        if file.member is None:
            check_file(file, part)
            part.replace(folder_of(weight, cache) / file.path)
        else:
            store_file(weight, file, part, cache)
            part.unlink()
    except MismatchError:
        part.unlink()
        raise


def _download(url: str, part: Path, report: Callable[[int, int | None], None]) -> None:
    """Fetch to `part`, going on from its end, until it is whole or nothing comes any more."""
    idle = 0
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            return _continue(url, part, before, report)
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
            after = part.stat().st_size if part.exists() else 0
            idle = 0 if after > before else idle + 1
            answered = after or isinstance(error, requests.exceptions.ChunkedEncodingError)
            if idle == _ATTEMPTS or not answered:
                raise


def _continue(url: str, part: Path, start: int, report: Callable[[int, int | None], None]) -> None:
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as response:
        if start and response.status_code == requests.codes.requested_range_not_satisfiable:
            return  # nothing beyond what is here: the hash will tell
        response.raise_for_status()
        given = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
        if response.status_code != requests.codes.partial_content or not given or int(given[1]) != start:
            start = 0  # the server sends the whole
        length = response.headers.get("Content-Length")
        total = start + int(length) if length else None
        done = start
        with part.open("ab" if start else "wb") as out:
            report(done, total)
            for piece in response.iter_content(_PIECE):
                out.write(piece)
                done += len(piece)
                report(done, total)


def _reason(error: Exception) -> str:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answers {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout):
        return "the server does not answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection keeps breaking; run it again to go on"
    if isinstance(error, requests.ConnectionError):
        return "the host cannot be reached"
    return str(error).splitlines()[0]
