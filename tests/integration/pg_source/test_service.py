"""A PostgreSQL service of a host on its way to being a source."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source import hba, place
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.remove import remove
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.target import Admin

from tests.integration.pg_clusters import BIN, Cluster
from tests.integration.pg_source.conftest import PASSWORD, Source

# The server takes each of them, and does not start with both.
TOO_MANY = {"max_wal_senders": 200_000, "max_worker_processes": 70_000}

PLAIN = "disable"  # what must be refused


def state(cluster: Cluster) -> tuple[Any, ...]:
    files = [(cluster.data / name).read_text() for name in ("pg_hba.conf", "postgresql.auto.conf", "postgresql.conf")]
    roles = cluster.execute("SELECT rolname, rolpassword FROM pg_authid ORDER BY 1")
    grants = cluster.execute("SELECT relname, relacl::text FROM pg_class WHERE relacl IS NOT NULL ORDER BY 1", "shop")
    return (*files, roles, grants, sorted(path.name for path in cluster.data.iterdir()))


def replicates(service: Source, ca: str) -> None:
    """As a subscription does: verified TLS, the replication protocol, a slot; and the copy reads."""
    with service.connect(ca) as session:
        assert session.execute("SELECT count(*) FROM seats").fetchone() == (100,)
        assert session.execute('SELECT count(*) FROM "Audit"."Log"').fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute("DELETE FROM seats")
    with service.connect(ca, replication="database", cursor_factory=psycopg.ClientCursor) as session:
        session.execute('CREATE_REPLICATION_SLOT "try" TEMPORARY LOGICAL pgoutput')


def test_from_a_plain_server_to_a_publisher_with_one_restart(service: Source, cluster: Cluster) -> None:
    before, hba_before = state(cluster), (cluster.data / "pg_hba.conf").read_text()
    said = service(check=True)
    assert state(cluster) == before
    assert said["changed"]
    assert said["pending_restart"] == ["wal_level"]
    assert not service.folder.exists()

    with cluster.admin("shop") as client:
        client.execute("BEGIN")
        done = service()
        assert done["actions"] == said["actions"]
        assert (done["ready"], done["pending_restart"], done["restart"]) == (False, ["wal_level"], {})
        assert "wal_level = logical (now replica)" in done["announcement"][0]
        assert "1 of postgres from local" in done["announcement"][-1]
        assert client.execute("SELECT 1").fetchone() == (1,)  # nobody was cut off
    again = service()
    assert (again["changed"], again["pending_restart"]) == (False, ["wal_level"])

    restarted = service(restart=True)
    assert restarted["actions"] == ["restart PostgreSQL for wal_level"]
    assert (restarted["ready"], restarted["pending_restart"]) == (True, [])
    assert 0 < restarted["restart"]["downtime_seconds"] < 30
    assert restarted["publisher"]["verified"]
    assert not service(restart=True)["changed"]

    ca = restarted["publisher"]["ca"]
    replicates(service, ca)
    with pytest.raises(psycopg.OperationalError, match=r"pg_hba\.conf rejects"):
        service.connect("", sslmode=PLAIN, sslrootcert="")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        service.connect(ca, password="wrong")  # noqa: S106
    assert hba.without((cluster.data / "pg_hba.conf").read_text()) == hba_before
    log = (cluster.data / "log").read_text()
    assert "CREATE ROLE" not in log  # the statements around the password are not logged at all
    assert PASSWORD not in log
    assert "SCRAM-SHA-256$" not in log
    assert (service.folder / again["where"]["identifier"] / "ca.key").stat().st_mode & 0o077 == 0
    assert (cluster.data / "platform_server.key").stat().st_mode & 0o077 == 0


def test_what_drifted_is_put_right_and_all_is_taken_back(service: Source, cluster: Cluster) -> None:
    hba_before = (cluster.data / "pg_hba.conf").read_text()
    service(restart=True)
    cluster.execute("ALTER ROLE mover SUPERUSER PASSWORD 'other'")
    cluster.execute("CREATE TABLE later (id int)", "shop")  # default privileges cover it: nothing to do
    cluster.execute("REVOKE SELECT ON seats FROM mover", "shop")
    cluster.execute("ALTER SYSTEM SET wal_sender_timeout TO 0; ")
    cluster.execute("SELECT pg_reload_conf()")
    done = service()["actions"]
    assert done == [
        "take back what mover does not need",
        "set the password of mover",
        "let mover read shop",  # seen once it is no superuser any more
        "set wal_sender_timeout to 60s (was 0)",
    ]
    # A name more in the certificate is a new certificate of the same authority.
    ca = service()["publisher"]["ca"]
    assert service(names=("db.internal",))["actions"] == ["make a certificate for 127.0.0.1 and its authority"]
    assert service(names=("db.internal",))["publisher"]["ca"] == ca
    with service.connect(ca, host="db.internal", hostaddr="127.0.0.1") as session:
        assert session.execute("SELECT has_table_privilege('later', 'SELECT')").fetchone() == (True,)

    cluster.execute("ALTER SYSTEM SET max_slot_wal_keep_size TO '3GB'")  # somebody's choice by now
    assert remove(service.choice, service.admin, service.wanted, True)["changed"]
    gone = remove(service.choice, service.admin, service.wanted, False)
    assert gone["pending_restart"] == ["wal_level"]
    assert not remove(service.choice, service.admin, service.wanted, False)["changed"]
    assert (cluster.data / "pg_hba.conf").read_text() == hba_before
    assert cluster.execute("SELECT count(*) FROM pg_roles WHERE rolname = 'mover'") == [(0,)]
    auto = (cluster.data / "postgresql.auto.conf").read_text()
    assert "wal_level" not in auto
    assert "max_slot_wal_keep_size = '3GB'" in auto


def test_no_command_line_holds_a_secret(service: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    real = place.subprocess.run

    def watched(argv: list[str], **options: Any) -> Any:
        seen.extend([*argv, *options["env"].values()])
        return real(argv, **options)

    monkeypatch.setattr(place.subprocess, "run", watched)
    monkeypatch.setattr(service, "admin", Admin("postgres", "admin"))
    service(restart=True)
    assert "psql" in " ".join(seen)
    for secret in (PASSWORD, "SCRAM-SHA-256$", "PRIVATE KEY"):
        assert not [text for text in seen if secret in text]
    assert "admin" not in seen


def test_a_server_that_does_not_start_again_gets_its_settings_back(service: Source, cluster: Cluster) -> None:
    cluster.execute("ALTER SYSTEM SET work_mem TO '6MB'")  # somebody else's: stays
    with pytest.raises(
        PgError, match=r"did not start again: .*invalid value .*was put back as it was, and it runs again"
    ):
        service(restart=True, **TOO_MANY)
    auto = (cluster.data / "postgresql.auto.conf").read_text()
    assert "max_wal_senders" not in auto
    assert "wal_level" not in auto
    assert "work_mem = '6MB'" in auto
    assert cluster.execute("SHOW wal_level", "shop") == [("replica",)]
    assert service(restart=True)["ready"]  # and the next run, with a better value, goes through


def test_lines_that_the_server_does_not_like_are_taken_back(
    service: Source, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (cluster.data / "pg_hba.conf").read_text()
    monkeypatch.setattr(hba, "render", lambda *_: ["hostssl all mover 10.0.0.0/99 scram-sha-256"])
    with pytest.raises(PgError, match="was put back as it was: with our lines the server says line"):
        service()
    assert (cluster.data / "pg_hba.conf").read_text() == before


def test_a_command_line_wins_and_is_named(service: Source, cluster: Cluster) -> None:
    cluster.as_postgres(str(BIN / "pg_ctl"), "-D", str(cluster.data), "-w", "-l", str(cluster.data / "log"), "-o", "-c wal_level=replica",
                        "-m", "fast", "restart")  # fmt: skip
    done = service(restart=True)
    assert not done["ready"]
    assert done["restart"] == {}
    assert "take '-c wal_level=replica' out of it, or make it '-c wal_level=logical'" in done["blockers"][0]
    # What needs no mend is done all the same, so that mending the command line is the only restart.
    assert "set wal_level to logical (was not set)" in done["actions"]
    assert not service(restart=True)["changed"]
    cluster.as_postgres(
        str(BIN / "pg_ctl"), "-D", str(cluster.data), "-w", "-l", str(cluster.data / "log"), "-m", "fast", "stop"
    )
    cluster.as_postgres(str(BIN / "pg_ctl"), "-D", str(cluster.data), "-w", "-l", str(cluster.data / "log"), "start")
    mended = service()
    assert (mended["ready"], mended["changed"]) == (True, False)


def test_given_files_are_served_and_a_wrong_pair_is_refused(service: Source, cluster: Cluster, tmp_path: Path) -> None:
    made = service()
    folder = service.folder / made["where"]["identifier"]
    key, cert, other = (str(tmp_path / name) for name in ("k.pem", "c.pem", "other.pem"))
    for out in (key, other):
        subprocess.run(
            ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", out], check=True
        )
    subprocess.run(["openssl", "req", "-x509", "-new", "-key", key, "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
                    "-days", "30", "-out", cert], check=True)  # fmt: skip
    pem = Path(cert).read_text()
    tls = replace(service.wanted.tls, mode="given", certificate=pem, key=Path(other).read_text(), ca=pem)
    with pytest.raises(PgError, match=r"tls.key is not the key of tls.certificate"):
        service(tls=tls)
    right = replace(tls, key=Path(key).read_text())
    assert service(tls=right)["actions"] == ["put the given certificate beside the data"]
    assert not service(tls=right)["changed"]
    with service.connect(pem) as session:
        assert session.execute("SELECT 1").fetchone() == (1,)
    assert not [path for path in folder.iterdir() if "server" in path.name]
    assert cluster.execute("SHOW ssl") == [("on",)]
