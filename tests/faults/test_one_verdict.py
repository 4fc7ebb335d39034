"""PostgreSQL and Redis in one freeze: a difference of either keeps both where they are, and the next run moves both."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import cutover, stores
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import DifferenceError
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.leg import Leg
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.model import Difference
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.participant import RedisParticipant

from tests.faults.support import BUDGET, one_side
from tests.faults.test_stores_killed import proxied, redis
from tests.integration.pg_migration.conftest import Move
from tests.integration.pg_migration.moving import Writers as Tables
from tests.integration.pg_migration.moving import following
from tests.integration.redis_migration.conftest import new, old, pair, proxy, root
from tests.integration.redis_migration.test_redis_cutover import Writers as Keys
from tests.integration.redis_migration.test_redis_cutover import grows, nothing_lost, writers
from tests.integration.redis_servers import Proxy, RedisServer
from tests.waiting import crowded

__all__ = ["new", "old", "pair", "proxy", "redis", "root", "writers"]


def cut(move: Move, redis: dict[str, Any]) -> dict[str, Any]:
    with move.opened(freeze_budget=BUDGET * crowded()) as context:
        return cutover.run(context, False, [stores.forward(redis)])


def noted(move: Move, note: str | None) -> None:
    """A note of the target alone, in a row that was written to since the comparison online."""
    with move.context().target() as target:
        target.execute("UPDATE public.ledger SET note = %s WHERE n = (SELECT min(n) FROM public.ledger)", (note,))


@pytest.mark.parametrize("spoilt", ["redis", "postgresql"])
def test_a_difference_of_one_store_keeps_both(
    move: Move,
    redis: dict[str, Any],
    old: RedisServer,
    new: RedisServer,
    proxy: Proxy,
    writers: Keys,
    spoilt: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settle, settles = Leg.settle, RedisParticipant.settle
    following(move)

    def with_a_writer(leg: Leg, keys: set[bytes]) -> list[Difference]:
        found = settle(leg, keys)
        old.do("CLIENT", "UNPAUSE")
        old.do("SET", "late", 1)
        return found

    def frozen(store: RedisParticipant) -> list[str]:
        monkeypatch.setattr(Leg, "settle", with_a_writer)
        return settles(store)

    tables = Tables(move)
    with tables.writing():
        if spoilt == "redis":
            monkeypatch.setattr(RedisParticipant, "settle", frozen)
        else:
            noted(move, "not from the source")
        with pytest.raises(DifferenceError) as caught:
            cut(move, redis)
        assert any(
            ("key late: different" if spoilt == "redis" else "ledger") in one for one in caught.value.differences
        )
        one_side(move, (True, False), (BUDGET + 5) * crowded())
        proxied(proxy, "old")
        grows(old)
        tables.more()
        assert tables.lost(move.source) == []
        # Mended, it goes over as a whole.
        monkeypatch.undo()
        noted(move, None)
        assert cut(move, redis)["phase"] == "switched"
        one_side(move, (False, True), 5 * crowded())
        proxied(proxy, "new")
        grows(new)
        tables.more()
    assert tables.lost(move.target) == []
    nothing_lost(writers.end(), new)
