"""What is issued verifies, stays, and is issued anew only for a reason."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._certificate.authority import Wish, ensure, look


@pytest.fixture
def wish(tmp_path: Path) -> Wish:
    return Wish(tmp_path / "tls", "shop single app-1", ("10.0.1.10", "db.internal"), 397, 60)


def openssl(wish: Wish, *arguments: str) -> str:
    return subprocess.run(["openssl", *arguments], cwd=wish.folder, check=True, capture_output=True, text=True).stdout


def test_a_certificate_verifies_for_its_names_and_stays(wish: Wish) -> None:
    assert look(wish) == ["make the authority", "issue the certificate"]
    assert not wish.folder.exists()
    ensure(wish)
    openssl(wish, "verify", "-x509_strict", "-CAfile", "ca.pem", "-verify_ip", "10.0.1.10", "server.pem")
    openssl(wish, "verify", "-x509_strict", "-CAfile", "ca.pem", "-verify_hostname", "db.internal", "server.pem")
    with pytest.raises(subprocess.CalledProcessError):
        openssl(wish, "verify", "-CAfile", "ca.pem", "-verify_ip", "10.0.1.11", "server.pem")
    modes = {path.name: path.stat().st_mode & 0o777 for path in wish.folder.iterdir()}
    assert modes == {"ca.key": 0o600, "ca.pem": 0o644, "server.key": 0o600, "server.pem": 0o644}
    assert ensure(wish) == []


@pytest.mark.parametrize(
    ("changed", "action"),
    [
        ({"names": ("10.0.1.10",)}, "issue the certificate for 10.0.1.10"),
        ({"renew_days": 398}, "renew the certificate"),
    ],
)
def test_a_reason_issues_it_anew_under_the_same_authority(wish: Wish, changed: dict[str, object], action: str) -> None:
    ensure(wish)
    before = {path.name: path.read_bytes() for path in wish.folder.iterdir()}
    assert ensure(replace(wish, **changed)) == [action]
    after = {path.name: path.read_bytes() for path in wish.folder.iterdir()}
    assert {name for name in before if before[name] != after[name]} == {"server.key", "server.pem"}


def test_two_hosts_have_authorities_of_different_names(wish: Wish, tmp_path: Path) -> None:
    other = replace(wish, folder=tmp_path / "other")
    ensure(wish)
    ensure(other)
    subjects = {openssl(one, "x509", "-noout", "-subject", "-in", "ca.pem") for one in (wish, other)}
    assert len(subjects) == 2
