"""The CA bundle that is shipped, and the check that each run makes of the one in use."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._rds.ca import check
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from .conftest import Run

BUNDLE = Path(__file__).parents[3] / "roles/aurora_postgres/files/rds-global-bundle.pem"
SHA256 = "97ecac74d2510c77e971584a857167817d6f2339918922533cfed0882e8b8bc1"
NOW = datetime.now(UTC)


def certificate(name: str, days: int) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(NOW - timedelta(days=400))
    return builder.not_valid_after(NOW + timedelta(days=days)).sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def test_the_bundle_is_the_one_that_was_reviewed() -> None:
    assert hashlib.sha256(BUNDLE.read_bytes()).hexdigest() == SHA256


def test_the_bundle_holds_valid_roots_for_five_years_and_every_key_type() -> None:
    assert check(str(BUNDLE), BUNDLE.read_bytes(), NOW + timedelta(days=5 * 365)) == ([], [])
    certificates = x509.load_pem_x509_certificates(BUNDLE.read_bytes())
    names = [c.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value for c in certificates]
    for one in certificates:
        assert one.subject == one.issuer
        assert one.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        one.verify_directly_issued_by(one)
    for kind in ("RSA2048", "RSA4096", "ECC384"):
        assert f"Amazon RDS ap-northeast-2 Root CA {kind} G1" in names
    assert len(names) == len(set(names)) == 27 * 3
    assert not [name for name in names if "2019" in name or "Beta" in name or "Preview" in name]


def test_one_expired_among_valid_ones_is_a_warning() -> None:
    faults, warnings = check("ca.pem", certificate("old", -1) + certificate("new", 4000), NOW)
    assert faults == []
    assert len(warnings) == 1
    assert "expired certificate, old" in warnings[0]


def test_soon_is_sixty_days() -> None:
    _, warnings = check("ca.pem", certificate("soon", 59) + certificate("later", 61), NOW)
    assert len(warnings) == 1
    assert "soon in ca.pem expires on" in warnings[0]


@pytest.mark.parametrize(("pem", "word"), [(certificate("old", -1), "expired"), (b"no certificate", "no readable")])
def test_a_bundle_that_verifies_nothing_is_a_fault(pem: bytes, word: str) -> None:
    faults, _ = check("ca.pem", pem, NOW)
    assert word in faults[0]
    assert "global-bundle.pem" in faults[0]


def test_the_look_refuses_it_before_it_asks_aws(look: Run, tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_bytes(certificate("old", -1))
    assert "expired" in look(ca_file=str(path))["msg"]
    assert "cannot be read" in look(ca_file=str(tmp_path / "missing.pem"))["msg"]


def test_the_look_warns_of_the_next_expiry(look: Run, tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_bytes(certificate("soon", 30))
    assert "expires on" in str(look(ca_file=str(path))["warnings"])
