"""What a film or a face claims and whether that holds, in plain words."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import av

from difftalker.errors import UserError
from difftalker.face_folder import face_hash, read_description
from difftalker.provenance.credentials import SYNTHETIC_MEDIA, format_inside
from difftalker.provenance.face_signature import face_changes, signing_certificate
from difftalker.provenance.reading import Credentials, read_credentials
from difftalker.provenance.watermark_search import DETECTION_SCORE, watermark_score

_KINDS = {
    SYNTHETIC_MEDIA.rsplit("/", 1)[-1]: "synthetic media, made by trained software (AI)",
    "compositeWithTrainedAlgorithmicMedia": "partly synthetic media, made by trained software (AI)",
    "digitalCapture": "taken by a camera",
}


@dataclass(frozen=True)
class Verdict:
    """Lines to print, and whether there is a signature that holds and nothing was changed since."""

    lines: tuple[str, ...]
    holds: bool


def verify_film(path: Path) -> Verdict:
    """Judge a film.

    Raises:
        UserError: it is no film, or its credentials are too broken to be read.
    """
    comment = _comment(path)
    found = read_credentials(path)
    if found is None:
        holder = "has no Content Credentials" if format_inside(path) else "is of a container that holds no credentials"
        lines = [f"{path}: {holder}; whether it was changed cannot be told"]
        lines += [f"metadata:  {comment} (anybody can write this)"] if comment else []
        return Verdict((*lines, _mark(path)), False)
    seen = [_mark(path)] if found.problems or not found.film else []
    return Verdict((f"{path}:", *_claims(found), *_trust(found), *seen), not found.problems)


def verify_face(folder: Path) -> Verdict:
    """Judge an exported face.

    Raises:
        UserError: the folder is no face.
    """
    description, face = read_description(folder), face_hash(folder)
    lines = [f"{folder}:", f"face:      {description.name}, sha256 {face}"]
    key = signing_certificate(folder)
    changes = face_changes(folder, face)
    if key is None and not changes:
        return Verdict((*lines, "signature: none; whether the face was changed cannot be told"), False)
    if key is not None:
        lines.append(f"signed by: the certificate with sha256 {key}")
    lines += [f"signature: {change}" for change in changes] or ["signature: holds; no file was changed since"]
    return Verdict(tuple(lines), not changes)


def _claims(found: Credentials) -> list[str]:
    lines = [f"is:        {_KINDS.get(found.kind, found.kind) or 'not said'}", f"made with: {found.software}"]
    film = found.film
    if isinstance(film.get("face"), Mapping):
        lines.append(f"face:      {film['face'].get('title')}, sha256 {film['face'].get('sha256')}")
    for key, name in (("video", "pictures:  "), ("speech", "speech:    ")):
        if isinstance(film.get(key), Mapping):
            lines.append(f"{name}{film[key].get('title')}, sha256 {film[key].get('sha256')}")
    if film:
        consents = [f"on record, statement sha256 {digest}" for digest in film.get("consent", ())]
        lines += [f"consent:   {text}" for text in consents or ["none is on record"]]
    else:
        lines += [f"made of:   {source.title}" for source in found.sources]
    return lines


def _trust(found: Credentials) -> list[str]:
    whose = "your own key" if found.own else "no list confirms who it is"
    lines = [f"signed by: {found.signer} ({whose})"]
    if found.problems:
        return [*lines, *(f"signature: DOES NOT HOLD: {problem}" for problem in found.problems)]
    return [*lines, "signature: holds; pictures, sound and claims were not changed since"]


def _mark(path: Path) -> str:
    """Whether the watermark is in the pictures: looked for where no signature tells what they are."""
    print("Looking for the watermark ...", file=sys.stderr, flush=True)
    try:
        found = watermark_score(path)
    except UserError as error:
        return f"watermark: cannot be looked for: {error}"
    if found is None:
        return "watermark: cannot be looked for: the film shows a face for less than 2 s"
    if found < DETECTION_SCORE:
        return f"watermark: none is found (score {found:.1f}, {DETECTION_SCORE:g} is needed); that proves nothing"
    return f"watermark: FOUND (score {found:.1f}): the face was painted by DiffTalker"


def _comment(path: Path) -> str:
    """The plain metadata's comment.

    Raises:
        UserError: the file is no film.
    """
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            if not container.streams.video:
                raise UserError(f"{path}: has no pictures; name a film")
            return str(container.metadata.get("comment") or container.metadata.get("COMMENT") or "")
    except (av.FFmpegError, OSError):
        raise UserError(f"{path}: is no film that can be read; name a video file or an exported face") from None
