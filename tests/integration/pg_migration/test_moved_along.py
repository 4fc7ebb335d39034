"""A store that is moved along takes its time before the freeze: what users write meanwhile must not be left for the freeze."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import (
    cutover,
    follow,
    rollback,
    status,
    verify,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import RefusedError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify import foresee

from tests.integration.pg_clusters import Cluster
from tests.integration.pg_migration.conftest import Move
from tests.integration.pg_migration.moving import at, following, started
from tests.waiting import crowded

ROWS = 20_000
LITTLE = 512 * 1024  # bytes of WAL; the rows of one writing are several MiB
WRITTEN = "INSERT INTO public.ledger (n, note) SELECT -n, repeat(md5(n::text), 4) FROM generate_series({}, {}) n"
LEFT = "SELECT coalesce(max(pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)), 0)::bigint FROM pg_replication_slots WHERE slot_name ~ '{}'"


class Slow:
    """Users write while it is made ready, and once more while it comes near."""

    name = "slow"

    def __init__(self, write: Callable[[str], object]) -> None:
        self.write, self.done = write, 0

    def _users_write(self) -> None:
        first = self.done * ROWS
        self.write(WRITTEN.format(first + 10, first + ROWS))
        self.done += 1

    def prepare(self) -> None:
        self._users_write()

    def near(self) -> None:
        if self.done == 1:
            self._users_write()

    def settle(self) -> list[str]:
        return []

    def _nothing(self) -> None: ...

    freeze = switch = open = reopen = _nothing


def left(cluster: Cluster) -> tuple[int, int]:
    """Bytes of WAL that a freeze of now reads for the comparison, and those that the slot of the way back has to pass over."""
    read, asleep = (LEFT.format(name) for name in ("^platform_verify_", "^platform_return_"))
    return cluster.execute(read)[0][0], cluster.execute(asleep)[0][0]


def test_what_is_written_meanwhile_is_not_left_for_the_freeze(move: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    following(move)
    found: list[Any] = []
    seen: list[str] = []
    with (
        at(monkeypatch, "pause", lambda: found.append((left(move.source)[0], left(move.target)[1]))),
        at(monkeypatch, "near", lambda: seen.append(status.look(move.context())["message"])),
        move.opened(freeze_budget=20.0 * crowded()) as context,
    ):
        there = Slow(move.on_source)
        assert cutover.run(context, False, [there])["phase"] == "switched"
    move(verify.run.run)
    with (
        at(monkeypatch, "pause", lambda: found.append(left(move.target))),
        move.opened(freeze_budget=20.0 * crowded()) as context,
    ):
        move.on_target("DELETE FROM public.ledger WHERE n < 0")
        assert rollback.run(context, False, [Slow(move.on_target)])["phase"] == "returned"
    print(found)
    assert max(found[0]) < LITTLE, found
    assert found[1][0] < LITTLE, found
    assert there.done == 2
    assert re.search(r"a cutover is under way \(process .*: preparing, postgresql: waits until", seen[0]), seen
    move.same_rows()


def test_a_lag_that_grew_meanwhile_is_waited_for(move: Move) -> None:
    """To refuse for it would be to do the first pass over the other store again, and find the same."""
    following(move)

    with (
        move.target.admin(move.dbname) as session,
        move.opened(max_lag=500_000, freeze_budget=20.0 * crowded()) as context,
    ):
        session.execute("BEGIN READ WRITE")
        session.execute("LOCK TABLE public.ledger IN SHARE MODE")  # nothing is applied
        letting_go = threading.Timer(3.0, lambda: session.execute("ROLLBACK"))

        def write(statement: str) -> None:
            move.on_source(statement)
            if not along.done:
                letting_go.start()

        along = Slow(write)
        assert cutover.run(context, False, [along])["phase"] == "switched"
        letting_go.join()
    assert along.done == 2


def test_what_cannot_go_is_told_before_another_store_takes_its_time(
    move: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No online comparison, and too much to compare in a freeze."""
    started(move)
    move(follow.run)
    monkeypatch.setattr(foresee, "COLUMN_RATE", 1000.0)
    along = Slow(move.on_source)
    with move.opened() as context, pytest.raises(RefusedError, match="no complete online verification"):
        cutover.run(context, False, [along])
    assert along.done == 0
