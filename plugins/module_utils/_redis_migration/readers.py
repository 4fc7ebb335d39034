"""Which of many streams are not the same on both sides: heads, groups, consumers and what is pending, of all in a few flights.

In the freeze this is asked of every stream, since readers change groups without a message. Entries are not looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.errors import ReplyError
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.stream import unequal
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.wire import Command, Link, pairs

POSITION = ("last-delivered-id", "entries-read")


@dataclass
class Group:
    """Where the readers of a group are."""

    position: dict[str, Any]
    consumers: set[bytes] = field(default_factory=set)
    pending: dict[bytes, tuple[Any, ...]] = field(default_factory=dict)  # id -> consumer, deliveries

    def same(self, other: Group) -> bool:
        mine, its = self.position, other.position
        return (
            all(mine[name] == its[name] for name in mine.keys() & its.keys())
            and self.consumers == other.consumers
            and self.pending == other.pending
        )


@dataclass
class Facts:
    """A stream without its entries; not known where it went away or has more pending than fits in a flight."""

    known: bool
    head: dict[str, Any] = field(default_factory=dict)
    groups: dict[bytes, Group] = field(default_factory=dict)

    def same(self, other: Facts) -> bool:
        return (
            self.known
            and other.known
            and not unequal(self.head, other.head)
            and self.groups.keys() == other.groups.keys()
            and all(group.same(other.groups[name]) for name, group in self.groups.items())
        )


def suspects(here: Link, there: Link, keys: Sequence[bytes], most: int) -> list[bytes]:
    """Those that differ or of which that cannot be said; `most` is how many pending entries of a group are asked for."""
    ours, theirs = _read(here, keys, most), _read(there, keys, most)
    return [key for key, mine, its in zip(keys, ours, theirs, strict=True) if not mine.same(its)]


def _read(link: Link, keys: Sequence[bytes], most: int) -> list[Facts]:
    replies = link.ask([("XINFO", what, key) for key in keys for what in ("STREAM", "GROUPS")])
    found = [_facts(said, groups) for said, groups in zip(replies[::2], replies[1::2], strict=True)]
    rows = [
        (key, facts, name, group)
        for key, facts in zip(keys, found, strict=True)
        for name, group in facts.groups.items()
    ]
    asked: list[Command] = []
    for key, _, name, _ in rows:
        asked += [("XINFO", "CONSUMERS", key, name), ("XPENDING", key, name, "-", "+", most)]
    replies = link.ask(asked)
    waiting: list[tuple[bytes, Group, bytes]] = []
    for (key, facts, _, group), consumers, pending in zip(rows, replies[::2], replies[1::2], strict=True):
        if isinstance(consumers, ReplyError) or isinstance(pending, ReplyError) or len(pending) >= most:
            facts.known = False
            continue
        group.consumers = {pairs(row)["name"] for row in consumers}
        group.pending = {entry: (who, times) for entry, who, _, times in pending}
        waiting += [(key, group, entry) for entry in group.pending]
    there = link.ask([("XRANGE", key, entry, entry) for key, _, entry in waiting])
    for (_, group, entry), row in zip(waiting, there, strict=True):
        if not row:  # deleted since: commands cannot make it, and there is nothing to deliver
            del group.pending[entry]
    return found


def _facts(said: Any, groups: Any) -> Facts:
    if isinstance(said, ReplyError) or isinstance(groups, ReplyError):
        return Facts(known=False)
    listed = [pairs(row) for row in groups]
    made = {row["name"]: Group({name: row[name] for name in POSITION if name in row}) for row in listed}
    return Facts(True, pairs(said), made)
