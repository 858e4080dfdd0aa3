"""The user's own key, and what is refused of others' keys and certificates."""

from __future__ import annotations

import os
import shutil
import stat
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from difftalker.errors import UserError
from difftalker.provenance.credentials import check_key
from difftalker.provenance.self_signed import make_key_pair
from difftalker.provenance.signing_key import Signing, own_issuer, read_key, signature_holds, signing_key


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DIFFTALKER_CONFIG", str(tmp_path / "config"))
    return tmp_path / "config"


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """PEM files of a good key and its certificates."""
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    for path, content in zip((key, certificate), make_key_pair(), strict=True):
        path.write_bytes(content)
    key.chmod(0o600)
    return key, certificate


def self_signed(key: ec.EllipticCurvePrivateKey, begin: int, end: int) -> bytes:
    """A certificate that signed itself, valid from `begin` to `end` days from now."""
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Example")]), datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(5).not_valid_before(now + timedelta(days=begin))
    return builder.not_valid_after(now + timedelta(days=end)).sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def test_own_key_is_made_once_for_its_user_alone(config: Path) -> None:
    assert own_issuer() is None
    key = signing_key(Signing())
    assert key.certificates.endswith(own_issuer() or b"-") and signing_key(Signing()) == key
    for path, mode in ((config / "signing", 0o700), (config / "signing/key.pem", 0o600)):
        assert stat.S_IMODE(path.stat().st_mode) == mode
    assert [path.name for path in config.iterdir()] == ["signing"]
    check_key(key)
    assert "DiffTalker" in key.name and os.uname().nodename not in key.name


def test_processes_that_start_together_have_one_key() -> None:
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(signing_key(Signing()).certificates)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and len(set(found)) == 1


def test_signatures_hold_for_what_was_signed(pair: tuple[Path, Path]) -> None:
    key = read_key(*pair)
    signature = key.sign(b"text")
    assert signature_holds(signature, b"text", key.certificates)
    assert not signature_holds(signature, b"other", key.certificates)
    assert not signature_holds(signature, b"text", make_key_pair()[1])
    assert not signature_holds(signature, b"text", b"no certificate")


def test_keys_of_an_organisation(pair: tuple[Path, Path], config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = read_key(*pair)
    assert signing_key(Signing(key=pair[0], certificate=pair[1])) == expected
    monkeypatch.setenv("DIFFTALKER_SIGN_KEY", str(pair[0]))
    with pytest.raises(UserError, match=r"a key goes with a certificate; give both DIFFTALKER_SIGN_KEY and"):
        signing_key(Signing())
    monkeypatch.setenv("DIFFTALKER_SIGN_CERT", str(pair[1]))
    assert signing_key(Signing()) == expected
    assert not config.exists()


def garbage(key: Path, certificate: Path) -> None:
    key.write_text("no key")


def no_certificate(key: Path, certificate: Path) -> None:
    certificate.write_text("no certificate")


def missing(key: Path, certificate: Path) -> None:
    certificate.unlink()


def folder(key: Path, certificate: Path) -> None:
    key.unlink()
    key.mkdir()


def open_to_others(key: Path, certificate: Path) -> None:
    key.chmod(0o640)


def locked(key: Path, certificate: Path) -> None:
    new = ec.generate_private_key(ec.SECP256R1())
    key.write_bytes(new.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")))


def of_another_pair(key: Path, certificate: Path) -> None:
    certificate.write_bytes(make_key_pair()[1])


def expired(key: Path, certificate: Path) -> None:
    new = ec.generate_private_key(ec.SECP256R1())
    key.write_bytes(pem(new))
    certificate.write_bytes(self_signed(new, -9, -2))


def too_early(key: Path, certificate: Path) -> None:
    new = ec.generate_private_key(ec.SECP256R1())
    key.write_bytes(pem(new))
    certificate.write_bytes(self_signed(new, 2, 9))


def too_weak(key: Path, certificate: Path) -> None:
    key.write_bytes(pem(rsa.generate_private_key(65537, 1024)))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (garbage, r"key.pem: is no private key in PEM"),
        (no_certificate, r"cert.pem: is no certificate in PEM"),
        (missing, r"cert.pem: no such file"),
        (folder, r"key.pem: is a directory"),
        (open_to_others, r"key.pem: others can read this key \(mode 640\); run `chmod 600 "),
        (locked, r"key.pem: the key is locked by a password"),
        (of_another_pair, r"cert.pem: its first certificate is not that of"),
        (expired, r"cert.pem: the certificate expired on 20\d\d-\d\d-\d\d; give one that is valid"),
        (too_early, r"cert.pem: the certificate is valid from 20\d\d-\d\d-\d\d on"),
        (too_weak, r"key.pem: no key that Content Credentials take"),
    ],
)
def test_what_cannot_be_used_is_one_line(
    pair: tuple[Path, Path], config: Path, damage: Callable[[Path, Path], None], said: str
) -> None:
    damage(*pair)
    with pytest.raises(UserError, match=said) as caught:
        read_key(*pair)
    assert "\n" not in str(caught.value)


def test_a_broken_own_key_says_how_to_have_another(config: Path) -> None:
    signing_key(Signing())
    (config / "signing/key.pem").write_text("no key")
    with pytest.raises(UserError, match=r"no private key in PEM.*or remove .*signing, and another pair is made"):
        signing_key(Signing())
    shutil.rmtree(config / "signing")
    signing_key(Signing())


def test_a_configuration_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("DIFFTALKER_CONFIG", str(tmp_path / "file"))
    with pytest.raises(UserError, match=r"the signing key cannot be stored .*set DIFFTALKER_CONFIG"):
        signing_key(Signing())


def test_a_certificate_that_is_for_something_else(tmp_path: Path) -> None:
    new = ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "key.pem").touch(mode=0o600)
    (tmp_path / "key.pem").write_bytes(pem(new))
    (tmp_path / "cert.pem").write_bytes(self_signed(new, -2, 9))
    with pytest.raises(UserError, match="the certificate CN=Example is not fit for Content Credentials"):
        check_key(read_key(tmp_path / "key.pem", tmp_path / "cert.pem"))
