"""Content Credentials (C2PA): what a film says of itself, signed, inside its file. Nothing is fetched or sent."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import c2pa
import cv2
import numpy as np

from difftalker.errors import UserError
from difftalker.files import replacing
from difftalker.provenance.signing_key import SigningKey
from difftalker.version import VERSION

SYNTHETIC_MEDIA = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
FILM_ASSERTION = "org.difftalker.film"  # label of our own assertion

_FORMATS = {".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/quicktime", ".m4a": "audio/mp4"}
_FIRST_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")  # of MP4 and QuickTime files
_SOFTWARE = {"name": "DiffTalker", "version": VERSION}
_OFFLINE = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_after_sign": False},
    "builder": {"thumbnail": {"enabled": False}},
}


@dataclass(frozen=True)
class SourceFile:
    """A file that a film is made of: its name without folders, and its SHA-256."""

    title: str
    sha256: str


@dataclass(frozen=True)
class FilmClaims:
    """What a film says of itself.

    Attributes:
        face: name and hash of the face.
        video, speech: what it was made of.
        consent: SHA-256 of the statements of consent on record.
        watermark: name of the watermark in its pictures, or None.
    """

    face: SourceFile
    video: SourceFile
    speech: SourceFile
    consent: Sequence[str] = ()
    watermark: str | None = None


def credentials_format(path: Path) -> str | None:
    """MIME type of a file that can hold credentials, by its name; None where its container cannot."""
    return _FORMATS.get(path.suffix.lower())


def format_inside(path: Path) -> str | None:
    """MIME type of a file that may hold credentials, by its first bytes: names are changed. None for another kind."""
    with path.open("rb") as file:
        head = file.read(12)
    if head[4:8] not in _FIRST_BOXES:
        return None
    return "video/mp4" if head[4:8] == b"ftyp" and head[8:12] != b"qt  " else "video/quicktime"


def offline_context(trusted: bytes | None = None) -> c2pa.Context:
    """How the library is used: it neither fetches nor sends anything, and trusts at most one certificate (PEM)."""
    trust = {} if trusted is None else {"trust": {"user_anchors": trusted.decode("ascii")}}
    return c2pa.Context(c2pa.Settings.from_dict(_OFFLINE | trust))


def sign_film(path: Path, claims: FilmClaims, key: SigningKey, video: Path, warn: Callable[[str], None]) -> None:
    """Put signed credentials into a film, in place. Its pictures and sound stay the same bytes.

    Args:
        path: an MP4 or QuickTime file.
        claims: what it says.
        key: signs it.
        video: the base video; credentials of its own are kept inside the film's.
        warn: told of what the user should know of the base video's credentials.

    Raises:
        UserError: the certificate is not fit for Content Credentials, or the container holds none.
    """
    kind = credentials_format(path)
    if kind is None:
        raise UserError(f"{path}: this container holds no Content Credentials; name the film .mp4 or .mov")
    is_signed = _is_signed(video, warn)
    plain = [_ingredient(claims.speech), *([] if is_signed else [_ingredient(claims.video)])]
    builder = c2pa.Builder(_manifest(claims, plain, kind), context=offline_context())
    if is_signed:
        with video.open("rb") as stream:
            builder.add_ingredient(_ingredient(claims.video), format_inside(video), stream)
    with replacing(path) as signed, path.open("rb") as source, signed.open("w+b") as file:
        target = _Target(file)
        try:
            _sign(builder, kind, source, target, key)
        except c2pa.C2paError as error:
            raise (target.error or UserError(f"{path}: cannot be signed ({error_reason(error)})")) from None


class _Target:
    """A file to write to that keeps the system's error, of which the library tells no more than that there was one."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.error: OSError | None = None
        self.read, self.seek, self.tell, self.flush = file.read, file.seek, file.tell, file.flush

    def write(self, data: bytes) -> int:
        try:
            return self._file.write(data)
        except OSError as error:
            self.error = error
            raise


def check_key(key: SigningKey) -> None:
    """Sign one pixel, so that an unfit certificate shows before a film is made.

    Raises:
        UserError: the certificate is not fit for Content Credentials.
    """
    pixel = BytesIO(cv2.imencode(".png", np.zeros((1, 1, 3), np.uint8))[1].tobytes())
    builder = c2pa.Builder({"claim_generator_info": [_SOFTWARE]}, context=offline_context())
    _sign(builder, "image/png", pixel, BytesIO(), key)


def error_reason(error: c2pa.C2paError) -> str:
    """What the library says of a failure, in one line."""
    return str(error).split(": ", 1)[-1].splitlines()[0].lower()


def _sign(builder: c2pa.Builder, kind: str, source: IO[bytes], target: IO[bytes] | _Target, key: SigningKey) -> None:
    try:
        info = c2pa.C2paSignerInfo(key.algorithm, key.certificates, key.private, None)
        builder.sign(c2pa.Signer.from_info(info), kind, source, target)
    except c2pa.C2paError.Signature as error:
        raise UserError(
            f"the certificate {key.name} is not fit for Content Credentials ({error_reason(error)}); it needs the "
            "usage digitalSignature, the purpose emailProtection and an issuer other than itself"
        ) from None


def _manifest(claims: FilmClaims, ingredients: list[dict[str, str]], kind: str) -> dict[str, Any]:
    created = {"action": "c2pa.created", "digitalSourceType": SYNTHETIC_MEDIA, "softwareAgent": _SOFTWARE}
    return {
        "title": "Synthetic talking face",
        "format": kind,
        "claim_generator_info": [_SOFTWARE],
        "ingredients": ingredients,
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": [created]}},
            {"label": FILM_ASSERTION, "data": asdict(claims)},
        ],
    }


def _ingredient(source: SourceFile) -> dict[str, str]:
    kind = mimetypes.guess_type(source.title)[0] or "application/octet-stream"
    described = f"sha256:{source.sha256}"
    return {"title": source.title, "format": kind, "relationship": "inputTo", "description": described}


def _is_signed(video: Path, warn: Callable[[str], None]) -> bool:
    """Whether a base video has credentials that can be kept."""
    kind = format_inside(video)
    if kind is None:
        return False
    try:
        with video.open("rb") as stream:
            state = c2pa.Reader(kind, stream, context=offline_context()).get_validation_state()
    except c2pa.C2paError.ManifestNotFound:
        return False
    except c2pa.C2paError as error:
        warn(f"{video}: its Content Credentials are broken ({error_reason(error)}); the film does not keep them")
        return False
    if state == "Invalid":
        warn(f"{video}: was changed after it was signed, or its signature does not hold; the film keeps that on record")
    return True
