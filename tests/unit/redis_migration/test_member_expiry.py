"""Members that end one by one cannot be rebuilt by commands: such a key is refused by name, never carried over without its ends."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.errors import RedisMoveError, ReplyError
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.model import (
    Options,
    Rules,
    Server,
    Tally,
)
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.survey import Survey, _count
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.transfer import Side, Transfer
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.wire import Link

from tests.unit.redis_migration.test_decisions import NEW, OLD

CONTENTS: dict[str, Any] = {"SMEMBERS": [b"m"], "HGETALL": [b"f", b"v"]}


class Wire(Link):
    """A server with one key, as far as a pass by payload asks; it refuses payloads as Redis 7.0 refuses formats of others."""

    def __init__(self, kind: bytes, payload: bytes) -> None:
        self.kind, self.payload, self.db = kind, payload, 0
        self.where = Endpoint("source", "h", 6379)
        self.replies: list[Any] = []

    def send_encoded(self, data: bytes, count: int) -> None:
        self._file = io.BytesIO(data)  # type: ignore[assignment]
        self.replies += [self._answer(self.read()) for _ in range(count)]  # a command is written as a reply of many

    def receive(self, count: int) -> list[Any]:
        replies, self.replies = self.replies[:count], self.replies[count:]
        return replies

    def _answer(self, command: list[bytes]) -> Any:
        known = {
            "TYPE": self.kind,
            "DUMP": self.payload,
            "PEXPIRETIME": -1,
            "PTTL": -1,
            "RESTORE": ReplyError("ERR Bad data format"),
        }
        verb = command[0].decode()
        return known.get(verb, CONTENTS.get(verb, 1))


def transfer(source: Server, kind: bytes, form: int) -> Transfer:
    here, there = Wire(kind, bytes([form]) + b"content" + bytes(10)), Wire(kind, b"")
    made = Transfer(Side(here, source), Side(there, NEW), Options(), Tally())
    made._target_version = 10
    return made


CAN = frozenset({"scan", "dump", "memory"})
DRAGONFLY = replace(OLD, product="dragonfly", version=(1, 34), can=CAN)


@pytest.mark.parametrize(
    ("source", "kind", "form"),
    [
        (DRAGONFLY, b"hash", 31),
        (DRAGONFLY, b"set", 32),
        (replace(OLD, version=(7, 4), can=CAN), b"hash", 24),
        (replace(OLD, product="valkey", version=(9, 0), can=CAN), b"hash", 22),
    ],
)
def test_a_key_whose_members_end_is_refused_by_name(source: Server, kind: bytes, form: int) -> None:
    small = transfer(source, kind, form)
    small.move([b"cart:7"], compare=False, weights=[10])
    with pytest.raises(RedisMoveError, match="key cart:7: its members have expiries of their own"):
        small.flush()
    with pytest.raises(RedisMoveError, match="key cart:7: its members have expiries of their own"):
        transfer(source, kind, form).single(b"cart:7", 5_000_000, mend=True)


def test_others_are_rebuilt(monkeypatch: pytest.MonkeyPatch) -> None:
    made = transfer(DRAGONFLY, b"set", 11)
    made.move([b"tags"], compare=False, weights=[10])
    made.flush()
    assert made.tally.rebuilt == 1


def test_a_first_look_names_some_of_them() -> None:
    wire = Wire(b"set", bytes([32]) + bytes(11))
    found = Survey()
    _count(found, wire, [b"cart:7", b"cache:1"], DRAGONFLY, Rules((("cache:*", "cache"),)), 1000)
    assert found.ending == ["cart:7"]
    _count(found, wire, [b"cart:8"], replace(OLD, can=CAN), Rules(), 1000)
    assert found.ending == ["cart:7"]
