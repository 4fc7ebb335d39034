"""The CA certificates that clients verify the database with: readable, and valid for a while. No network."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509

SOON = timedelta(days=60)


def check(path: str, pem: bytes, now: datetime | None = None) -> tuple[list[str], list[str]]:
    """Faults and warnings. One expired certificate among valid ones is a warning: others may still verify the server."""
    moment = now or datetime.now(UTC)
    mend = "get the current bundle from https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem"
    try:
        certificates = x509.load_pem_x509_certificates(pem)
    except ValueError as e:
        return [f"{path} holds no readable certificate ({e}): {mend}"], []
    expired = [_name(c) for c in certificates if c.not_valid_after_utc <= moment]
    if len(expired) == len(certificates):
        return [f"every certificate in {path} has expired ({', '.join(expired)}): {mend}"], []
    warnings = [f"{path} holds an expired certificate, {name}: {mend}" for name in expired]
    soon = [c for c in certificates if moment < c.not_valid_after_utc <= moment + SOON]
    warnings += [f"{_name(c)} in {path} expires on {c.not_valid_after_utc:%Y-%m-%d}: {mend}" for c in soon]
    return [], warnings


def _name(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(names[0].value) if names else certificate.subject.rfc4514_string()
