"""One look at every key of the source, read only: how many, how big, which kinds, which are declared as what."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.keys import scan, sizes
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.model import (
    GONE,
    MEMBER_EXPIRY_FORMATS,
    MEMBERS,
    STATE,
    TYPES,
    Rules,
    Server,
    shown,
)
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.wire import Link

NAMED = 20
LOOKED_INTO, SMALL = 1000, 64 * 1024  # keys, and bytes of one, whose payloads are looked into; the copy sees all


@dataclass
class Survey:
    keys: Counter[str] = field(default_factory=Counter)  # by declaration
    bytes: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)  # of state
    big: list[tuple[str, int]] = field(default_factory=list)
    big_count: int = 0
    big_streams: set[str] = field(default_factory=set)  # of `big`; they cost a freeze what they grew by
    foreign: list[str] = field(default_factory=list)
    foreign_count: int = 0
    looked_into: int = 0
    ending: list[str] = field(default_factory=list)  # keys of that sample whose members have expiries of their own
    functions: list[str] = field(default_factory=list)


def survey(link: Link, server: Server, rules: Rules, big_bytes: int) -> Survey:
    found = Survey()
    for db in server.databases:
        with Link(link.where, db) as session:
            for _, keys in scan(session):
                _count(found, session, keys, server, rules, big_bytes)
    found.big = sorted(found.big, key=lambda row: -row[1])[:NAMED]
    return found


def _count(found: Survey, session: Link, keys: list[bytes], server: Server, rules: Rules, big_bytes: int) -> None:
    kinds = session.ask_about(keys, "TYPE")
    weights = sizes(session, keys, "memory" in server.can)
    if server.ends_members and "dump" in server.can and found.looked_into < LOOKED_INTO:
        rows = zip(keys, kinds, weights, strict=True)
        _look_into(
            found, session, rules.wanted(key for key, kind, weight in rows if kind in MEMBERS and weight <= SMALL)
        )
    for key, kind, weight in zip(keys, kinds, weights, strict=True):
        if kind == GONE:
            continue
        declared = rules.of(key)
        found.keys[declared] += 1
        found.bytes[declared] += weight
        if declared != STATE:
            continue
        found.kinds[kind.decode()] += 1
        if kind not in TYPES:
            found.foreign_count += 1
            if len(found.foreign) < NAMED:
                found.foreign.append(f"{shown(key)} ({kind.decode()})")
        if weight > big_bytes:
            found.big_count += 1
            if kind == b"stream":
                found.big_streams.add(shown(key))
            found.big = sorted([*found.big, (shown(key), weight)], key=lambda row: -row[1])[:NAMED]


def _look_into(found: Survey, session: Link, keys: list[bytes]) -> None:
    sample = keys[: LOOKED_INTO - found.looked_into]
    found.looked_into += len(sample)
    payloads = session.ask_about(sample, "DUMP")
    rows = zip(sample, payloads, strict=True)
    found.ending += [shown(key) for key, said in rows if isinstance(said, bytes) and said[0] in MEMBER_EXPIRY_FORMATS]
    del found.ending[NAMED:]
