"""Keys of every kind, with everything that has ever gone wrong with one."""

from __future__ import annotations

import random
import time

from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.wire import Command, Link

HOUR = 3_600_000


def mixed(count: int, seed: int = 1) -> list[Command]:
    """Small keys as applications have them."""
    dice = random.Random(seed)  # noqa: S311 - the same data each time
    soon = int(time.time() * 1000) + HOUR
    commands: list[Command] = []
    for number in range(count):
        match number % 10:
            case 0 | 1 | 2 | 3:
                commands.append(("SET", f"seat:{number}", dice.randbytes(dice.randint(10, 200))))
                commands.append(("PEXPIREAT", f"seat:{number}", soon + number))
            case 4 | 5:
                commands.append(("HSET", f"user:{number}", *[str(dice.random()) for _ in range(12)]))
            case 6:
                commands.append(("SADD", f"tags:{number}", *[f"t{dice.randint(0, 999)}" for _ in range(8)]))
            case 7:
                commands.append(
                    ("ZADD", f"rank:{number}", *[str(x) for i in range(8) for x in (dice.random(), f"m{i}")])
                )
            case 8:
                commands.append(("RPUSH", f"queue:{number}", *[str(dice.random()) for _ in range(10)]))
            case 9:
                commands.append(("SET", f"count:{number}", number))
    return commands


def traps(link: Link) -> None:
    """Binary names and values, every type, odd numbers, groups with pending entries, big keys."""
    far = int(time.time() * 1000) + HOUR
    commands: list[Command] = [
        ("SET", b"\x00\xff\r\n bin", bytes(range(256))),
        ("SET", "empty", b""),
        ("SET", "ending", "v"),
        ("PEXPIREAT", "ending", far),
        ("PFADD", "visitors", *range(500)),
        ("SETBIT", "bits", 10007, 1),
        ("SADD", "ints", *range(100)),
        ("SADD", "words", *[f"w{n}" for n in range(50)]),
        ("SADD", "many-words", *[f"w{n}" for n in range(2000)]),
        (
            "ZADD",
            "scores",
            "-inf",
            "low",
            "+inf",
            "high",
            "0.1",
            "tenth",
            "1e300",
            "large",
            "3.0000000000000004",
            "pi-ish",
        ),
        ("HSET", "hash", b"\xfe", b"\xfd", "f", ""),
        ("PEXPIREAT", "hash", far),
        ("RPUSH", "list", "a", b"\x00", "", "a"),
        ("XADD", "events", "1-1", "k", "v"),
        ("XADD", "events", "2-1", "k", b"\xff"),
        ("XADD", "events", "3-1", "k", "v", "l", "w"),
        ("XADD", "events", "9-9", "k", "gone"),
        ("XDEL", "events", "9-9"),
        ("XGROUP", "CREATE", "events", "workers", "0"),
        ("XREADGROUP", "GROUP", "workers", "anna", "COUNT", 2, "STREAMS", "events", ">"),
        ("XGROUP", "CREATECONSUMER", "events", "workers", "idle-one"),
        ("XGROUP", "CREATE", "events", "new-only", "$"),
        ("XGROUP", "CREATE", "empty-stream", "g", "0", "MKSTREAM"),
        ("XADD", "used-up", "5-5", "k", "v"),
        ("XTRIM", "used-up", "MAXLEN", 0),
        ("SET", "cache:page", "old html"),
        ("SET", "metrics:x", "not ours"),
        ("SET", "big:text", bytes(range(256)) * 12_000),
    ]
    for start in range(0, 8_000, 500):
        some = range(start, start + 500)
        names = [f"member-{n}-{'x' * 40}" for n in some]
        commands += [
            ("HSET", "big:hash", *[part for n in some for part in (f"field-{n}", f"value-{n}" * 8)]),
            ("SADD", "big:set", *names),
            ("ZADD", "big:zset", *[part for n, name in zip(some, names, strict=True) for part in (str(n / 7), name)]),
            ("RPUSH", "big:list", *[f"{n}-{'y' * 90}" for n in some]),
        ]
    commands += [("XADD", "big:stream", f"{n}-0", "body", "z" * 200) for n in range(1, 3001)]
    commands += [("PEXPIREAT", "big:hash", far)]
    for reply in link.ask(commands):
        if isinstance(reply, Exception) and "CREATECONSUMER" not in str(reply):  # Redis 6.0 makes one by reading
            raise reply
