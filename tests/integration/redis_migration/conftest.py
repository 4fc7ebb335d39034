"""Servers for the tests of this folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

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
