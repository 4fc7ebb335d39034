"""As on the new stores: TLS with the server checked, a password and a token from files."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import DATABASE_PASSWORD, Postgres, StartShop, free_port, listens, until

REDIS_TOKEN = "canary-redis-token"  # noqa: S105


@pytest.fixture
def tls_redis(postgres: Postgres, tmp_path: Path) -> Iterator[int]:
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("redis-server is not installed (apt-get install redis-server)")
    port, pki = free_port(), postgres.directory
    configuration = tmp_path / "redis.conf"
    lines = ["port 0", f"tls-port {port}", "bind 127.0.0.1", 'save ""', f"dir {tmp_path}", f"requirepass {REDIS_TOKEN}"]
    lines += [f"tls-cert-file {pki}/server.pem", f"tls-key-file {pki}/server.key", "tls-auth-clients no"]
    configuration.write_text("\n".join([*lines, f"tls-ca-cert-file {pki}/ca.pem"]))
    process = subprocess.Popen([binary, configuration], stdout=subprocess.DEVNULL)
    until(lambda: listens(port), "Redis listening")
    yield port
    process.kill()
    process.wait()


GOOD = {"DATABASE_HOST": "localhost", "REDIS_HOST": "localhost", "DATABASE_CA_FILE": "ca", "REDIS_CA_FILE": "ca"}


@pytest.mark.parametrize(
    ("changed", "of_database", "of_redis"),
    [
        ({}, "connected", "connected"),
        ({"DATABASE_CA_FILE": "other-ca"}, "disconnected", "connected"),
        ({"REDIS_CA_FILE": "other-ca"}, "connected", "disconnected"),
        ({"DATABASE_HOST": "127.0.0.1", "REDIS_HOST": "127.0.0.1"}, "disconnected", "disconnected"),
        ({"DATABASE_CA_FILE": "", "REDIS_CA_FILE": ""}, "disconnected", "disconnected"),
    ],
    ids=["verified", "other CA of the database", "other CA of Redis", "name not in the certificate", "system trust"],
)
def test_only_the_right_server_gets_the_secrets(
    start_shop: StartShop,
    postgres: Postgres,
    tls_redis: int,
    tmp_path: Path,
    changed: dict[str, str],
    of_database: str,
    of_redis: str,
) -> None:
    environment = {**GOOD, **changed}
    for name in ("DATABASE_CA_FILE", "REDIS_CA_FILE"):
        environment[name] = environment[name] and f"{postgres.directory}/{environment[name]}.pem"
    for name, content in (("DATABASE_PASSWORD_FILE", DATABASE_PASSWORD), ("REDIS_TOKEN_FILE", REDIS_TOKEN)):
        (tmp_path / name).write_text(content + "\n")
        environment[name] = str(tmp_path / name)
    shop = start_shop(**environment, DATABASE_SSLMODE="verify-full", REDIS_TLS="true", REDIS_PORT=str(tls_redis))
    answer = shop.http.get("/health").json()
    assert (answer["database"], answer["redis"]) == (of_database, of_redis)
    assert "canary" not in shop.log.read_text()
