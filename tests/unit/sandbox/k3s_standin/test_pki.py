from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509

from sandbox.k3s_standin.k3s import pki


@pytest.fixture
def store(tmp_path: Path) -> pki.Store:
    found = pki.Store(tmp_path)
    found.make_authorities()
    return found


def test_authorities_are_made_once_and_keys_are_private(store: pki.Store) -> None:
    before = store.read("server-ca")
    store.make_authorities()
    assert store.read("server-ca") == before
    assert store.path("server-ca", "key").stat().st_mode & 0o777 == 0o600
    assert store.path("service", "key").stat().st_mode & 0o777 == 0o600


def test_certificate_is_signed_and_names_its_hosts(store: pki.Store) -> None:
    store.ensure("serving", "server-ca", "kube-apiserver", names=["localhost", "10.0.0.1"])
    certificate = x509.load_pem_x509_certificate(store.read("serving").certificate)
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(store.read("server-ca").certificate))
    assert pki.names_of(store.read("serving").certificate) == {"localhost", "10.0.0.1"}


def test_certificate_is_kept_until_a_name_is_missing_or_its_end_is_near(
    store: pki.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.ensure("serving", "server-ca", "kube-apiserver", names=["a"])
    first = store.read("serving")
    store.ensure("serving", "server-ca", "kube-apiserver", names=["a"])
    assert store.read("serving") == first
    store.ensure("serving", "server-ca", "kube-apiserver", names=["a", "b"])
    second = store.read("serving")
    assert pki.names_of(second.certificate) == {"a", "b"}
    monkeypatch.setattr(pki, "RENEW_DAYS", pki.LEAF_DAYS + 1)
    store.ensure("serving", "server-ca", "kube-apiserver", names=["a"])
    assert store.read("serving") != second


def test_certificate_of_another_authority_is_issued_anew(store: pki.Store) -> None:
    store.ensure("client-admin", "client-ca", "system:admin", ["system:masters"])
    first = store.read("client-admin")
    store.save("client-ca", pki.new_authority("client-ca"))
    store.ensure("client-admin", "client-ca", "system:admin", ["system:masters"])
    assert store.read("client-admin") != first
    assert pki.common_name(first.certificate) == "CN=system:admin"
