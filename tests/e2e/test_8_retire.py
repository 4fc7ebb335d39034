"""The old stores go after a finished move, while people buy, and nobody brings them up again by mistake.

Needs: the stages single and managed after the cutover, its way back armed, as test_7_onward leaves them.
Afterwards the stage single is retired for good: nothing that needs the old stores can follow.
"""

from __future__ import annotations

import json

import pytest

from tests.e2e import canary
from tests.e2e.shoppers import Shoppers
from tests.e2e.support import LOGS, Outcome, address_of, on_host, run

RETIRE = "playbooks/retire_stores.yml"
MOVE = "playbooks/migrate_postgres.yml"
BACKUP = "/var/backups/stores-single"
NAMED = ("-e", f"compose_stores_backup_dir={BACKUP}")
pytestmark = pytest.mark.full
STORES = ["stores-postgres-1", "stores-redis-1"]
VOLUMES = ["stores_postgres-data", "stores_redis-data"]
JOURNALS = "/var/lib/platform_migration/*/journal.json"


def containers() -> list[str]:
    names = on_host("podman ps --all --noheading | awk '{print $NF}'").split()
    return sorted(name for name in names if name.startswith("stores-"))


def phase() -> str:
    return str(json.loads(on_host(f"cat {JOURNALS}"))["phase"])


def retire(name: str, *arguments: str) -> Outcome:
    return run(*arguments, name=f"retire-{name}", stage="managed", playbook=RETIRE)


@pytest.fixture(scope="module")
def address() -> str:
    return address_of("app-1")


@pytest.fixture(scope="module", autouse=True)
def _switched() -> None:
    assert phase() == "switched", "see the head of this file"


def test_nothing_goes_while_the_way_back_is_armed() -> None:
    refused = retire("armed")
    text = " ".join(refused.output.split())
    assert refused.code != 0
    assert "its way back is still armed" in text
    assert "no place is named for the last backup" in text
    assert refused.changed == 0
    assert containers() == STORES


def test_a_dry_run_says_what_would_go_and_touches_nothing() -> None:
    finished = run("-e", "migration_step=finish", name="retire-finish", stage="managed", playbook=MOVE)
    assert finished.code == 0, finished.tail()
    dry = retire("check", *NAMED, "--check", "--diff")
    assert dry.code == 0, dry.tail()
    for words in (
        f"save the old stores to {BACKUP}",
        "remove the container stores-postgres-1",
        "remove the file /etc/platform-stores/server.key",
    ):
        assert words in dry.output
    assert containers() == STORES
    assert on_host(f"test -e {BACKUP} || echo none") == "none"


def test_the_old_stores_go_while_people_buy(address: str) -> None:
    with Shoppers(address) as shoppers:
        done = retire("real", *NAMED)
    assert done.code == 0, done.tail()
    print(f"retired in {done.seconds:.0f} s; {len(shoppers.acknowledged)} reservations meanwhile")
    assert shoppers.failed == []
    assert shoppers.missing() == []
    assert containers() == []
    assert on_host("podman volume ls --quiet | grep ^stores_ | sort").split() == VOLUMES
    assert on_host("ls /srv/stores 2>&1 | grep -c 'No such file'") == "1"
    assert on_host("ls /etc/platform-stores") == "retired"
    proxy = on_host("grep -c 'server old' /etc/redis-proxy/haproxy.cfg; ls /etc/redis-proxy")
    assert proxy.split() == ["0", "haproxy.cfg", "new-ca.pem"]
    assert on_host("grep -c 'BEGIN CERT' /etc/pgbouncer/server-ca.pem") != "0"


def test_the_backup_is_private_and_holds_what_was_there() -> None:
    assert on_host(f"stat -c '%a %U' {BACKUP}; find {BACKUP} -perm /077 | wc -l").split() == ["700", "root", "0"]
    told = json.loads(on_host(f"cat {BACKUP}/backup.json"))
    tiketi = next(one for one in told["postgres"]["databases"] if one["database"] == "tiketi")
    client = "/usr/lib/postgresql/15/bin/pg_restore"
    listed = on_host(f"{client} --list {BACKUP}/{tiketi['folder']} | grep -c 'TABLE DATA public reservations'")
    assert listed == "1"
    assert told["redis"]["bytes"] > 0
    assert on_host(f"head -c 5 {BACKUP}/redis.rdb") == "REDIS"


def test_nothing_is_done_twice_and_the_stage_converges() -> None:
    for name, arguments in (("again", ()), ("again-check", (*NAMED, "--check", "--diff"))):
        again = retire(name, *arguments)
        assert (again.code, again.changed) == (0, 0), again.tail()
    site = run(name="retire-site", stage="managed")
    assert (site.code, site.changed) == (0, 0), site.tail()
    back = run("-e", "migration_step=rollback", name="retire-rollback", stage="managed", playbook=MOVE)
    assert back.code != 0
    assert "the move is finished" in " ".join(back.output.split())


def test_the_stage_before_refuses_to_bring_them_up_again() -> None:
    refused = run(name="retire-single", stage="single")
    assert refused.code != 0
    text = " ".join(refused.output.split())
    assert "were taken away on" in text
    assert "remove /etc/platform-stores/retired" in text
    assert containers() == []


def test_no_run_said_a_secret() -> None:
    wanted = canary.patterns(canary.secrets())
    logs = {log.name: log.read_text(encoding="utf-8") for log in LOGS.glob("e2e-retire-*.log")}
    assert "e2e-retire-real.log" in logs
    assert [name for name, text in logs.items() if any(pattern in text for pattern in wanted)] == []
