"""Certificates made for a test: an authority, and what it signs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A certificate and its private key, each a file of PEM."""

    certificate: Path
    key: Path


class Authority:
    """Signs certificates in a directory; `path` is its own, for whoever is to trust it."""

    def __init__(self, directory: Path, name: str = "authority") -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._key = generate_private_key(SECP256R1())
        self._name = _name(name)
        builder = self._builder(self._name, self._key, datetime.now(UTC) + 30 * DAY)
        own = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        self.path = directory / f"{name}.pem"
        self.path.write_bytes(own.sign(self._key, SHA256()).public_bytes(Encoding.PEM))

    def sign(self, name: str, *, valid_until: datetime | None = None, address: str = "127.0.0.1") -> Signed:
        """Return a certificate of that name, for a client or for the server at that address."""
        key = generate_private_key(SECP256R1())
        names = [x509.IPAddress(ip_address(address))]
        builder = self._builder(_name(name), key, valid_until or datetime.now(UTC) + 30 * DAY)
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        signed = Signed(certificate=self._directory / f"{name}.pem", key=self._directory / f"{name}.key")
        signed.certificate.write_bytes(builder.sign(self._key, SHA256()).public_bytes(Encoding.PEM))
        signed.key.touch(mode=0o600)
        signed.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return signed

    def _builder(
        self, name: x509.Name, key: EllipticCurvePrivateKey, until: datetime
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(until - 60 * DAY)
            .not_valid_after(until)
        )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
