"""Keys that are written to while everything is compared: each is compared after its last change, by the online part or in the freeze."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.errors import DifferentError
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.leg import Leg
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.model import Difference
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.passes import Approach
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.transfer import Transfer

from tests.integration.redis_migration.proving import settled
from tests.integration.redis_servers import RedisServer


def written_in_the_proof(monkeypatch: pytest.MonkeyPatch, write: Callable[[], object]) -> None:
    """Before the comparison of everything has read the keys."""
    compare = Leg.all_differences

    def with_a_writer(leg: Leg, **more: Any) -> list[Difference]:
        write()
        return compare(leg, **more)

    monkeypatch.setattr(Leg, "all_differences", with_a_writer)


def spoilt_on_the_way(monkeypatch: pytest.MonkeyPatch, spoil: Callable[[], object]) -> None:
    """Once, after a batch of changed keys was carried over."""
    settle, flush, left = Leg.settle, Transfer.flush, [spoil]

    def with_a_fault(transfer: Transfer) -> None:
        flush(transfer)
        if left and transfer.tally.keys > armed[0]:
            left.pop()()

    armed: list[int] = []

    def carried_over(leg: Leg, keys: Iterable[bytes]) -> list[Difference]:
        armed[:] = [leg.tally.keys]
        monkeypatch.setattr(Transfer, "flush", with_a_fault)
        return settle(leg, keys)

    monkeypatch.setattr(Leg, "settle", carried_over)


@pytest.mark.parametrize(
    ("write", "spoil"),
    [
        (("SET", "k", "second"), ("SET", "k", "spoilt")),
        (("DEL", "k"), ("SET", "k", "spoilt")),
        (("XADD", "events", "2-0", "k", "v"), ("XDEL", "events", "1-0")),
    ],
    ids=["a-string", "gone", "a-stream"],
)
@pytest.mark.fewer(2)
def test_a_key_written_to_in_the_proof_is_compared_when_it_arrived(
    old: RedisServer,
    new: RedisServer,
    approach: Callable[[], Approach],
    monkeypatch: pytest.MonkeyPatch,
    write: tuple[str, ...],
    spoil: tuple[str, ...],
) -> None:
    old.do("SET", "k", "first")
    old.do("XADD", "events", "1-0", "k", "v")
    written_in_the_proof(monkeypatch, lambda: old.do(*write))
    spoilt_on_the_way(monkeypatch, lambda: new.do(*spoil))
    if write[0] != "XADD":
        with pytest.raises(DifferentError, match=f"key {write[1]}: "):
            approach()
        return
    one = approach()  # a stream may differ by its readers, which are not told: the freeze carries it over again
    monkeypatch.undo()
    settled(one, old, new)


def test_a_key_written_to_after_its_comparison_is_compared_in_the_freeze(
    old: RedisServer, new: RedisServer, approach: Callable[[], Approach], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last online pass has to end somewhere: what was written meanwhile is owed to the freeze, told again or not."""
    settle = Leg.settle

    def with_a_writer(leg: Leg, keys: set[bytes]) -> list[Difference]:
        found = settle(leg, keys)
        old.do("SET", "k", "third")
        return found

    old.do("SET", "k", "first")
    written_in_the_proof(monkeypatch, lambda: old.do("SET", "k", "second"))
    monkeypatch.setattr(Leg, "settle", with_a_writer)
    one = approach()
    monkeypatch.undo()
    settled(one, old, new)
    assert new.do("GET", "k") == b"third"


def test_a_fault_is_found_behind_thousands_of_changed_keys(
    old: RedisServer, new: RedisServer, approach: Callable[[], Approach], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They differ while they are on their way; the number of differences that are remembered may not hide the one that counts."""
    old.do("SET", "quiet", "v", db=1)  # compared after those of database 0

    def write() -> None:
        old.do("MSET", *[part for n in range(3000) for part in (f"busy:{n}", "v")])
        new.do("SET", "quiet", "spoilt", db=1)

    written_in_the_proof(monkeypatch, write)
    with pytest.raises(DifferentError, match="key quiet of database 1: different"):
        approach()
