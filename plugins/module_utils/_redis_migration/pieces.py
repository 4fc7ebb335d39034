"""Big keys by pieces: read, compared and mended in portions, so that neither side's memory nor ours holds the whole.

Going through the source's members and asking the target for exactly those, with the numbers of both sides equal at the end, proves
equality although HSCAN and its kin may return a member twice. Nothing shorter proves it: a member or an element can be altered without
a trace, unlike an entry of a stream. So what is mended is read back at once, and one reading of both sides carries over and proves.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.errors import RedisMoveError, ReplyError
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.keys import LENGTHS, refusal
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.lists import Lists
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.model import shown
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.wire import (
    Command,
    Link,
    both,
)

UNREAD = "it was not read to its end"
SCANS = {b"hash": "HSCAN", b"set": "SSCAN", b"zset": "ZSCAN"}
READS = {b"set": "SISMEMBER", b"zset": "ZSCORE"}
DROPS = {b"hash": "HDEL", b"set": "SREM", b"zset": "ZREM"}
MANY = {b"hash": "HMGET", b"set": "SMISMEMBER", b"zset": "ZMSCORE"}
HAS = {b"hash": "HEXISTS", b"set": "SISMEMBER", b"zset": "ZSCORE"}


class Pieces:
    """One big key at a time, from one server to the other."""

    def __init__(self, here: Link, there: Link, piece_bytes: int = 1024**2) -> None:
        self.here, self.there, self.piece_bytes = here, there, piece_bytes
        self.lists = Lists(here, there, self._write)
        self.left = (
            UNREAD  # what differs even after the last `sync` that mended; empty is a proof where nobody wrote meanwhile
        )

    def sync(self, key: bytes, kind: bytes, size: int, mend: bool) -> str:
        """Compare, and with `mend` make the target so, writing what differs only. What differed, in words; empty when nothing did."""
        self.left = UNREAD
        theirs = self.there.call("TYPE", key)
        if theirs != kind:
            if not mend:
                return f"a {kind.decode()} there, {theirs.decode()} here" if theirs != b"none" else "missing"
            self._write([("UNLINK", key)], key)
        length = max(1, int(self.here.call(LENGTHS[kind], key)))
        count = max(1, min(5000, self.piece_bytes * length // max(size, 1)))
        if kind == b"string":
            found, left = self._string(key, mend)
        elif kind == b"list":
            found, left = self.lists.sync(key, count, mend)
        else:
            found, left = self._members(key, kind, count, mend)
        if mend:
            ours, its = both(self.here, self.there, (LENGTHS[kind], key))
            self.left = left if ours == its else f"{ours} long here, {its} there"
        return found

    def _write(self, commands: list[Command], key: bytes) -> None:
        for reply in self.there.ask(commands):
            if isinstance(reply, ReplyError):
                raise RedisMoveError(refusal(self.there, reply, f"key {shown(key)}"))

    def _string(self, key: bytes, mend: bool) -> tuple[str, str]:
        length, theirs = both(self.here, self.there, ("STRLEN", key))
        found, left = length != theirs, False
        if mend and theirs > length:
            self._write([("UNLINK", key)], key)
        for start in range(0, length, self.piece_bytes):
            if found and not mend:
                break
            question: Command = ("GETRANGE", key, start, start + self.piece_bytes - 1)
            ours, its = both(self.here, self.there, question)
            if ours == its:
                continue
            found = True
            if mend:
                self._write([("SETRANGE", key, start, ours)], key)
                left = left or self.there.call(*question) != ours
        words = "its bytes differ"
        return words if found else "", words if left else ""

    def _members(self, key: bytes, kind: bytes, count: int, mend: bool) -> tuple[str, str]:
        wrong = left = 0
        for names, values in self._portions(self.here, key, kind, count):
            bad = self._bad(key, kind, names, values)
            wrong += len(bad)
            if mend and bad:
                self._write([_add(kind, key, bad)], key)
                left += len(self._bad(key, kind, [name for name, _ in bad], [value for _, value in bad]))
        extra = self._extra(key, kind, count, mend)
        found = f"{wrong} members differ or are missing, {extra} too many" if wrong or extra else ""
        return found, f"{left} members were not taken" if left else ""

    def _bad(self, key: bytes, kind: bytes, names: list[bytes], values: list[Any]) -> list[tuple[bytes, Any]]:
        theirs = self._theirs(key, kind, names)
        return [(n, v) for n, v, t in zip(names, values, theirs, strict=True) if not _same(kind, v, t)]

    def _theirs(self, key: bytes, kind: bytes, names: list[bytes]) -> list[Any]:
        reply = self.there.ask([(MANY[kind], key, *names)])[0]
        if not isinstance(reply, ReplyError):
            return list(reply)
        if kind == b"hash":
            raise reply
        return self.there.ask([(READS[kind], key, name) for name in names])  # of many not known before 6.2

    def _extra(self, key: bytes, kind: bytes, count: int, mend: bool) -> int:
        ours, its = both(self.here, self.there, (LENGTHS[kind], key))
        if ours == its:
            return 0
        extra = 0
        for names, _ in self._portions(self.there, key, kind, count):
            replies = self.here.ask([(HAS[kind], key, name) for name in names])
            gone = [name for name, reply in zip(names, replies, strict=True) if reply in (0, None)]
            extra += len(gone)
            if mend and gone:
                self._write([(DROPS[kind], key, *gone)], key)
                if extra == its - ours:  # everything of the source is there, and no more
                    break
        return extra

    @staticmethod
    def _portions(link: Link, key: bytes, kind: bytes, count: int) -> Iterator[tuple[list[bytes], list[Any]]]:
        cursor = b"0"
        while True:
            cursor, flat = link.call(SCANS[kind], key, cursor, "COUNT", count)
            if kind == b"set" and flat:
                yield flat, [1] * len(flat)
            elif flat:
                yield flat[::2], flat[1::2]
            if cursor == b"0":
                return


def _same(kind: bytes, ours: Any, theirs: Any) -> bool:
    if kind == b"zset":
        return theirs is not None and not isinstance(theirs, ReplyError) and float(ours) == float(theirs)
    return bool(ours == theirs)


def _add(kind: bytes, key: bytes, members: list[tuple[bytes, Any]]) -> Command:
    if kind == b"set":
        return ("SADD", key, *(name for name, _ in members))
    if kind == b"hash":
        return ("HSET", key, *(part for pair in members for part in pair))
    return ("ZADD", key, *(part for name, score in members for part in (score, name)))
