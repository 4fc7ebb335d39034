"""A real PostgreSQL and a real Redis for the ticket shop, and the shop as the process that a pod runs."""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.scratch import scratch
from tests.waiting import PATIENCE, until

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "examples" / "tiketi"
POSTGRES = Path("/usr/lib/postgresql/15/bin")
SEED_SCALE = 2000
SIGNING_KEY = "canary-signing-key-0123456789abcdef"
DATABASE_PASSWORD = "canary-database-password"  # noqa: S105

sys.path.insert(0, str(SAMPLE / "app"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def certificates(directory: Path, owner: str) -> None:
    """A CA with a server certificate for localhost, and a second CA that signed nothing."""

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=directory)

    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    for name in ("ca", "other-ca"):
        openssl("req", "-x509", *curve, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem")
    names = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    authority = ("-CA", "ca.pem", "-CAkey", "ca.key", "-addext", "basicConstraints=critical,CA:FALSE")
    openssl("req", "-x509", *curve, *names, *authority, "-keyout", "server.key", "-out", "server.pem")
    shutil.chown(directory / "server.key", owner)


@dataclass
class Postgres:
    directory: Path
    port: int

    def create(self, name: str) -> None:
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" OWNER shop')

    def dsn(self, database: str, user: str = "postgres") -> str:
        return f"host={self.directory} port={self.port} dbname={database} user={user}"

    def run(self, tool: str, database: str, *arguments: str) -> str:
        command = [POSTGRES / tool, "-d", self.dsn(database, "shop"), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, cwd=SAMPLE / "database").stdout

    def seed(self, database: str, scale: int = SEED_SCALE) -> None:
        self.run("psql", database, "-q", "-f", "schema.sql", "-v", f"scale={scale}", "-f", "seed.sql")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    if not (POSTGRES / "initdb").exists():
        pytest.skip(f"PostgreSQL 15 is not at {POSTGRES} (apt-get install postgresql-15)")
    owner = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    # A socket path has a length limit that pytest's own directories reach.
    directory = scratch("shop-pg-")
    directory.chmod(0o755)
    shutil.chown(directory, owner)
    data, port = directory / "data", free_port()

    def as_owner(*command: str | Path) -> None:
        subprocess.run(command, check=True, capture_output=True, cwd="/", user=owner if os.geteuid() == 0 else None)

    where = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={directory}"
    tls = f"-c ssl=on -c ssl_cert_file={directory}/server.pem -c ssl_key_file={directory}/server.key"
    options = f"{where} {tls} -c fsync=off -c max_connections=60"
    certificates(directory, owner)
    initdb = (POSTGRES / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")
    as_owner(*initdb)
    (data / "pg_hba.conf").write_text("local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n")
    as_owner(POSTGRES / "pg_ctl", "-D", data, "-o", options, "-l", directory / "log", "-w", "start")
    try:
        server = Postgres(directory, port)
        with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
            connection.execute("CREATE ROLE shop LOGIN")
            connection.execute(f"CREATE ROLE shop_app LOGIN PASSWORD '{DATABASE_PASSWORD}'")
        yield server
    finally:
        as_owner(POSTGRES / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(directory)


@pytest.fixture(scope="session")
def database(postgres: Postgres) -> str:
    postgres.create("tiketi")
    postgres.seed("tiketi")
    # What the role that owns nothing is given on the new stores, and no more: nothing in schema audit.
    with psycopg.connect(postgres.dsn("tiketi", "shop"), autocommit=True) as connection:
        connection.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO shop_app")
        connection.execute("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO shop_app")
    return "tiketi"


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("redis-server is not installed (apt-get install redis-server)")
    port = free_port()
    command = [binary, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    until(lambda: listens(port), "Redis listening")
    yield port, process
    process.kill()
    process.wait()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="session")
def shop_python() -> Path:
    """A Python with exactly what the image holds, kept by the digest of the lock."""
    lock = SAMPLE / "app" / "requirements.txt"
    digest = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:12]
    venv = ROOT / ".cache" / f"shop-{digest}"
    python = venv / "bin" / "python"
    if (venv / "complete").exists():
        return python
    shutil.rmtree(venv, ignore_errors=True)
    uv = shutil.which("uv") or str(ROOT / ".cache" / "uv" / "bin" / "uv")
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, venv], check=True, capture_output=True)
    install = [
        uv,
        "pip",
        "install",
        "--quiet",
        "--require-hashes",
        "--only-binary=:all:",
        "--python",
        python,
        "-r",
        lock,
    ]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"the locked requirements cannot be installed here: {done.stderr.strip()[-300:]}")
    (venv / "complete").touch()
    return python


class Shop:
    def __init__(self, python: Path, environment: dict[str, str], directory: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = directory / f"shop-{self.port}.log"
        environment = {**environment, "PORT": str(self.port), "PYTHONPATH": str(SAMPLE / "app")}
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [python, "-m", "tiketi"], env=environment, stdout=output, stderr=subprocess.STDOUT
            )
        until(lambda: self.process.poll() is not None or listens(self.port), "the shop listening")
        self.http = httpx.Client(base_url=self.url, timeout=20, limits=httpx.Limits(max_connections=80))

    def sign_in(self, user: int) -> dict[str, str]:
        """A session of a seeded account: what /api/v1/auth/login would have signed."""
        from tiketi import tokens  # noqa: PLC0415 - on the path only since this file is loaded

        return {"Authorization": f"Bearer {tokens.sign(SIGNING_KEY, 'session', {'user': user}, 600)}"}

    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def stop(self) -> None:
        self.http.close()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=PATIENCE)


StartShop = Callable[..., Shop]


@pytest.fixture
def start_shop(
    shop_python: Path, postgres: Postgres, database: str, redis_server: tuple[int, object], tmp_path: Path
) -> Iterator[StartShop]:
    key = tmp_path / "signing-key"
    key.write_text(SIGNING_KEY)
    started: list[Shop] = []

    def start(**environment: str) -> Shop:
        shop = Shop(
            shop_python,
            {
                "DATABASE_HOST": str(postgres.directory),
                "DATABASE_PORT": str(postgres.port),
                "DATABASE_NAME": database,
                "DATABASE_USER": "shop_app",
                "DATABASE_SSLMODE": "disable",
                "REDIS_HOST": "127.0.0.1",
                "REDIS_PORT": str(redis_server[0]),
                "REDIS_TLS": "false",
                "SIGNING_KEY_FILE": str(key),
                **environment,
            },
            tmp_path,
        )
        started.append(shop)
        return shop

    yield start
    for shop in started:
        if shop.process.poll() is None:
            shop.stop()


@pytest.fixture
def shop(start_shop: StartShop) -> Shop:
    return start_shop()


@pytest.fixture
def connection(postgres: Postgres, database: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(postgres.dsn(database), autocommit=True) as found:
        yield found
