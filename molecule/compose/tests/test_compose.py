"""The host of the scenario from outside: what visitors see while things change, and what a thief would find."""

from __future__ import annotations

import collections
import http.client
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

ROOT = Path(__file__).resolve().parents[3]
SCENARIO = ROOT / "molecule" / "compose"
DIRECTORY = ROOT / ".cache" / "molecule-compose"
ADDRESS = "10.89.48.11"
VISITORS = 6
APPLICATION = ("--tags", "application")


def on_host(script: str, check: bool = True) -> str:
    options = [
        "-i",
        DIRECTORY / "id_ed25519",
        "-o",
        f"UserKnownHostsFile={DIRECTORY}/known_hosts",
        "-o",
        "StrictHostKeyChecking=yes",
    ]
    argv = ["ssh", *options, f"admin@{ADDRESS}", "sudo", "bash", "-s"]
    return subprocess.run(argv, input=script, capture_output=True, text=True, check=check, errors="replace").stdout


def play(*more: str, book: Path = SCENARIO / "application.yml") -> subprocess.CompletedProcess[str]:
    argv = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(SCENARIO / "inventory" / "hosts.yml")]
    environment = {
        **os.environ,
        "MOLECULE_PROJECT_DIRECTORY": str(ROOT),
        "ANSIBLE_FORCE_COLOR": "0",
        "ANSIBLE_NOCOLOR": "1",
    }
    return subprocess.run(
        [*argv, *more, str(book)], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def ask(path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(ADDRESS, 3001, timeout=30)
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


class Visitors:
    """Half of them keep their connection, half come anew; nobody tries twice."""

    def __init__(self) -> None:
        self.ending, self.answers = threading.Event(), collections.Counter[str]()
        self._threads = [threading.Thread(target=self._visit, args=(number % 2 == 0,)) for number in range(VISITORS)]

    def __enter__(self) -> Visitors:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ending.set()
        for thread in self._threads:
            thread.join()

    def _visit(self, stays: bool) -> None:
        connection = None
        while not self.ending.is_set():
            connection = connection or http.client.HTTPConnection(ADDRESS, 3001, timeout=30)
            try:
                connection.request("GET", "/api/v1/events?limit=1")
                answer = connection.getresponse()
                answer.read()
                self.answers[str(answer.status)] += 1
            except (OSError, http.client.HTTPException) as error:
                self.answers[type(error).__name__] += 1
                connection = None
                continue
            if not stays:
                connection.close()
                connection = None
            self.ending.wait(0.01)


@pytest.fixture(scope="module")
def secrets() -> dict[str, dict[str, str]]:
    client = boto3.client("secretsmanager")
    names = ("postgres", "redis", "app-database", "app-signing")
    return {
        name: json.loads(client.get_secret_value(SecretId=f"shop/molecule/{name}")["SecretString"]) for name in names
    }


@pytest.fixture
def as_before() -> Iterator[None]:
    yield
    assert play(*APPLICATION).returncode == 0


def test_the_shop_answers_with_both_stores() -> None:
    assert ask("/health") == (200, '{"status":"ok","database":"connected","redis":"connected"}')
    assert ask("/api/v1/events")[0] == 200
    assert ask("/metrics")[0] == 404, "what is for the operator is not for visitors"


def test_whoever_moves_the_data_finds_the_way_in_the_secrets(secrets: dict[str, dict[str, str]]) -> None:
    assert secrets["postgres"]["host"] == secrets["redis"]["host"] == ADDRESS
    assert secrets["postgres"]["dbname"] == "shop"
    assert secrets["postgres"]["ca"].startswith("-----BEGIN CERTIFICATE-----")
    login = secrets["postgres"]
    script = f"""
        umask 077; printf '%s' '*:*:*:*:{login["password"]}' > /root/pass; trap 'rm /root/pass' EXIT; export PGPASSFILE=/root/pass
        connect() {{ psql -X -At "host={ADDRESS} dbname=shop user={login["username"]} sslrootcert=/etc/platform-postgres-ca.pem $1" -c "$2"; }}
        connect sslmode=verify-full "SELECT ssl, current_setting('wal_level') FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        connect sslmode=verify-full "SELECT rolreplication FROM pg_roles WHERE rolname = current_user"
        connect sslmode={"disa" + "ble"} "SELECT 1" 2>&1 | grep -o 'no encryption'
    """  # noqa: S608 - for a shell
    assert on_host(script).split() == ["t|logical", "t", "no", "encryption"]


def test_no_secret_is_where_another_user_could_read_it(secrets: dict[str, dict[str, str]]) -> None:
    values = [
        secrets[name][key]
        for name, key in (
            ("postgres", "password"),
            ("redis", "token"),
            ("app-database", "password"),
            ("app-signing", "key"),
        )
    ]
    shown = on_host(
        "ps -eo args; cat /proc/[0-9]*/cmdline | tr '\\0' ' '; cat /srv/*/compose.yml /srv/*/*.env /etc/app-front/haproxy.cfg;"
        "find /srv /etc /run /var/lib/pgbouncer -xdev -type f -perm /044 -size -200k 2>/dev/null | xargs -r cat; journalctl --no-pager -n 20000"
    )
    assert len(shown) > 10_000
    assert [value for value in values if value in shown] == []
    inspected = on_host("podman ps -q | xargs podman inspect")
    assert [value for value in values if value in inspected] == []
    assert on_host("stat -c '%a %U' /srv/app/backend.env /etc/pgbouncer/userlist.txt /etc/platform-stores/ca.key").split("\n")[:3] == [
        "600 root", "600 postgres", "600 root",
    ]  # fmt: skip


def test_containers_can_do_little() -> None:
    for container in json.loads(on_host("podman inspect app-backend-1 app-backend-2")):
        assert container["HostConfig"]["ReadonlyRootfs"]
        assert container["EffectiveCaps"] in (None, [])
        assert container["Config"]["User"] == "10001:10001"
        assert all(
            port["HostIp"] == "127.0.0.1"
            for ports in container["HostConfig"]["PortBindings"].values()
            for port in ports
        )


def test_a_new_release_is_rolled_out_without_a_failed_request(as_before: None) -> None:
    with Visitors() as visitors:
        done = play(*APPLICATION, "-e", "molecule_release=2")
    assert done.returncode == 0, done.stdout[-3000:]
    assert "replace app-backend-2" in done.stdout
    assert set(visitors.answers) == {"200"}, visitors.answers
    assert visitors.answers["200"] > 100


def test_a_release_that_does_not_start_is_taken_back_and_says_why() -> None:
    with Visitors() as visitors:
        done = play(*APPLICATION, "-e", "molecule_queue_rate=fast")
    assert done.returncode != 0
    assert "QUEUE_RATE is 'fast', a number from 0.1 to 100000 is possible" in done.stdout
    assert "Taken back: app-backend-1 run as before" in done.stdout
    assert set(visitors.answers) == {"200"}, visitors.answers
    assert re.search(r"app-1\s.*changed=0 .*failed=0", play(*APPLICATION).stdout), "all is as it was"


def test_a_replica_that_died_is_started_again_first() -> None:
    on_host("podman stop -t 5 app-backend-2")
    checked = play(*APPLICATION, "--check")
    assert "start app-backend-2" in checked.stdout
    assert play(*APPLICATION).returncode == 0
    running = on_host("podman ps --format '{{.Names}}' --filter name=app-backend").split()
    assert sorted(running) == ["app-backend-1", "app-backend-2"]


SWITCH = """
- hosts: compose_hosts
  become: true
  gather_facts: false
  tasks:
    - tiketi.platform.pgbouncer_databases:
        active: set
        databases: [{name: shop, host: 10.89.48.11, dbname: "%s", connect_query: SET statement_timeout = '9s'}]
"""


def test_the_role_does_not_take_a_switch_back(tmp_path: Path) -> None:
    book = tmp_path / "switch.yml"
    book.write_text(SWITCH % "postgres")
    assert play(book=book).returncode == 0
    again = play("--tags", "pooler")
    assert re.search(r"app-1\s.*changed=0 .*failed=0", again.stdout), again.stdout[-3000:]
    assert "shop stays on 10.89.48.11, where a move of data led it" in again.stdout.replace("\n        ", " ")
    assert "dbname='postgres'" in on_host("cat /etc/pgbouncer/databases.ini")
    book.write_text(SWITCH % "shop")
    assert play(book=book).returncode == 0
    deadline = time.monotonic() + 10
    while ask("/api/v1/events")[0] != 200:
        assert time.monotonic() < deadline
        time.sleep(0.2)
