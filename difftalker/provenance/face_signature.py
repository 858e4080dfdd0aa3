"""An exported face, signed: the hashes of its files, so that a changed one is noticed when the face is loaded."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from difftalker.provenance.signing_key import SigningKey, certificate_fingerprint, signature_holds
from difftalker.version import VERSION

FACE_SIGNATURE = "signature.json"


class FaceChangedWarning(UserWarning):
    """A face is not what was signed."""


def sign_face(folder: Path, face: str, key: SigningKey) -> None:
    """Write `signature.json` beside an exported face's files.

    Args:
        folder: the face, with all its files.
        face: its hash.
        key: signs it.
    """
    files = {name: _hash(folder / name) for name in _names(folder)}
    signed = {"face": face, "files": files, "version": VERSION}
    document = {
        "signed": signed,
        "certificates": key.certificates.decode("ascii"),
        "signature": base64.b64encode(key.sign(_bytes(signed))).decode("ascii"),
    }
    (folder / FACE_SIGNATURE).write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def face_changes(folder: Path, face: str) -> list[str]:
    """What is wrong with a signed face, one line each; none for a face without a signature.

    Args:
        folder: the face.
        face: its hash as it is now. Where it is the signed one, the networks' files are not read again.
    """
    path = folder / FACE_SIGNATURE
    if not path.is_file():
        return []
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        signed, chain = document["signed"], document["certificates"].encode()
        signature, files = base64.b64decode(document["signature"]), dict(signed["files"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return [f"{path}: the face's signature cannot be read; ask for the face again"]
    if not signature_holds(signature, _bytes(signed), chain):
        return [f"{path}: the face's signature does not hold; ask for the face again"]
    same = signed.get("face") == face
    present = set(_names(folder))
    lines = [f"{name} is missing" for name in sorted(set(files) - present)]
    lines += [f"{name} was added" for name in sorted(present - set(files))]
    for name in sorted(present & set(files)):
        if not (same and name.endswith(".safetensors") and not name.startswith("footage/")):
            lines += [f"{name} was changed"] if _hash(folder / name) != files[name] else []
    if not lines:
        return []
    more = f" and {len(lines) - 3} more" if len(lines) > 3 else ""
    return [f"{folder}: is not the face that was signed: {', '.join(lines[:3])}{more}; ask for the face again"]


def signing_certificate(folder: Path) -> str | None:
    """SHA-256 of the certificate that a face was signed with; None without a readable signature."""
    try:
        document = json.loads((folder / FACE_SIGNATURE).read_text(encoding="utf-8"))
        return certificate_fingerprint(document["certificates"].encode())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _names(folder: Path) -> list[str]:
    """The face's files as paths inside the folder, but for hidden ones and the signature."""
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    found = (path.as_posix() for path in paths if not any(part.startswith(".") for part in path.parts))
    return sorted(name for name in found if name != FACE_SIGNATURE)


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _bytes(signed: Mapping[str, Any]) -> bytes:
    return json.dumps(signed, sort_keys=True, separators=(",", ":")).encode()
