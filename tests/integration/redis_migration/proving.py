"""What a freeze takes after an online proof, in bytes."""

from __future__ import annotations

from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.model import Options
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.passes import Approach

from tests.integration.redis_servers import RedisServer

OPTIONS = Options(big_bytes=50_000)


def traffic(*servers: RedisServer) -> int:
    """Bytes that the servers have sent until now."""
    said = [server.do("INFO", "stats").decode() for server in servers]  # type: ignore[attr-defined]
    return sum(int(text.split("total_net_output_bytes:")[1].split()[0]) for text in said)


def settled(one: Approach, old: RedisServer, new: RedisServer) -> int:
    """Bytes that the freeze took; both sides are equal afterwards."""
    before = traffic(old, new)
    assert one.frozen() == []
    taken = traffic(old, new) - before
    assert one.leg.all_differences() == []
    return taken
