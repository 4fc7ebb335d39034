"""Verifiers of passwords: the same as libpq's."""

from __future__ import annotations

import psycopg
import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source import scram

PASSWORDS = [
    "plain", "a/b@c%d:e\\f'g\"h i", "\u00e9", "e\u0301", "\u00aa", "I\u00adX", "\u2168", "a\u00a0b", "\u1680x", "\u0007", "\u200b\u0627",
    "\u06271", "\u0627a\u0628", "\u0627\u0628", "\u0221", "\ud55c\uae00",
]  # fmt: skip


@pytest.mark.parametrize("password", PASSWORDS)
def test_libpq_and_we_agree(password: str) -> None:
    """libpq prepares the password (SASLprep) and salts it; we must find that it is the same."""
    theirs = psycopg.pq.PGconn.connect_start(b"host=127.0.0.1 port=1").encrypt_password(
        password.encode(), b"mover", b"scram-sha-256"
    )
    assert scram.matches(password, theirs.decode())
    assert not scram.matches(password + "x", theirs.decode())


def test_each_verifier_has_its_own_salt() -> None:
    first, second = scram.verifier("x"), scram.verifier("x")
    assert first != second
    assert scram.matches("x", first)
    assert scram.matches("x", second)


@pytest.mark.parametrize(
    "kept",
    ["", "md5d41d8cd98f00b204e9800998ecf8427e", "SCRAM-SHA-256$", "SCRAM-SHA-256$x:y$z", "SCRAM-SHA-256$4096:!$a:b"],
)
def test_what_is_no_verifier_fits_nothing(kept: str) -> None:
    assert not scram.matches("x", kept)
