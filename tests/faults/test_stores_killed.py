"""kill -9 of a run that moves PostgreSQL and Redis together, there and back: both are at one side afterwards, and nothing is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._haproxy.errors import ProxyError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import (
    cutover,
    follow,
    rollback,
    stores,
    verbs,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.rollback import Participant

from tests.faults.support import BUDGET, killed, one_side
from tests.integration.pg_migration.conftest import Move
from tests.integration.pg_migration.moving import Writers as Tables
from tests.integration.pg_migration.moving import following, seed
from tests.integration.redis_migration.conftest import new, old, pair, proxy, root
from tests.integration.redis_migration.test_redis_cutover import Writers as Keys
from tests.integration.redis_migration.test_redis_cutover import grows, nothing_lost, writers
from tests.integration.redis_servers import Proxy, RedisServer
from tests.waiting import crowded, until

__all__ = ["new", "old", "pair", "proxy", "root", "writers"]

# Of the way back, in its order: what dies before the decision leaves everybody at the new side.
BEFORE = ("redis.prepare", "redis.freeze", "drain", "redis.settle", "point", "redis.switch")
# `release` is the first step of opening PostgreSQL; Redis follows it.
AFTER = ("release", "resume", "proxy.activate")


@pytest.fixture
def redis(old: RedisServer, new: RedisServer, proxy: Proxy, tmp_path: Path) -> dict[str, Any]:
    def end(server: RedisServer) -> dict[str, Any]:
        return {
            "host": "localhost",
            "port": server.port,
            "username": "",
            "password": server.password,
            "tls": server.tls,
            "ca_file": server.ca_file,
        }

    return {
        "source": end(old), "target": end(new), "keys": [], "copy_cache": False, "share_token": True,
        "proxy_socket": str(proxy.folder / "admin.sock"), "proxy_config": str(proxy.folder / "haproxy.cfg"),
        "folder": str(tmp_path / "redis"),
    }  # fmt: skip


def proxied(proxy: Proxy, side: str) -> None:
    """The proxy leads to that side, at last."""

    def there() -> bool:
        try:
            return proxy.switch.active() == side
        except ProxyError:
            return False

    until(there, f"the proxy does not lead to the {side} side", seconds=30)


def moved(move: Move, redis: dict[str, Any]) -> None:
    following(move)
    with move.opened(freeze_budget=BUDGET * crowded()) as context:
        assert cutover.run(context, False, [stores.forward(redis)])["phase"] == "switched"


def back(move: Move, redis: dict[str, Any]) -> dict[str, Any]:
    others: list[Participant] = [stores.back(redis)]
    with move.opened(freeze_budget=BUDGET * crowded()) as context:
        return rollback.run(context, False, others)


@pytest.mark.full
def test_a_rollback_that_dies_before_the_decision_leaves_all_at_the_new_side(
    move: Move, redis: dict[str, Any], old: RedisServer, new: RedisServer, proxy: Proxy, writers: Keys
) -> None:
    moved(move, redis)
    tables = Tables(move)
    with tables.writing():
        for step in BEFORE:
            killed(move, "rollback", step, redis=redis)
            one_side(move, (False, True), (BUDGET + 5) * crowded())
            proxied(proxy, "new")
            grows(new)
            tables.more(5)
        result = back(move, redis)
        assert result["phase"] == "returned", result
        tables.more()
        grows(old)
    print(f"{result['measured']}")
    assert tables.lost(move.source) == []
    print(f"longest wait of Redis's writers {nothing_lost(writers.end(), old):.2f} s")


@pytest.mark.parametrize("step", AFTER)
@pytest.mark.fewer("resume")
def test_after_the_decision_both_come_to_the_old_side(
    move: Move, redis: dict[str, Any], old: RedisServer, proxy: Proxy, writers: Keys, step: str
) -> None:
    moved(move, redis)
    tables = Tables(move)
    with tables.writing():
        killed(move, "rollback", step, redis=redis)
        one_side(move, (True, False), (BUDGET + 5) * crowded())
        proxied(proxy, "old")
        grows(old)
        assert back(move, redis)["phase"] == "returned"
        tables.more()
    assert tables.lost(move.source) == []
    nothing_lost(writers.end(), old)


def test_both_are_moved_after_a_rehearsal_that_was_given_up(
    move: Move, redis: dict[str, Any], old: RedisServer, new: RedisServer, proxy: Proxy, writers: Keys
) -> None:
    following(move)
    with move.opened(freeze_budget=BUDGET * crowded(), rehearse=True) as context:
        assert cutover.run(context, False, [stores.forward(redis)])["phase"] == "following"
    with move.opened(clean_target=True) as context:
        ended = verbs._finish(context, False, redis)
    assert ended["phase"] == "abandoned"
    assert "stays the only server" in ended["message"]
    grows(old)
    move.on_target("DROP SCHEMA audit CASCADE")  # this seed is a whole dump, which makes its schemas
    with move.opened() as context:
        seed(move, context)
    move(follow.run)
    with move.opened(freeze_budget=BUDGET * crowded()) as context:
        assert cutover.run(context, False, [stores.forward(redis)])["phase"] == "switched"
    proxied(proxy, "new")
    grows(new)
    nothing_lost(writers.end(), new)


@pytest.mark.parametrize("step", ["redis.prepare", "redis.settle", "redis.switch", "release"])
@pytest.mark.fewer("redis.settle", "release")
def test_a_cutover_of_both_that_dies(
    move: Move, redis: dict[str, Any], old: RedisServer, new: RedisServer, proxy: Proxy, writers: Keys, step: str
) -> None:
    following(move)
    decided = step == "release"
    tables = Tables(move)
    with tables.writing():
        killed(move, "cutover", step, redis=redis)
        one_side(move, (not decided, decided), (BUDGET + 5) * crowded())
        proxied(proxy, "new" if decided else "old")
        grows(new if decided else old)
        with move.opened(freeze_budget=BUDGET * crowded()) as context:
            first = cutover.run(context, False, [stores.forward(redis)])
        assert first["phase"] == "switched", first
        tables.more()
        grows(new)
    assert tables.lost(move.target) == []
    nothing_lost(writers.end(), new)
