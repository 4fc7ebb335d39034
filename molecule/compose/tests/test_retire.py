"""The last of the scenario: the stores are taken away. The move that has to be before it is played by its traces."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from test_compose import ADDRESS, SCENARIO, SWITCH, on_host, play

RETIRE = SCENARIO / "retire.yml"
BACKUP = "/var/backups/stores"
NAMED = ("-e", f"compose_stores_backup_dir={BACKUP}")
ELSEWHERE = "10.89.48.12"
MOVED = f"""
set -eu
for one in 'platform_migration 5432/shop' 'platform_redis_migration 6379'; do
    set -- $one
    install -d -m 0700 /var/lib/$1/made-up
    printf '{{"phase": "finished", "source": "{ADDRESS}:%s", "target": "{ELSEWHERE}:%s"}}' $2 $2 > /var/lib/$1/made-up/journal.json
done
sed -i 's|^\\( *server old .*\\)$|\\1 disabled\\n    server new {ELSEWHERE}:6379|' /etc/redis-proxy/haproxy.cfg
systemctl reload redis-proxy.service
podman exec --user=postgres stores-postgres-1 psql --no-psqlrc --quiet --username=platform_admin --dbname=postgres \\
    --command='ALTER DATABASE shop SET default_transaction_read_only TO on'
podman stop --time 5 app-backend-1 app-backend-2
"""
STORES = """
- hosts: compose_hosts
  become: true
  roles: [tiketi.platform.compose_stores]
"""


def words(text: str) -> str:
    return " ".join(text.split())


def stores() -> list[str]:
    return sorted(re.findall(r"stores-\w+-1", on_host("podman ps --all --noheading")))


def test_stores_in_use_stay_and_every_reason_is_said() -> None:
    refused = play(book=RETIRE)
    assert refused.returncode != 0
    for reason in (
        f"no journal on this host tells of a finished move of PostgreSQL from {ADDRESS}:5432/shop",
        f"no journal on this host tells of a finished move of Redis from {ADDRESS}:6379",
        "PgBouncer leads the database shop to the old PostgreSQL",
        "the Redis proxy leads applications to the old Redis",
        f"connected to the old Redis {ADDRESS}:6379",
        "is open to writers",
        "no place is named for the last backup",
    ):
        assert reason in words(refused.stdout), reason
    assert stores() == ["stores-postgres-1", "stores-redis-1"]


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> None:
    on_host(MOVED)
    book = tmp_path_factory.mktemp("books") / "switch.yml"
    # No server is there; PgBouncer is told, and asks it nothing as long as nobody comes.
    book.write_text((SWITCH % "shop").replace(f"host: {ADDRESS}", f"host: {ELSEWHERE}"))
    done = play(book=book)
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.usefixtures("moved")
def test_they_are_saved_and_go_once(tmp_path: Path) -> None:
    dry = play(*NAMED, "--check", "--diff", book=RETIRE)
    assert dry.returncode == 0, dry.stdout[-3000:]
    assert f"save the old stores to {BACKUP}" in dry.stdout
    assert stores() == ["stores-postgres-1", "stores-redis-1"]
    done = play(*NAMED, book=RETIRE)
    assert done.returncode == 0, done.stdout[-3000:]
    assert stores() == []
    assert on_host("ls /srv /etc/platform-stores").split() == ["/etc/platform-stores:", "retired", "/srv:", "app"]
    assert on_host("podman volume ls --quiet | grep ^stores_ | sort").split() == [
        "stores_postgres-data",
        "stores_redis-data",
    ]
    assert "stores" not in on_host("podman network ls; podman pod ls")
    told = json.loads(on_host(f"cat {BACKUP}/backup.json"))
    assert (told["redis"]["checked"], told["stage"]) == (True, "molecule")
    assert on_host(f"stat -c '%a %U' {BACKUP}; find {BACKUP} -perm /077").split() == ["700", "root"]
    assert (
        on_host(
            f"/usr/lib/postgresql/15/bin/pg_restore --list {BACKUP}/postgres/shop | grep -c 'TABLE DATA public reservations'"
        )
        == "1\n"
    )
    again = play(book=RETIRE)
    assert re.search(r"app-1\s.*changed=0 .*failed=0", again.stdout), again.stdout[-3000:]
    book = tmp_path / "stores.yml"
    book.write_text(STORES)
    refused = play(book=book)
    assert refused.returncode != 0
    assert "were taken away on" in words(refused.stdout)
    assert stores() == []


@pytest.mark.usefixtures("moved")
def test_the_data_go_when_told_to() -> None:
    done = play("-e", "compose_stores_remove_data=true", book=RETIRE)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "stores_" not in on_host("podman volume ls --quiet")
