"""Big keys by pieces: read, compared and mended in portions, so that neither side's memory nor ours holds the whole.

Going through the source's members and asking the target for exactly those, with the numbers of both sides equal at the end, proves
equality although HSCAN and its kin may return a member twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.errors import RedisMoveError, ReplyError
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.keys import LENGTHS, refusal
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.model import shown
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.wire import Command, Link

SCANS = {b"hash": "HSCAN", b"set": "SSCAN", b"zset": "ZSCAN"}
READS = {b"set": "SISMEMBER", b"zset": "ZSCORE"}
DROPS = {b"hash": "HDEL", b"set": "SREM", b"zset": "ZREM"}
HAS = {b"hash": "HEXISTS", b"set": "SISMEMBER", b"zset": "ZSCORE"}


class Pieces:
    """One big key at a time, from one server to the other."""

    def __init__(self, here: Link, there: Link, piece_bytes: int = 1024**2) -> None:
        self.here, self.there, self.piece_bytes = here, there, piece_bytes

    def sync(self, key: bytes, kind: bytes, size: int, mend: bool) -> str:
        """Compare, and with `mend` make the target so. What differs, in words; empty when nothing did."""
        theirs = self.there.call("TYPE", key)
        if theirs != kind:
            if not mend:
                return f"a {kind.decode()} there, {theirs.decode()} here" if theirs != b"none" else "missing"
            self._write([("UNLINK", key)], key)
        length = max(1, int(self.here.call(LENGTHS[kind], key)))
        if kind == b"string":
            return self._string(key, mend)
        count = max(1, min(5000, self.piece_bytes * length // max(size, 1)))
        if kind == b"list":
            return self._list(key, count, mend)
        return self._members(key, kind, count, mend)

    def _write(self, commands: list[Command], key: bytes) -> None:
        for reply in self.there.ask(commands):
            if isinstance(reply, ReplyError):
                raise RedisMoveError(refusal(self.there, reply, f"key {shown(key)}"))

    def _string(self, key: bytes, mend: bool) -> str:
        length = int(self.here.call("STRLEN", key))
        same = length == self.there.call("STRLEN", key)
        for start in range(0, length, self.piece_bytes):
            question: Command = ("GETRANGE", key, start, start + self.piece_bytes - 1)
            if not same or self.here.call(*question) != self.there.call(*question):
                same = False
                break
        if same:
            return ""
        if mend:
            self._write([("UNLINK", key)], key)
            for start in range(0, length, self.piece_bytes):
                piece = self.here.call("GETRANGE", key, start, start + self.piece_bytes - 1)
                self._write([("APPEND", key, piece)], key)
        return "its bytes differ"

    def _list(self, key: bytes, count: int, mend: bool) -> str:
        length = int(self.here.call("LLEN", key))
        same = length == self.there.call("LLEN", key)
        for start in range(0, length, count) if same else ():
            question: Command = ("LRANGE", key, start, start + count - 1)
            if self.here.call(*question) != self.there.call(*question):
                same = False
                break
        if same:
            return ""
        if mend:
            self._write([("UNLINK", key)], key)
            for start in range(0, length, count):
                piece = self.here.call("LRANGE", key, start, start + count - 1)
                if piece:
                    self._write([("RPUSH", key, *piece)], key)
        return f"{length} elements, and those or their order differ"

    def _members(self, key: bytes, kind: bytes, count: int, mend: bool) -> str:
        wrong = 0
        for names, values in self._portions(self.here, key, kind, count):
            theirs = self._theirs(key, kind, names)
            bad = [(n, v) for n, v, t in zip(names, values, theirs, strict=True) if not _same(kind, v, t)]
            wrong += len(bad)
            if mend and bad:
                self._write([_add(kind, key, bad)], key)
        extra = self._extra(key, kind, count, mend)
        return f"{wrong} members differ or are missing, {extra} too many" if wrong or extra else ""

    def _theirs(self, key: bytes, kind: bytes, names: list[bytes]) -> list[Any]:
        if kind == b"hash":
            return list(self.there.call("HMGET", key, *names))
        return self.there.ask([(READS[kind], key, name) for name in names])

    def _extra(self, key: bytes, kind: bytes, count: int, mend: bool) -> int:
        if self.here.call(LENGTHS[kind], key) == self.there.call(LENGTHS[kind], key):
            return 0
        extra = 0
        for names, _ in self._portions(self.there, key, kind, count):
            ours = self.here.ask([(HAS[kind], key, name) for name in names])
            gone = [name for name, reply in zip(names, ours, strict=True) if reply in (0, None)]
            extra += len(gone)
            if mend and gone:
                self._write([(DROPS[kind], key, *gone)], key)
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
