"""A certificate authority of one host, and the certificate of its servers. The keys never leave the host."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    HAS_CRYPTOGRAPHY = True
except ImportError:
    HAS_CRYPTOGRAPHY = False

UTC = timezone.utc  # noqa: UP017 - the host's Python may be older
AUTHORITY_DAYS = 3650
CLOCK = timedelta(hours=1)  # a client's clock may be behind


@dataclass(frozen=True)
class Wish:
    """What the certificate shall say."""

    folder: Path
    label: str  # in the subject of the authority
    names: tuple[str, ...]
    days: int
    renew_days: int


def look(wish: Wish) -> list[str]:
    """What is to be done, in words; nothing when all is as wished."""
    authority, server = _read(wish.folder / "ca.pem"), _read(wish.folder / "server.pem")
    if authority is None or not (wish.folder / "ca.key").exists() or _ends(authority) < _soon(wish):
        return ["make the authority", "issue the certificate"]
    if server is None or not (wish.folder / "server.key").exists():
        return ["issue the certificate"]
    reasons = []
    if server.issuer != authority.subject:
        reasons.append("issue the certificate, it is of another authority")
    if _names_of(server) != set(wish.names):
        reasons.append(f"issue the certificate for {', '.join(wish.names)}")
    if _ends(server) < _soon(wish):
        reasons.append("renew the certificate")
    return reasons


def fingerprint(wish: Wish) -> str:
    """Of the servers' certificate, so that whoever serves it can tell a new one."""
    found = _read(wish.folder / "server.pem")
    return found.fingerprint(hashes.SHA256()).hex()[:32] if found else ""


def ensure(wish: Wish) -> list[str]:
    actions = look(wish)
    if not actions:
        return []
    wish.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if actions[0] == "make the authority":
        _make_authority(wish)
    _issue(wish)
    return actions


def _make_authority(wish: Wish) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    # A subject of its own: OpenSSL chooses by it where a bundle holds several authorities.
    name = _name(f"{wish.label} {secrets.token_hex(4)}")
    certificate = (
        _builder(name, name, key, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write(wish.folder / "ca.key", _pem(key), 0o600)
    _write(wish.folder / "ca.pem", certificate.public_bytes(serialization.Encoding.PEM), 0o644)


def _issue(wish: Wish) -> None:
    authority = x509.load_pem_x509_certificate((wish.folder / "ca.pem").read_bytes())
    signer = serialization.load_pem_private_key((wish.folder / "ca.key").read_bytes(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        _builder(_name(wish.names[0]), authority.subject, key, wish.days)
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in wish.names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .sign(signer, hashes.SHA256())
    )
    _write(wish.folder / "server.key", _pem(key), 0o600)
    _write(wish.folder / "server.pem", certificate.public_bytes(serialization.Encoding.PEM), 0o644)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK)
        .not_valid_after(now + timedelta(days=days))
    )


def _usage(authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority, key_cert_sign=authority, crl_sign=authority, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _general(name: str) -> x509.GeneralName:
    with contextlib.suppress(ValueError):
        return x509.IPAddress(ip_address(name))
    return x509.DNSName(name)


def _names_of(certificate: x509.Certificate) -> set[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    return {str(one.value) for one in names}


def _read(path: Path) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        return None


def _ends(certificate: x509.Certificate) -> datetime:
    # Debian 12 has a cryptography that knows only the older name.
    found = getattr(certificate, "not_valid_after_utc", None)
    return found if isinstance(found, datetime) else certificate.not_valid_after.replace(tzinfo=UTC)


def _soon(wish: Wish) -> datetime:
    return datetime.now(UTC) + timedelta(days=wish.renew_days)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, content: bytes, mode: int) -> None:
    handle, partial = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
        os.fchmod(stream.fileno(), mode)
    os.replace(partial, path)
