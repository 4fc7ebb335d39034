"""Check mode counts every store that is in the freeze, in both directions."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import cutover, rollback, stores

from tests.faults.support import BUDGET
from tests.faults.test_stores_killed import redis
from tests.integration.pg_migration.conftest import Move
from tests.integration.pg_migration.moving import following, sides
from tests.integration.redis_migration.conftest import new, old, pair, proxy, root
from tests.integration.redis_servers import RedisServer
from tests.waiting import crowded

__all__ = ["new", "old", "pair", "proxy", "redis", "root"]


def test_redis_is_counted_there_and_back(move: Move, redis: dict[str, Any], old: RedisServer, new: RedisServer) -> None:
    old.do("SET", "cart", "1")
    following(move)
    with move.opened() as context:
        there = cutover.run(context, True, [stores.forward(redis)])["estimate"]
    name = f"redis localhost:{old.port}"
    assert there[name] > 0
    with move.opened(freeze_budget=BUDGET * crowded()) as context:
        assert cutover.run(context, False, [stores.forward(redis)])["phase"] == "switched"
    before = new.do("DBSIZE")
    with move.opened() as context:
        alone = rollback.run(context, True)["estimate"]
        back = rollback.run(context, True, [stores.back(redis)])["estimate"]
    assert name not in alone
    assert back[name] > 0
    assert back["freeze_seconds"] == pytest.approx(alone["freeze_seconds"] + back[name], abs=0.05)
    assert new.do("DBSIZE") == before
    assert sides(move) == (False, True)
