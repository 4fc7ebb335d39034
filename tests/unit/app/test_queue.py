from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path

import pytest
import redis.asyncio
from tiketi import settings, stores
from tiketi.waiting import Line, Place

from tests.waiting import PATIENCE

EVENT = 11


def test_order_is_kept_and_the_rate_is_held(redis_server: tuple[int, object]) -> None:
    """300 arrive at once, two pods ask for random ones: the first come in first, at the rate."""
    rate, burst, seconds = 60.0, 100, 1.5
    arrivals, admitted = list(range(1000, 1300)), list[int]()
    inside = f"queue:{{{EVENT}}}:admitted"

    async def scene() -> tuple[int, float, float]:
        clients = [redis.asyncio.Redis(port=redis_server[0], decode_responses=True) for _ in range(2)]
        lines = [Line(client, rate, burst) for client in clients]
        began = time.monotonic()
        for user in arrivals:
            await random.choice(lines).step(EVENT, user, join=True)  # noqa: S311
        # From here on the burst bridges a pause of this machine: before it was used up, what was not asked for in time was lost.
        emptied = time.monotonic()
        at_once = await clients[0].zcard(inside)
        while time.monotonic() - emptied < seconds:
            askers = random.sample(arrivals, 8)
            await asyncio.gather(*(random.choice(lines).step(EVENT, user, join=False) for user in askers))  # noqa: S311
            await asyncio.sleep(0.005)
        asked = time.monotonic()
        await lines[0].step(EVENT, arrivals[-1], join=False)
        admitted.extend(int(user) for user in await clients[0].zrange(inside, 0, -1))
        ended = time.monotonic()
        for client in clients:
            await client.aclose()
        return at_once, asked - emptied, ended - began

    at_once, since, elapsed = asyncio.run(scene())
    assert sorted(admitted) == list(range(1000, 1000 + len(admitted)))
    assert at_once >= burst
    assert min(at_once + 0.95 * rate * since - 1, len(arrivals)) <= len(admitted) <= burst + rate * elapsed


def test_a_place_is_not_lost_or_doubled(redis_server: tuple[int, object]) -> None:
    async def scene() -> list[Place]:
        async with redis.asyncio.Redis(port=redis_server[0], decode_responses=True) as client:
            line = Line(client, 0.1, 1)
            steps = [(1, True), (2, True), (3, True), (2, True), (3, False), (1, True), (9, False)]
            return [await line.step(EVENT, user, join=join) for user, join in steps]

    first, second, third, again, asked, inside, stranger = asyncio.run(scene())
    assert (first.state, inside.state, stranger.state) == ("admitted", "admitted", "absent")
    assert [place.position for place in (second, third, again, asked)] == [1, 2, 1, 2]
    assert inside.admitted_until == first.admitted_until
    assert again.waiting == 2


@pytest.fixture
def environment(redis_server: tuple[int, object], tmp_path: Path) -> dict[str, str]:
    (tmp_path / "key").write_text("k" * 32)
    return {
        "DATABASE_HOST": "/not-asked",
        "DATABASE_USER": "shop",
        "DATABASE_SSLMODE": "disable",
        "REDIS_HOST": "127.0.0.1",
        "REDIS_PORT": str(redis_server[0]),
        "REDIS_TLS": "false",
        "SIGNING_KEY_FILE": str(tmp_path / "key"),
    }


def test_a_thousand_at_once_get_each_one_place(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "REDIS_SECONDS", PATIENCE)

    async def scene() -> list[Place]:
        async with stores.redis_client(settings.load(environment)) as client:
            line = Line(client, 0.1, 1)
            return list(await asyncio.gather(*(line.step(EVENT, user, join=True) for user in range(1000))))

    places = asyncio.run(scene())
    assert sorted(place.position for place in places) == list(range(1000))


def test_a_connection_that_is_cut_while_a_place_is_awaited_fails_nobody(environment: dict[str, str]) -> None:
    """What a move to another Redis does: writers are held, their connections cut, and they go on at the new server."""

    async def scene() -> list[Place]:
        async with (
            redis.asyncio.Redis(port=int(environment["REDIS_PORT"])) as admin,
            stores.redis_client(settings.load(environment)) as client,
        ):
            line = Line(client, 0.1, 1)
            await line.step(EVENT, 0, join=True)
            await admin.execute_command("CLIENT", "PAUSE", 5000, "WRITE")
            held = [asyncio.create_task(line.step(EVENT, user, join=True)) for user in range(1, 9)]
            await asyncio.sleep(0.2)
            assert not any(task.done() for task in held)
            assert await admin.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes") >= len(held)
            await admin.execute_command("CLIENT", "UNPAUSE")
            return list(await asyncio.gather(*held))

    places = asyncio.run(scene())
    assert sorted(place.position for place in places) == list(range(1, 9))
