"""Going through keys: SCAN in portions, sizes, batches that fit in memory, times of expiry."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.errors import RedisMoveError, ReplyError
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.wire import Command, Link, about, encode

LENGTHS = {b"string": "STRLEN", b"list": "LLEN", b"set": "SCARD", b"zset": "ZCARD", b"hash": "HLEN", b"stream": "XLEN"}
MEMBER_GUESS = 128  # bytes of a member where the server does not tell


def scan(link: Link, cursor: bytes = b"0", count: int = 1000) -> Iterator[tuple[bytes, list[bytes]]]:
    """Portions of keys, each with the cursor that leads on from it. A key may come twice, none is left out."""
    while True:
        cursor, keys = link.call("SCAN", cursor, "COUNT", count)
        yield cursor, list(dict.fromkeys(keys))
        if cursor == b"0":
            return


def sizes(link: Link, keys: Sequence[bytes], memory: bool) -> list[int]:
    """About how many bytes each key has; 0 is a key that is gone."""
    if memory:
        found = link.ask_about(keys, "MEMORY USAGE")
        return [size if isinstance(size, int) else 0 for size in found]
    kinds = link.ask_about(keys, "TYPE")
    lengths = link.ask([(LENGTHS.get(kind, "EXISTS"), key) for kind, key in zip(kinds, keys, strict=True)])
    return [
        0 if not isinstance(length, int) else length if kind == b"string" else length * MEMBER_GUESS
        for kind, length in zip(kinds, lengths, strict=True)
    ]


def scan_sized(
    link: Link, cursor: bytes, count: int, wanted: Callable[[Iterable[bytes]], list[bytes]], memory: bool
) -> Iterator[tuple[bytes, list[bytes], list[int]]]:
    """Portions of wanted keys with their sizes; the next portion is asked for with the sizes of this one."""
    following = link.call("SCAN", cursor, "COUNT", count)
    while following:
        after, found = following
        keys = wanted(dict.fromkeys(found))
        more: list[Command] = [] if after == b"0" else [("SCAN", after, "COUNT", count)]
        asked = keys if memory else []
        link.send_encoded(about(asked, "MEMORY USAGE") + encode(more), len(asked) + len(more))
        replies = link.receive(len(asked) + len(more))
        following = replies.pop() if more else None
        if isinstance(following, ReplyError):
            raise following
        weights = [size if isinstance(size, int) else 0 for size in replies] if memory else sizes(link, keys, memory)
        yield after, keys, weights


def batches(keys: Sequence[bytes], weights: Sequence[int], most_keys: int, most_bytes: int) -> Iterator[list[bytes]]:
    """Keys in their order, cut where a batch would be too many or too much."""
    batch: list[bytes] = []
    weight = 0
    for key, size in zip(keys, weights, strict=True):
        if batch and (len(batch) >= most_keys or weight + size > most_bytes):
            yield batch
            batch, weight = [], 0
        batch.append(key)
        weight += size
    if batch:
        yield batch


def chunks(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


class Expiry:
    """When keys end, as milliseconds of the epoch: -1 never, -2 gone."""

    def __init__(self, link: Link, absolute: bool, clock: float) -> None:
        self.link, self.absolute, self.clock = link, absolute, clock

    @property
    def verb(self) -> str:
        return "PEXPIRETIME" if self.absolute else "PTTL"

    def value(self, reply: Any) -> int:
        """PTTL counts from the server's now, so its clock and the moment of the reply are part of the answer."""
        if isinstance(reply, ReplyError):
            raise RedisMoveError(f"{self.link.where.side} {self.link.where.label}: {reply}")
        if self.absolute or reply < 0:
            return int(reply)
        return int(time.time() * 1000 + self.clock) + int(reply)

    def many(self, keys: Sequence[bytes]) -> list[int]:
        return [self.value(reply) for reply in self.link.ask_about(keys, self.verb)]

    @property
    def now(self) -> int:
        return int(time.time() * 1000 + self.clock)


def require(link: Link, replies: Iterable[Any], keys: Iterable[bytes], name: Callable[[bytes], str]) -> None:
    """Every reply of a write must be a success; the first that is not names its key."""
    for reply, key in zip(replies, keys, strict=True):
        if isinstance(reply, ReplyError):
            raise RedisMoveError(refusal(link, reply, name(key)))


def refusal(link: Link, reply: ReplyError, subject: str) -> str:
    text = str(reply)
    mend = "see the server's log"
    if text.startswith("OOM"):
        mend = "the server is full: a bigger node type, or declare prefixes as cache; then run again, it goes on"
    elif text.startswith("NOPERM"):
        mend = "give the login this right"
    elif text.startswith("READONLY"):
        mend = "this is a replica: give the address of the primary"
    elif text.startswith("NOREPLICAS"):
        mend = "the server waits for replicas: wait for them, or lower min-replicas-to-write"
    return f"{link.where.side} {link.where.label}: {subject}: {text}. Mend: {mend}"
