from __future__ import annotations

from pathlib import Path

import pytest
from tiketi import settings, tokens

KEY = "k" * 32


def environment(tmp_path: Path, **changed: str) -> dict[str, str]:
    for name, content in (("password", "p"), ("token", "t"), ("key", KEY), ("short", "k"), ("empty", "\n")):
        (tmp_path / name).write_text(content)
    given = {
        "DATABASE_HOST": "db",
        "DATABASE_USER": "shop",
        "DATABASE_PASSWORD_FILE": str(tmp_path / "password"),
        "REDIS_HOST": "cache",
        "REDIS_TOKEN_FILE": str(tmp_path / "token"),
        "SIGNING_KEY_FILE": str(tmp_path / "key"),
    }
    return {**given, **{name: value.replace("TMP", str(tmp_path)) for name, value in changed.items()}}


def test_defaults_verify_both_stores(tmp_path: Path) -> None:
    found = settings.load(environment(tmp_path))
    assert (found.service, found.port, found.database_sslmode, found.redis_tls) == (
        "monolith",
        3001,
        "verify-full",
        True,
    )
    assert (found.database_ca_file, found.redis_ca_file) == ("system", "")
    assert found.services == settings.SERVICES


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"SERVICE": "tickets"}, "SERVICE is 'tickets'"),
        ({"PORT": "80000"}, "PORT is '80000'"),
        ({"PORT": "http"}, "PORT is 'http'"),
        ({"DATABASE_SSLMODE": "require"}, "DATABASE_SSLMODE is 'require'"),
        ({"DATABASE_POOLED": "transaction"}, "DATABASE_POOLED is 'transaction'"),
        ({"REDIS_HOST": "/run/redis.sock"}, "is a Unix socket, which has no TLS"),
        ({"REDIS_TLS": "yes"}, "REDIS_TLS is 'yes'"),
        ({"DATABASE_PASSWORD_FILE": ""}, "DATABASE_PASSWORD_FILE is not set"),
        ({"DATABASE_PASSWORD_FILE": "TMP/empty"}, "is empty"),
        ({"DATABASE_CA_FILE": "TMP/absent"}, "DATABASE_CA_FILE: .*cannot be read"),
        ({"SIGNING_KEY_FILE": "TMP/short"}, "fewer than 32"),
    ],
)
def test_a_fault_is_named(tmp_path: Path, changed: dict[str, str], message: str) -> None:
    with pytest.raises(settings.SettingsError, match=message):
        settings.load(environment(tmp_path, **changed))


def test_all_faults_at_once() -> None:
    with pytest.raises(settings.SettingsError) as error:
        settings.load({})
    for name in (
        "DATABASE_HOST",
        "DATABASE_USER",
        "DATABASE_PASSWORD_FILE",
        "REDIS_HOST",
        "REDIS_TOKEN_FILE",
        "SIGNING_KEY_FILE",
    ):
        assert f"{name} is not set" in str(error.value)


def test_passwords() -> None:
    stored = tokens.hash_password("correct horse")
    assert stored != tokens.hash_password("correct horse")
    assert tokens.check_password("correct horse", stored)
    assert not tokens.check_password("wrong", stored)
    assert not tokens.check_password("", None)


def test_tokens_are_bound_to_key_kind_content_and_time() -> None:
    token = tokens.sign(KEY, "session", {"user": 7}, 60)
    claims = tokens.verify(KEY, "session", token)
    assert claims is not None
    assert claims["user"] == 7
    payload, signature = token.split(".")
    forged = tokens.sign("x" * 32, "session", {"user": 8}, 60).split(".")[0]
    assert tokens.verify("x" * 32, "session", token) is None
    assert tokens.verify(KEY, "pass", token) is None
    assert tokens.verify(KEY, "session", f"{forged}.{signature}") is None
    assert tokens.verify(KEY, "session", tokens.sign(KEY, "session", {"user": 7}, -1)) is None
    for garbage in ("", ".", payload, f"{payload}.", "é.é", f"{payload}.!"):
        assert tokens.verify(KEY, "session", garbage) is None
