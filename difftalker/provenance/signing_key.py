"""The key that films and faces are signed with: one's own, made at first use, or an organisation's."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeAlias

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from difftalker.errors import UserError
from difftalker.provenance.configuration import configuration_folder
from difftalker.provenance.self_signed import make_key_pair

KEY_VARIABLE, CERTIFICATE_VARIABLE = "DIFFTALKER_SIGN_KEY", "DIFFTALKER_SIGN_CERT"

SignatureAlgorithm = Literal["es256", "es384", "es512", "ed25519", "ps256"]
_PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey

_FOLDER, _KEY, _CERTIFICATES = "signing", "key.pem", "certificates.pem"
_CURVES: dict[str, SignatureAlgorithm] = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
_DIGESTS = {"es256": hashes.SHA256(), "es384": hashes.SHA384(), "es512": hashes.SHA512()}
_PSS = padding.PSS(padding.MGF1(hashes.SHA256()), salt_length=32)


@dataclass(frozen=True)
class Signing:
    """What a user may choose about signing.

    Attributes:
        off: leave the film unsigned.
        key, certificate: PEM files of an organisation, the certificate with those that confirm it; None takes the files
            of DIFFTALKER_SIGN_KEY and DIFFTALKER_SIGN_CERT, and where these are not set the user's own.
    """

    off: bool = False
    key: Path | None = None
    certificate: Path | None = None

    @property
    def asked(self) -> bool:
        """Whether a key or certificate was named."""
        return self.key is not None or self.certificate is not None


@dataclass(frozen=True)
class SigningKey:
    """A key with its certificates.

    Attributes:
        algorithm: C2PA's name of the signature's algorithm.
        private: PEM of the private key.
        certificates: PEM, the key's own first.
    """

    algorithm: SignatureAlgorithm
    private: bytes
    certificates: bytes

    @property
    def name(self) -> str:
        """Whom the certificate names."""
        return x509.load_pem_x509_certificates(self.certificates)[0].subject.rfc4514_string()

    def sign(self, data: bytes) -> bytes:
        """The signature of some bytes."""
        key = load_pem_private_key(self.private, None)
        if isinstance(key, ec.EllipticCurvePrivateKey):
            return key.sign(data, ec.ECDSA(_DIGESTS[self.algorithm]))
        if isinstance(key, rsa.RSAPrivateKey):
            return key.sign(data, _PSS, hashes.SHA256())
        if isinstance(key, ed25519.Ed25519PrivateKey):
            return key.sign(data)
        raise TypeError(type(key))


def signature_holds(signature: bytes, data: bytes, certificates: bytes) -> bool:
    """Whether some bytes were signed by the key of the first of some certificates (PEM)."""
    try:
        public = x509.load_pem_x509_certificates(certificates)[0].public_key()
        if isinstance(public, ec.EllipticCurvePublicKey):
            public.verify(signature, data, ec.ECDSA(_DIGESTS[_CURVES[public.curve.name]]))
        elif isinstance(public, rsa.RSAPublicKey):
            public.verify(signature, data, _PSS, hashes.SHA256())
        elif isinstance(public, ed25519.Ed25519PublicKey):
            public.verify(signature, data)
        else:
            return False
    except (InvalidSignature, ValueError, KeyError, UnsupportedAlgorithm):
        return False
    return True


def signing_key(signing: Signing) -> SigningKey:
    """The key that a user's choice comes to; his own is made if there is none yet.

    Raises:
        UserError: key or certificate is missing, unreadable, expired, of another pair, or readable by others.
    """
    key, certificate = signing.key, signing.certificate
    source = "--sign-key and --sign-cert"
    if not signing.asked:
        key, certificate = (_named(variable) for variable in (KEY_VARIABLE, CERTIFICATE_VARIABLE))
        source = f"{KEY_VARIABLE} and {CERTIFICATE_VARIABLE}"
    if (key is None) != (certificate is None):
        raise UserError(f"{key or certificate}: a key goes with a certificate; give both {source}")
    if key is not None and certificate is not None:
        return read_key(key, certificate)
    folder = _own_folder()
    try:
        return read_key(folder / _KEY, folder / _CERTIFICATES)
    except UserError as error:
        raise UserError(f"{error}, or remove {folder}, and another pair is made") from None


def own_issuer() -> bytes | None:
    """The certificate (PEM) that confirms the user's own key and nothing else; None before its first use."""
    path = configuration_folder() / _FOLDER / _CERTIFICATES
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())[-1].public_bytes(Encoding.PEM)
    except (OSError, ValueError):
        return None


def read_key(key: Path, certificates: Path) -> SigningKey:
    """Read and check a pair of PEM files.

    Raises:
        UserError: as `signing_key`.
    """
    private, chain = _read(key), _read(certificates)
    mode = key.stat().st_mode
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UserError(f"{key}: others can read this key (mode {stat.S_IMODE(mode):03o}); run `chmod 600 {key}`")
    try:
        loaded = load_pem_private_key(private, None)
    except TypeError:
        raise UserError(f"{key}: the key is locked by a password; write it without one (`openssl pkey`)") from None
    except (ValueError, UnsupportedAlgorithm):
        raise UserError(f"{key}: is no private key in PEM; give another file") from None
    algorithm = _algorithm(loaded, key)
    try:
        first = x509.load_pem_x509_certificates(chain)[0]
    except ValueError:
        raise UserError(f"{certificates}: is no certificate in PEM; give another file") from None
    if first.public_key() != loaded.public_key():
        raise UserError(f"{certificates}: its first certificate is not that of {key}; put the key's own first")
    now = datetime.now(UTC)
    if now > first.not_valid_after_utc:
        ended = f"{first.not_valid_after_utc:%Y-%m-%d}"
        raise UserError(f"{certificates}: the certificate expired on {ended}; give one that is valid")
    if now < first.not_valid_before_utc:
        begins = f"{first.not_valid_before_utc:%Y-%m-%d}"
        raise UserError(f"{certificates}: the certificate is valid from {begins} on; give another or check the clock")
    return SigningKey(algorithm, private, chain)


def certificate_fingerprint(certificates: bytes) -> str:
    """SHA-256 of the first certificate."""
    return x509.load_pem_x509_certificates(certificates)[0].fingerprint(hashes.SHA256()).hex()


def _algorithm(key: object, path: Path) -> SignatureAlgorithm:
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        return _CURVES[key.curve.name]
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= 2048:
        return "ps256"
    raise UserError(f"{path}: no key that Content Credentials take; give ECDSA (P-256), Ed25519 or RSA of 2048 bits")


def _named(variable: str) -> Path | None:
    text = os.environ.get(variable)
    return Path(text).expanduser() if text else None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else str(error.strerror).lower()
        raise UserError(f"{path}: {reason}; check the name and who may read it") from None


def _own_folder() -> Path:
    """The folder of the user's own pair, made if there is none. Of several processes that make one, one wins."""
    folder = configuration_folder() / _FOLDER
    if folder.is_dir():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{_FOLDER}-", dir=folder.parent))  # for its owner alone
        try:
            for name, content in zip((_KEY, _CERTIFICATES), make_key_pair(), strict=True):
                (partial / name).touch(mode=0o600)
                (partial / name).write_bytes(content)
            with suppress(OSError):  # another process was faster
                partial.rename(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        reason = str(error.strerror).lower()
        raise UserError(
            f"{folder}: the signing key cannot be stored ({reason}); set DIFFTALKER_CONFIG to a folder of yours"
        ) from None
    return folder
