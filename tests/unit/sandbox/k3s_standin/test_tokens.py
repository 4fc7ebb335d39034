from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sandbox.k3s_standin.k3s import log, node, secretbox, tokens

CA = b"a certificate"
HASH = tokens.ca_hash(CA)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"K10{HASH}::server:pass\n", tokens.Token("pass", "server", HASH)),
        (f"K10{HASH}::node:a:b", tokens.Token("a:b", "node", HASH)),
        (f"K10{HASH}::abcdef.0123456789abcdef", tokens.Token("abcdef.0123456789abcdef", "", HASH)),
        ("short", tokens.Token("short")),
    ],
)
def test_parse(text: str, expected: tokens.Token) -> None:
    assert tokens.parse(text) == expected


@pytest.mark.parametrize("text", ["", "K10abc::server:x", "server:"])
def test_parse_refuses(text: str) -> None:
    with pytest.raises(log.FatalError):
        tokens.parse(text)


def test_secure_form_comes_back() -> None:
    assert tokens.parse(tokens.secure(CA, "server", "x")) == tokens.Token("x", "server", HASH)
    assert tokens.parse(tokens.secure(CA, "", "abcdef.0123456789abcdef")).bootstrap


def test_another_authority_is_refused() -> None:
    tokens.check_ca(tokens.Token("x"), b"any")
    tokens.check_ca(tokens.Token("x", "node", HASH), CA)
    with pytest.raises(log.FatalError, match="token CA hash does not match the Cluster CA certificate hash"):
        tokens.check_ca(tokens.Token("x", "node", HASH), b"another")


@pytest.mark.parametrize(
    ("user", "password", "role"),
    [
        ("server", "S", "server"),
        ("node", "S", "node"),
        ("node", "A", "node"),
        ("server", "A", ""),
        ("node", "wrong", ""),
        ("node", "", ""),
        ("root", "S", ""),
    ],
)
def test_what_a_token_may_join(user: str, password: str, role: str) -> None:
    assert tokens.authorize(user, password, "S", "A") == role


def test_no_agent_token_is_not_an_empty_agent_token() -> None:
    assert tokens.authorize("node", "", "S", "") == ""


@pytest.mark.parametrize(("text", "seconds"), [("24h", 86400), ("1h30m", 5400), ("24h0m0s", 86400), ("0", 0)])
def test_duration(text: str, seconds: int) -> None:
    assert tokens.duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["1d", "h", "10", "1h x"])
def test_duration_refuses(text: str) -> None:
    with pytest.raises(log.FatalError, match="invalid duration"):
        tokens.duration(text)


def test_expiry() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert tokens.expired("2026-01-01T00:00:00Z", now)
    assert not tokens.expired("2026-01-01T00:00:01Z", now)
    assert not tokens.expired("", now)


def test_bootstrap_tokens_are_of_their_form() -> None:
    assert tokens.is_bootstrap(tokens.new_bootstrap())


def test_node_password() -> None:
    stored = node.hash_password("secret")
    assert "secret" not in stored
    assert node.verify_password("secret", stored)
    assert not node.verify_password("other", stored)
    assert not node.verify_password("secret", "")


def test_bootstrap_data_opens_by_its_token_only() -> None:
    sealed = secretbox.seal("one", {"tls/server-ca.key": "KEY"})
    assert b"KEY" not in sealed
    assert secretbox.unseal("one", sealed) == {"tls/server-ca.key": "KEY"}
    assert secretbox.unseal("two", sealed) is None
    assert secretbox.key_name("one") != secretbox.key_name("two")
