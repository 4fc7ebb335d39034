"""Servers for the tests of this folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.leg import Leg
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.model import MARKER
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.passes import Approach
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.tracking import Follower

from tests.integration.redis_migration.proving import OPTIONS
from tests.integration.redis_servers import Proxy, RedisServer, make_proxy, make_root, make_server


@pytest.fixture(scope="session")
def root() -> Iterator[Path]:
    for tool in ("redis-server", "haproxy"):
        if not shutil.which(tool):
            pytest.fail(f"these tests start servers of their own: apt-get install {tool}")
    with make_root() as folder:
        yield folder


@pytest.fixture(scope="session")
def pair(root: Path) -> Iterator[tuple[RedisServer, RedisServer]]:
    with make_server(root, "source") as old, make_server(root, "target", tls=True) as new:
        yield old, new


@pytest.fixture
def old(pair: tuple[RedisServer, RedisServer]) -> RedisServer:
    pair[0].reset()
    return pair[0]


@pytest.fixture
def new(pair: tuple[RedisServer, RedisServer]) -> RedisServer:
    pair[1].reset()
    return pair[1]


@pytest.fixture
def proxy(root: Path, old: RedisServer, new: RedisServer) -> Iterator[Proxy]:
    with make_proxy(root, old, new) as made:
        yield made


@pytest.fixture
def approach(old: RedisServer, new: RedisServer) -> Iterator[Callable[[], Approach]]:
    """Makes one whose online part is done."""
    new.do("HSET", MARKER, "id", "test")
    made: list[Approach] = []

    def proved() -> Approach:
        one = Approach(Leg(old.endpoint(), new.endpoint(), OPTIONS), Follower(old.endpoint()))
        made.append(one)
        one.online(compare=new.do("DBSIZE") != 1)
        assert one.proved
        return one

    yield proved
    for one in made:
        one.follower.stop()
        one.leg.close()
