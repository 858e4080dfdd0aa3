"""What Content Credentials in a file say, and whether they hold."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import c2pa

from difftalker.errors import UserError
from difftalker.provenance.credentials import (
    FILM_ASSERTION,
    SourceFile,
    error_reason,
    format_inside,
    offline_context,
)
from difftalker.provenance.signing_key import own_issuer

_PROBLEMS = {  # codes of C2PA's validation -> in plain words
    "assertion.bmffHash.mismatch": "pictures, sound or metadata were changed after the film was signed",
    "assertion.bmffHash.malformed": "the hash of pictures and sound cannot be read",
    "assertion.hashedURI.mismatch": "what the credentials say was changed after they were signed",
    "assertion.missing": "a part of the credentials is missing",
    "claimSignature.mismatch": "the claims were changed after they were signed, or another key signed them",
    "claimSignature.missing": "the signature is missing",
    "claimSignature.outsideValidity": "the certificate has ended, or had not begun",
    "signingCredential.expired": "the certificate has ended, or had not begun",
    "signingCredential.invalid": "the certificate is not fit for Content Credentials",
}
_UNCONFIRMED = "signingCredential.untrusted"  # no list of authorities is at hand
_TRUSTED = "signingCredential.trusted"  # by the one certificate that is: the user's own


@dataclass(frozen=True)
class Credentials:
    """What a file's credentials say.

    Attributes:
        problems: why they do not hold, in plain words; empty where they do.
        software: what made the file.
        kind: the last word of the digital source type, as `trainedAlgorithmicMedia`; empty where none is named.
        sources: names, and hashes where they are told, of what it was made of.
        signer: whom the certificate names.
        own: whether it is the certificate of the user's own key.
        film: our own statement: face, video, speech, consent, watermark; empty in the files of others.
    """

    problems: tuple[str, ...]
    software: str
    kind: str
    sources: tuple[SourceFile, ...]
    signer: str
    own: bool
    film: Mapping[str, Any]


def read_credentials(path: Path) -> Credentials | None:
    """Read and check the credentials of a file, without any network.

    Args:
        path: a film, whatever its name.

    Returns:
        None where it has none, or its container cannot hold any.

    Raises:
        UserError: there are credentials, so broken that they cannot be read; or the file is no such container.
    """
    kind = format_inside(path)
    if kind is None:
        return None
    try:
        with path.open("rb") as stream:
            reader = c2pa.Reader(kind, stream, context=offline_context(own_issuer()))
            store = json.loads(reader.json())
    except c2pa.C2paError.ManifestNotFound:
        return None
    except c2pa.C2paError as error:
        reason = error_reason(error)
        raise UserError(
            f"{path}: its Content Credentials cannot be read ({reason}); it was changed or cut, ask for it again"
        ) from None
    manifest = store["manifests"][store["active_manifest"]]
    statements = {entry["label"]: entry["data"] for entry in manifest.get("assertions", [])}
    signature = manifest.get("signature_info") or {}
    return Credentials(
        _problems(store),
        _software(manifest),
        _kind(statements),
        tuple(_source(entry) for entry in manifest.get("ingredients", [])),
        str(signature.get("common_name") or signature.get("issuer") or "nobody"),
        _TRUSTED in {entry["code"] for entry in _results(store).get("success", [])},
        statements.get(FILM_ASSERTION, {}),
    )


def _problems(store: Mapping[str, Any]) -> tuple[str, ...]:
    failures = _results(store).get("failure", [])
    codes = dict.fromkeys(entry["code"] for entry in failures if entry["code"] != _UNCONFIRMED)
    return tuple(dict.fromkeys(_PROBLEMS.get(code, code) for code in codes))


def _results(store: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = store.get("validation_results", {}).get("activeManifest", {})
    return found


def _software(manifest: Mapping[str, Any]) -> str:
    made = (manifest.get("claim_generator_info") or [{}])[0]
    return f"{made.get('name', 'unknown software')} {made.get('version', '')}".rstrip()


def _kind(statements: Mapping[str, Any]) -> str:
    for label, data in statements.items():
        if label.startswith("c2pa.actions"):
            for action in data.get("actions", []):
                if kind := action.get("digitalSourceType"):
                    return str(kind).rsplit("/", 1)[-1]
    return ""


def _source(ingredient: Mapping[str, Any]) -> SourceFile:
    described = str(ingredient.get("description", ""))
    return SourceFile(str(ingredient.get("title", "without a name")), described.removeprefix("sha256:"))
