"""A key and a certificate that no authority has confirmed: enough to see whether a film was changed since."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CERTIFICATE_NAME = "DiffTalker, a key made on the user's machine"

_YEARS = 20  # without a time stamp, signatures end with the certificate
_SKEW = timedelta(hours=1)  # between the clocks of machines
_USAGES = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
    "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip


def make_key_pair() -> tuple[bytes, bytes]:
    """A new private key and its certificates.

    Content Credentials take no certificate that signed itself, so there are two: one for the key, and the one that
    confirms it, whose own key is forgotten at once. They name no user and no machine.

    Returns:
        PEM of the private key (ECDSA, P-256), and PEM of the certificates, the key's first.
    """
    key, issuer = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])  # the one that C2PA allows everywhere
    own = _certificate(CERTIFICATE_NAME, key.public_key(), issuer, ["digital_signature"], False)
    own = own.add_extension(purpose, critical=False)
    above = _certificate(
        f"{CERTIFICATE_NAME}: issuer", issuer.public_key(), issuer, ["key_cert_sign", "crl_sign"], True
    )
    certificates = [builder.sign(issuer, hashes.SHA256()) for builder in (own, above)]
    return (
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates),
    )


def _certificate(
    name: str, public: ec.EllipticCurvePublicKey, issuer: ec.EllipticCurvePrivateKey, usages: list[str], is_issuer: bool
) -> x509.CertificateBuilder:
    begin = datetime.now(UTC) - _SKEW
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(f"{CERTIFICATE_NAME}: issuer"))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=365 * _YEARS))
        .add_extension(x509.BasicConstraints(ca=is_issuer, path_length=0 if is_issuer else None), critical=True)
        .add_extension(x509.KeyUsage(**{usage: usage in usages for usage in _USAGES}), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()), critical=False)
    )


def _name(text: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, text), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "unconfirmed")]
    )
