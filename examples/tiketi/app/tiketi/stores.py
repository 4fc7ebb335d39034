"""The two stores: how they are reached, and whether they answer."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import redis.asyncio
import redis.exceptions
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff

from .settings import Settings, secret

log = logging.getLogger("tiketi.stores")

UNAVAILABLE = (
    PoolTimeout,
    psycopg.OperationalError,
    redis.exceptions.ConnectionError,
    redis.exceptions.TimeoutError,
)
STORES = ("database", "redis")
HEALTH_SECONDS = 2.0
REDIS_SECONDS = 2.0
REDIS_CONNECTIONS = 32
REDIS_RETRIES = 5
SESSION = "-c statement_timeout=10s -c idle_in_transaction_session_timeout=15s -c timezone=UTC"

Pool = AsyncConnectionPool[psycopg.AsyncConnection[DictRow]]


class _Token(redis.CredentialProvider):
    def __init__(self, file: Path) -> None:
        self.file = file

    def get_credentials(self) -> tuple[str]:
        return (secret(self.file),)

    async def get_credentials_async(self) -> tuple[str]:
        return self.get_credentials()


def connection_arguments(settings: Settings) -> dict[str, Any]:
    """Asked for each connection, so that a rotated password is taken up."""
    password = secret(settings.database_password_file) if settings.database_password_file else None
    tls = {"sslrootcert": settings.database_ca_file} if settings.database_sslmode != "disable" else {}
    # A pooler gives each transaction another session: nothing may be left in one, and it sets what is in `options`.
    session = {"prepare_threshold": None} if settings.database_pooled else {"options": SESSION}
    return {
        "host": settings.database_host,
        "port": settings.database_port,
        "dbname": settings.database_name,
        "user": settings.database_user,
        "password": password,
        "sslmode": settings.database_sslmode,
        "application_name": f"tiketi-{settings.service}",
        "connect_timeout": 3,
        # A writer that failed over is noticed in seconds, and a reader is not taken for it.
        "target_session_attrs": "read-write",
        "keepalives_idle": 1,
        "keepalives_interval": 1,
        "keepalives_count": 5,
        "row_factory": dict_row,
        **session,
        **tls,
    }


def database_pool(settings: Settings) -> Pool:
    return AsyncConnectionPool(
        kwargs=partial(connection_arguments, settings),
        connection_class=psycopg.AsyncConnection[DictRow],
        min_size=1,
        max_size=settings.database_pool_max,
        timeout=5,
        max_lifetime=900,
        max_idle=120,
        reconnect_timeout=30,
        check=AsyncConnectionPool.check_connection,
        open=False,
    )


def redis_client(settings: Settings) -> redis.asyncio.Redis:
    way: dict[str, Any] = {"host": settings.redis_host, "port": settings.redis_port}
    if settings.redis_host.startswith("/"):
        way = {"connection_class": redis.asyncio.UnixDomainSocketConnection, "path": settings.redis_host}
    elif settings.redis_tls:
        way |= {
            "connection_class": redis.asyncio.SSLConnection,
            "ssl_cert_reqs": "required",
            "ssl_check_hostname": True,
        }
        if settings.redis_ca_file:
            way["ssl_ca_certs"] = settings.redis_ca_file
    # A connection that is cut while an answer is awaited (a failover, a move to another server) is made anew: a pool made here has no
    # retries of its own. Every command of ours may be sent twice, the scripts of the queue too.
    again = Retry(ExponentialWithJitterBackoff(base=0.02, cap=0.5), REDIS_RETRIES, (redis.exceptions.ConnectionError,))
    # Blocking: at an onsale a request waits for a connection, instead of failing for want of one.
    pool = redis.asyncio.BlockingConnectionPool(
        max_connections=REDIS_CONNECTIONS,
        timeout=REDIS_SECONDS,
        decode_responses=True,
        socket_connect_timeout=REDIS_SECONDS,
        socket_timeout=REDIS_SECONDS,
        retry=again,
        health_check_interval=15,
        client_name=f"tiketi-{settings.service}",
        credential_provider=_Token(settings.redis_token_file) if settings.redis_token_file else None,
        **way,
    )
    return redis.asyncio.Redis.from_pool(pool)


@dataclass
class Stores:
    database: Pool
    redis: redis.asyncio.Redis
    _cache: dict[str, tuple[float, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings) -> Stores:
        return cls(database_pool(settings), redis_client(settings))

    async def open(self) -> None:
        # Not waited for: a pod that started before its database says so in /health and recovers by itself.
        await self.database.open(wait=False)

    async def close(self) -> None:
        await self.database.close()
        await self.redis.aclose()

    async def health(self, asked: tuple[str, ...] = STORES) -> tuple[bool, dict[str, str]]:
        """Ask the stores, and no others: one that hangs must not delay the word on one that answers."""

        async def database() -> None:
            async with self.database.connection(timeout=HEALTH_SECONDS) as connection:
                await connection.execute("SELECT 1")

        async def cache() -> None:
            await self.redis.ping()

        questions = {"database": database, "redis": cache}
        answers = await asyncio.gather(*(_answers(name, questions[name]()) for name in asked))
        state = {name: "connected" if up else "disconnected" for name, up in zip(asked, answers, strict=True)}
        healthy = all(answers)
        return healthy, {"status": "ok" if healthy else "unavailable", **state}

    async def rows(self, query: str, parameters: dict[str, Any] | None = None) -> list[DictRow]:
        async with self.database.connection() as connection:
            cursor = await connection.execute(query, parameters)
            return await cursor.fetchall()

    async def remembered(self, name: str, seconds: float, ask: Callable[[], Awaitable[Any]]) -> Any:
        """Counting a million rows at each call would be a gift to whoever wants the shop down."""
        until, value = self._cache.get(name, (0.0, None))
        if until < time.monotonic():
            value = await ask()
            self._cache[name] = (time.monotonic() + seconds, value)
        return value


async def _answers(name: str, question: Awaitable[None]) -> bool:
    try:
        await asyncio.wait_for(question, HEALTH_SECONDS)
    except (*UNAVAILABLE, psycopg.Error, redis.exceptions.RedisError, TimeoutError, OSError) as error:
        log.warning("%s does not answer", name, extra={"reason": f"{type(error).__name__}: {error}"})
        return False
    return True
