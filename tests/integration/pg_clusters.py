"""Two PostgreSQL clusters of our own, with TLS, on spare ports of the loopback: one plays the old host, one Aurora."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import Endpoint
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.scratch import scratch

DATABASE = Path(__file__).resolve().parents[2] / "examples" / "tiketi" / "database"
BIN = Path("/usr/lib/postgresql/15/bin")
PASSWORD = "a/b@c%d:e\\f'g\"h i"  # noqa: S105 - every character that has ever broken a URL, a shell or a password file


def _spare_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def make_ca(folder: Path, name: str) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    # Of its own, as OpenSSL chooses by the subject where a bundle holds several authorities.
    subject = _name(f"{name} of {folder.name}")
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").touch(mode=0o600)
    (folder / f"{name}.key").write_bytes(_pem(key))
    return certificate, key


def expired(ca_file: Path) -> bytes:
    """The same authority as it will be some day: same name and key, so that only its date is wrong."""
    known = x509.load_pem_x509_certificate(ca_file.read_bytes())
    key = serialization.load_pem_private_key(ca_file.with_suffix(".key").read_bytes(), None)
    now = datetime.datetime.now(datetime.UTC)
    twin = (
        x509.CertificateBuilder()
        .subject_name(known.subject)
        .issuer_name(known.issuer)
        .public_key(known.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=30))
        .not_valid_after(now - datetime.timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())  # type: ignore[arg-type]
    )
    return twin.public_bytes(serialization.Encoding.PEM)


def make_server_certificate(folder: Path, ca: tuple[x509.Certificate, ec.EllipticCurvePrivateKey]) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(_name("localhost"))
        .issuer_name(ca[0].subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(names, critical=False)
        .sign(ca[1], hashes.SHA256())
    )
    (folder / "server.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "server.key").write_bytes(_pem(key))


@dataclass
class Cluster:
    """A running server, and the ways into it."""

    side: str
    data: Path
    port: int
    ca_file: Path
    other_ca_file: Path
    settings: tuple[str, ...] = ()  # name=value, besides those that every test wants

    def admin(self, dbname: str = "postgres") -> psycopg.Connection:
        return psycopg.connect(
            host=str(self.data),
            port=self.port,
            user="postgres",
            dbname=dbname,
            password="admin",  # noqa: S106
            autocommit=True,
        )

    def execute(self, statement: str, dbname: str = "postgres") -> list[tuple]:
        with self.admin(dbname) as session:
            cursor = session.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def endpoint(self, dbname: str, username: str = "master", sslmode: str = "verify-full") -> Endpoint:
        password = "admin" if username == "postgres" else PASSWORD
        return Endpoint(self.side, "localhost", self.port, dbname, username, password, sslmode, str(self.ca_file))

    def as_postgres(self, *argv: str) -> None:
        subprocess.run(["runuser", "-u", "postgres", "--", *argv], check=True, capture_output=True, cwd="/")

    def start(self) -> None:
        settings = (
            f"-c port={self.port} -c listen_addresses=localhost -c unix_socket_directories={self.data} -c ssl=on -c fsync=off"
            " -c max_prepared_transactions=5 -c password_encryption=scram-sha-256 -c logging_collector=off"
        ) + "".join(f" -c {setting}" for setting in self.settings)
        self.as_postgres(
            str(BIN / "pg_ctl"), "-D", str(self.data), "-w", "-l", str(self.data / "log"), "-o", settings, "start"
        )

    def stop(self) -> None:
        self.as_postgres(str(BIN / "pg_ctl"), "-D", str(self.data), "-m", "immediate", "stop")


def _make(root: Path, side: str, settings: tuple[str, ...]) -> Cluster:
    folder = root / side
    folder.mkdir()
    ca = make_ca(folder, "ca")
    make_ca(folder, "other-ca")
    data = folder / "data"
    secret = folder / "admin"
    secret.write_text("admin")
    owner = pwd.getpwnam("postgres")
    for path in (root, folder, secret):
        os.chown(path, owner.pw_uid, owner.pw_gid)
    os.chmod(root, 0o755)  # noqa: S103 - the user postgres must pass; the keys below are its own
    os.chmod(folder, 0o755)  # noqa: S103
    cluster = Cluster(side, data, _spare_port(), folder / "ca.pem", folder / "other-ca.pem", settings)
    initdb = ["--auth=scram-sha-256", f"--pwfile={secret}", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
    cluster.as_postgres(str(BIN / "initdb"), "-D", str(data), *initdb)
    make_server_certificate(data, ca)
    for name in ("server.key", "server.crt"):
        os.chown(data / name, owner.pw_uid, owner.pw_gid)
        os.chmod(data / name, 0o600)
    # Thousands of times a run a test looks at its server, mostly for one statement; of such a look a password is the dearest part.
    (data / "pg_ident.conf").write_text("tests root postgres\ntests postgres postgres\n")
    (data / "pg_hba.conf").write_text(
        "local all postgres peer map=tests\nlocal all all scram-sha-256\nhostssl all all 127.0.0.1/32 scram-sha-256\n"
    )
    cluster.start()
    return cluster


def run_psql(cluster: Cluster, dbname: str, *files: Path, **variables: str) -> None:
    argv = [str(BIN / "psql"), "-q", "-X", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null"]
    argv += ["-h", str(cluster.data), "-p", str(cluster.port), "-U", "postgres", "-d", dbname]
    for name, value in variables.items():
        argv += ["-v", f"{name}={value}"]
    for file in files:
        argv += ["-f", str(file)]
    subprocess.run(argv, check=True, env={"PGPASSWORD": "admin", "LC_ALL": "C.UTF-8"})


@contextlib.contextmanager
def make_clusters(*settings: str, on_disk: bool = False) -> Iterator[tuple[Cluster, Cluster]]:
    root = scratch("platform-pg-", on_disk)
    made: list[Cluster] = []
    try:
        for side in ("source", "target"):
            made.append(_make(root, side, settings))
        for cluster in made:
            with cluster.admin() as session:
                session.execute("CREATE ROLE master LOGIN NOSUPERUSER CREATEROLE")
                session.execute(psycopg.sql.SQL("ALTER ROLE master PASSWORD {}").format(PASSWORD))
        yield made[0], made[1]
    finally:
        for cluster in made:
            cluster.stop()
        shutil.rmtree(root, ignore_errors=True)
