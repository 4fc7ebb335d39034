"""A move is weighed before there is a target: what is told is what a copy finds, and nothing is changed by asking."""

from __future__ import annotations

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration import weight
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.errors import RedisMoveError
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.model import Options, rules
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.passes import FIXED

from tests.integration.redis_migration.data import mixed
from tests.integration.redis_servers import RedisServer

DECLARED = [{"keys": "cache:*", "kind": "cache"}, {"keys": "lock:*", "kind": "skip"}]
STATE = 2000
WRITES = ("set", "hset", "del", "unlink", "flushall", "config|set", "acl|setuser", "client|pause", "restore")


@pytest.fixture
def filled(old: RedisServer) -> RedisServer:
    with old.admin() as link:
        link.ask(mixed(STATE))
        link.ask([("SET", f"cache:{number}", "x" * 100) for number in range(300)])
        link.ask([("SET", "lock:1", "held")])
        link.call("CONFIG", "RESETSTAT")
    return old


def commands(server: RedisServer) -> set[str]:
    told = server.do("INFO", "commandstats")
    assert isinstance(told, bytes)
    return {line.split(":")[0].removeprefix("cmdstat_") for line in told.decode().splitlines() if ":" in line}


def test_says_what_there_is_and_writes_nothing(filled: RedisServer) -> None:
    found = weight.weighed(filled.endpoint(), Options(rules=rules(DECLARED, copy_cache=False)))
    assert found["keys"] == {"state": STATE, "cache": 300, "skip": 1}
    assert found["freeze_seconds"] == FIXED
    assert found["notices"] == []
    assert f"{STATE} keys of state, 300 of cache, 1 of skip, about" in weight.words(found)
    assert commands(filled).isdisjoint(WRITES)


def test_a_source_that_tells_no_changes_makes_the_freeze_long_and_says_so(filled: RedisServer) -> None:
    filled.do("ACL", "SETUSER", "default", "-client|tracking")
    found = weight.weighed(filled.endpoint(), Options(rules=rules(DECLARED, copy_cache=False)))
    assert found["freeze_seconds"] > FIXED
    assert [f"goes through all {STATE} keys" in line for line in found["notices"]] == [True]


def test_a_wrong_password_is_an_error_without_it(filled: RedisServer) -> None:
    filled.do("ACL", "SETUSER", "default", "resetpass", ">another")
    with pytest.raises(RedisMoveError) as caught:
        weight.weighed(filled.endpoint(), Options())
    assert filled.password not in str(caught.value)
