"""Streams by their own commands: entries, last id, groups, consumers and what is pending.

A pending id whose entry was deleted cannot be made by commands (XCLAIM drops it); it is not compared and has no entry to deliver.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.errors import RedisMoveError, ReplyError
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.keys import chunks, refusal
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.model import shown
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.wire import Command, Link, pairs

HEAD = ("length", "last-generated-id", "max-deleted-entry-id", "entries-added", "groups")


class Streams:
    """One stream at a time, from one server to the other."""

    def __init__(self, here: Link, there: Link, source_clock: float) -> None:
        self.here, self.there, self.clock = here, there, source_clock
        self.built: set[bytes] = set()  # written whole, and not compared since

    def sync(self, key: bytes, portion: int, mend: bool) -> str:
        """Compare, and with `mend` build again what differs. In words; empty when nothing did."""
        wrong = self.compare(key, portion)
        if wrong and mend:
            self._rebuild(key, portion)
        return wrong

    def _rebuild(self, key: bytes, portion: int) -> None:
        self.built.add(key)
        self._write([("UNLINK", key)], key)
        self._build(key, portion)

    def compare(self, key: bytes, portion: int) -> str:
        """Everything of both, the heads first."""
        wrong = self._compare_heads(key)
        if wrong:
            return wrong
        here, there = entries(self.here, key, portion), entries(self.there, key, portion)
        if any(a != b for a, b in zip(here, there, strict=False)):  # the numbers are equal, see above
            return "an entry differs"
        return self._compare_groups(key, portion)

    def _compare_heads(self, key: bytes) -> str:
        theirs_is = self.there.call("TYPE", key)
        if theirs_is != b"stream":
            return "missing" if theirs_is == b"none" else f"a stream here, {theirs_is.decode()} there"
        return unequal(self._head(self.here, key), self._head(self.there, key))

    def _compare_groups(self, key: bytes, portion: int) -> str:
        ours, theirs = groups(self.here, key), groups(self.there, key)
        if ours.keys() != theirs.keys():
            return "its groups differ"
        for group, here in ours.items():
            there = theirs[group]
            if any(
                here[name] != there[name] for name in here.keys() & there.keys() & {"last-delivered-id", "entries-read"}
            ):
                return f"the position of group {shown(group)} differs"
            if {row["name"] for row in consumers(self.here, key, group)} != {
                row["name"] for row in consumers(self.there, key, group)
            }:
                return f"the consumers of group {shown(group)} differ"
            if self._pending(self.here, key, group, portion) != self._pending(self.there, key, group, portion):
                return f"what is pending in group {shown(group)} differs"
        return ""

    @staticmethod
    def _head(link: Link, key: bytes) -> dict[str, Any]:
        said = pairs(link.call("XINFO", "STREAM", key))
        return {name: said[name] for name in HEAD if name in said}

    @staticmethod
    def _pending(link: Link, key: bytes, group: bytes, portion: int) -> dict[bytes, tuple[Any, ...]]:
        """Id -> consumer and number of deliveries, of entries that are still there. The idle time runs on, so it is left out."""
        found = {row[0]: (row[1], row[3]) for row in pending(link, key, group, portion)}
        there = link.ask([("XRANGE", key, entry, entry) for entry in found])
        return {entry: who for (entry, who), row in zip(found.items(), there, strict=True) if row}

    def _build(self, key: bytes, portion: int) -> None:
        head = self._head(self.here, key)
        # An empty stream that only a group holds, or that was used up and keeps its last id.
        self._write([("XGROUP", "CREATE", key, "platform", 0, "MKSTREAM"), ("XGROUP", "DESTROY", key, "platform")], key)
        # Writers go on: what came after the head was read is for the next look.
        for rows in entries(self.here, key, portion, end=head["last-generated-id"]):
            self._write([("XADD", key, entry, *fields) for entry, fields in rows], key)
        self._build_groups(key, portion, self._set_head(key, head))

    def _set_head(self, key: bytes, head: dict[str, Any]) -> bool:
        """The last id and, where both sides count, the counters. Whether they do."""
        counted = ("entries-added", "max-deleted-entry-id")
        exact = all(name in head and name in self._head(self.there, key) for name in counted)
        last = head["last-generated-id"]
        if last != b"0-0":
            more = ("ENTRIESADDED", head[counted[0]], "MAXDELETEDID", head[counted[1]]) if exact else ()
            self._write([("XSETID", key, last, *more)], key)
        return exact

    def _mend_groups(self, key: bytes, portion: int, exact: bool) -> None:
        """Groups are small beside the entries: those that differ in anything are all made again."""
        if self._compare_groups(key, portion):
            self._write([("XGROUP", "DESTROY", key, group) for group in groups(self.there, key)], key)
            self._build_groups(key, portion, exact)

    def _build_groups(self, key: bytes, portion: int, exact: bool) -> None:
        for group, row in groups(self.here, key).items():
            self._build_group(key, group, row, portion, exact)

    def _build_group(self, key: bytes, group: bytes, row: dict[str, Any], portion: int, exact: bool) -> None:
        read = row.get("entries-read")
        more: tuple[str | int, ...] = ("ENTRIESREAD", read) if exact and isinstance(read, int) else ()
        self._write([("XGROUP", "CREATE", key, group, row["last-delivered-id"], "MKSTREAM", *more)], key)
        names = [entry["name"] for entry in consumers(self.here, key, group)]
        self._write([("XGROUP", "CREATECONSUMER", key, group, name) for name in names], key)
        now = int(time.time() * 1000 + self.clock)
        for rows in chunks(pending(self.here, key, group, portion), portion):
            claims: list[Command] = [
                ("XCLAIM", key, group, who, 0, entry, "TIME", now - idle, "RETRYCOUNT", times, "FORCE", "JUSTID")
                for entry, who, idle, times in rows
            ]
            self._write(claims, key)

    def _write(self, commands: list[Command], key: bytes) -> None:
        for reply in self.there.ask(commands):
            if isinstance(reply, ReplyError):
                raise RedisMoveError(refusal(self.there, reply, f"key {shown(key)}"))


def unequal(ours: dict[str, Any], theirs: dict[str, Any]) -> str:
    """Which part of two heads differs, of those that both versions know."""
    return next(
        (f"{name} differs" for name in HEAD if name in ours and name in theirs and ours[name] != theirs[name]), ""
    )


def entries(link: Link, key: bytes, portion: int, start: bytes = b"-", end: bytes = b"+") -> Iterator[list[Any]]:
    while rows := link.call("XRANGE", key, start, end, "COUNT", portion):
        yield rows
        start = after(rows[-1][0])


def after(entry: bytes) -> bytes:
    """The id that follows: `(` before an id is not known before 6.2."""
    first, _, second = entry.partition(b"-")
    return (
        first + b"-" + str(int(second) + 1).encode()
        if int(second) < 2**64 - 1
        else str(int(first) + 1).encode() + b"-0"
    )


def groups(link: Link, key: bytes) -> dict[bytes, dict[str, Any]]:
    rows = [pairs(row) for row in link.call("XINFO", "GROUPS", key)]
    return {row["name"]: row for row in rows}


def consumers(link: Link, key: bytes, group: bytes) -> list[dict[str, Any]]:
    return [pairs(row) for row in link.call("XINFO", "CONSUMERS", key, group)]


def pending(link: Link, key: bytes, group: bytes, portion: int) -> list[list[Any]]:
    found: list[list[Any]] = []
    start = b"-"
    while rows := link.call("XPENDING", key, group, start, "+", portion):
        found += rows
        start = after(rows[-1][0])
    return found
