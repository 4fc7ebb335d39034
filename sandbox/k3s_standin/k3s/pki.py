"""Certificate authorities and certificates, under the names K3s gives their files."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .layout import write

AUTHORITIES: Final = ("server-ca", "client-ca", "request-header-ca", "etcd/server-ca", "etcd/peer-ca")
LEAF_DAYS: Final = 365
RENEW_DAYS: Final = 120
CA_DAYS: Final = 3650
_SKEW: Final = timedelta(minutes=5)


@dataclass(frozen=True)
class Pair:
    """A key and its certificate, as PEM."""

    key: bytes
    certificate: bytes


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


def new_authority(name: str) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC).replace(tzinfo=None)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"k3s-{name.replace('/', '-')}@{int(time.time())}")])
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=True,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + timedelta(days=CA_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Pair(_key_pem(key), certificate.public_bytes(serialization.Encoding.PEM))


def alternative_names(names: Iterable[str]) -> x509.SubjectAlternativeName:
    found: list[x509.GeneralName] = []
    for name in dict.fromkeys(names):
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            found.append(x509.DNSName(name))
    return x509.SubjectAlternativeName(found)


def issue(authority: Pair, name: str, groups: Iterable[str] = (), names: Iterable[str] = ()) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    issuer_key = serialization.load_pem_private_key(authority.key, None)
    if not isinstance(issuer_key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise TypeError("an authority signs with an EC or RSA key")
    issuer = x509.load_pem_x509_certificate(authority.certificate)
    now = datetime.now(UTC).replace(tzinfo=None)
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    subject = x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + timedelta(days=LEAF_DAYS))
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        )
    )
    names = list(names)
    if names:
        builder = builder.add_extension(alternative_names(names), critical=False)
    certificate = builder.sign(issuer_key, hashes.SHA256())
    # The chain is sent whole, so that a client which only knows the CA's hash can read it from the handshake.
    return Pair(_key_pem(key), certificate.public_bytes(serialization.Encoding.PEM) + authority.certificate)


def expiry(certificate: bytes) -> datetime:
    return x509.load_pem_x509_certificate(certificate).not_valid_after.replace(tzinfo=UTC)


def common_name(certificate: bytes) -> str:
    found = x509.load_pem_x509_certificate(certificate).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return f"CN={found[0].rfc4514_string().partition('=')[2]}" if found else ""


def names_of(certificate: bytes) -> set[str]:
    try:
        found = x509.load_pem_x509_certificate(certificate).extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
    except x509.ExtensionNotFound:
        return set()
    addresses = {str(address) for address in found.value.get_values_for_type(x509.IPAddress)}
    return addresses | set(found.value.get_values_for_type(x509.DNSName))


class Store:
    """The tls directory of a server."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def path(self, name: str, suffix: str = "crt") -> Path:
        return self.directory / f"{name}.{suffix}"

    def read(self, name: str) -> Pair:
        return Pair(self.path(name, "key").read_bytes(), self.path(name).read_bytes())

    def save(self, name: str, pair: Pair) -> None:
        write(self.path(name, "key"), pair.key)
        write(self.path(name), pair.certificate, 0o644)

    def make_authorities(self) -> None:
        for name in AUTHORITIES:
            if not self.path(name).exists():
                self.save(name, new_authority(name))
        if not self.path("service", "key").exists():
            key = rsa.generate_private_key(65537, 2048)
            pem = key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
            )
            write(self.path("service", "key"), pem)

    def ensure(
        self, name: str, authority: str, common_name: str, groups: Iterable[str] = (), names: Iterable[str] = ()
    ) -> None:
        """A certificate that is missing, near its end, of another CA or short of a name is issued anew."""
        signer = self.read(authority)
        wanted = set(names)
        if self.path(name).exists() and self.path(name, "key").exists():
            found = self.read(name).certificate
            fresh = expiry(found) - datetime.now(UTC) > timedelta(days=RENEW_DAYS)
            if fresh and wanted <= names_of(found) and found.endswith(signer.certificate):
                return
        self.save(name, issue(signer, common_name, groups, wanted))
