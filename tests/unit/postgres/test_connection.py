"""Endpoints, their files and the words for a failure."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg.connect import explain
from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import Endpoint, endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgError, PgToolError
from ansible_collections.tiketi.platform.plugins.module_utils._pg.tools import (
    client_environment,
    find_client,
    passfile_line,
    run,
)

SECRET = "a/b@c%d:e\\f'g\"h"  # noqa: S105 - not one
WHERE = Endpoint("target", "db.example", 5432, "app", "ma:ster", SECRET, "verify-full", "/ca.pem")


def test_every_fault_of_an_endpoint_at_once() -> None:
    with pytest.raises(PgError) as caught:
        endpoint("source", {"host": "", "dbname": "a\nb", "username": "u", "password": ""}, "verify-full", "")
    said = str(caught.value)
    for part in (
        "source.host is empty",
        "source.password is empty",
        "source.dbname holds a line break",
        "source_ca_file",
    ):
        assert part in said


def test_a_password_is_in_no_representation() -> None:
    assert SECRET not in repr(WHERE)
    assert SECRET not in str(WHERE.parameters())


def test_the_password_file_escapes_what_libpq_splits_at() -> None:
    assert passfile_line(WHERE) == "*:*:*:ma\\:ster:a/b@c%d\\:e\\\\f'g\"h\n"


def test_files_of_a_connection_are_private_and_gone_afterwards(tmp_path: Path) -> None:
    leftover = tmp_path / "target.connection"
    leftover.mkdir()
    (leftover / "pass").write_text("of a killed run")
    with client_environment(tmp_path, WHERE, "test", "-c a=b") as environment:
        assert stat.S_IMODE(leftover.stat().st_mode) == 0o700
        for name in ("PGPASSFILE", "PGSERVICEFILE"):
            assert stat.S_IMODE(os.stat(environment[name]).st_mode) == 0o600
        service = Path(environment["PGSERVICEFILE"]).read_text()
        assert service.splitlines()[0] == "[target]"
        assert "sslmode=verify-full" in service
        assert SECRET not in service
        assert SECRET not in str(environment)
    assert not leftover.exists()


@pytest.mark.parametrize(
    ("reason", "mend"),
    [
        ("SSL error: certificate verify failed", "not signed by /ca.pem"),
        ('server certificate for "x" does not match host name', "names another host"),
        ("FATAL: password authentication failed", "the secret's username or password"),
        ("Connection refused", "security group"),
        ("connection timeout expired", "security group or route"),
        ("something new", "see the server's log"),
    ],
)
def test_a_failure_comes_with_its_mend(reason: str, mend: str) -> None:
    said = explain(WHERE, reason)
    assert "target db.example:5432/app" in said
    assert mend in said


def fake_client(folder: Path, version: str) -> Path:
    folder.mkdir()
    for name in ("pg_dump", "pg_restore"):
        (folder / name).write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")
        (folder / name).chmod(0o755)
    return folder


def test_a_client_of_another_major_is_not_taken(tmp_path: Path) -> None:
    folder = fake_client(tmp_path / "bin", "17.2 (Debian 17.2-1)")
    assert find_client(17, str(folder)) == (folder, 17)
    assert find_client(15, str(folder)) == (None, 17)
    assert find_client(15, str(tmp_path)) == (None, 0)


def test_a_failed_command_says_its_last_words_and_an_interrupted_one_is_stopped(tmp_path: Path) -> None:
    with pytest.raises(PgToolError, match=r"ended with 3: .*last words"):
        run([sys.executable, "-c", "print('last words'); raise SystemExit(3)"], dict(os.environ), tmp_path / "log")
    pid = tmp_path / "pid"
    script = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(60)"

    def interrupt() -> None:
        if pid.exists() and pid.read_text():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run([sys.executable, "-c", script], dict(os.environ), tmp_path / "log", interrupt)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
