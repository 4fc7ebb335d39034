"""Long verbs in slices: whoever waits may go away, and the one who comes next hears how it ended."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import (
    follow,
    launch,
    status,
    subscription,
    verbs,
    verify,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import (
    DifferenceError,
    OrderError,
    RefusedError,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.journal import Journal
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import Progress
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify import ranges

from tests.integration.pg_migration.conftest import Move
from tests.integration.pg_migration.moving import started, switched
from tests.waiting import until

SOON = 0.05  # shorter than a process takes to start


def waited(move: Move) -> dict[str, Any]:
    """As the action plugin does."""
    while True:
        result = move(verify.run.run, attach=1.0)
        if not result.get("running"):
            return result


def kept(move: Move) -> bool:
    """Whether the slot of the comparison is there."""
    name = move.context().names.verify_slot
    return (name,) in move.on_source("SELECT slot_name FROM pg_replication_slots WHERE database = current_database()")


def test_a_comparison_goes_on_without_its_runner(move: Move) -> None:
    started(move)
    move(follow.run)
    first = move(verify.run.run, attach=SOON)
    assert first["running"]
    assert "waits for it" in first["message"]
    with pytest.raises(OrderError, match="verify again, it waits for it; then cutover"):
        verbs.run("cutover", move.context(), check=False)
    process = launch.Unit(move.context(), "verify")
    until(lambda: not launch.alive(process))
    result = waited(move)
    assert "are the same on both sides" in result["message"]
    assert result["report"]["verdict"] == "the same"
    assert kept(move)
    assert process.result() is None, "what was heard is not told again"
    assert move.context().journal.read("progress.json")["step"] == "verify"

    move.on_target("SET transaction_read_only = off; UPDATE users SET email = 'x' || email WHERE id = 3")
    with pytest.raises(DifferenceError) as caught:
        waited(move)
    assert any("users: row (id=3) differs in email" in one for one in caught.value.differences)
    assert not kept(move)
    move.on_target("SET transaction_read_only = off; UPDATE users SET email = substr(email, 2) WHERE id = 3")
    assert waited(move)["report"]["verdict"] == "the same"


def test_a_comparison_shows_its_bytes_range_by_range(move: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    """One large table would show nothing until all of it is compared."""
    started(move)
    move(follow.run)
    monkeypatch.setattr(ranges, "RANGE_ROWS", 500)
    monkeypatch.setattr(verify.run, "SHOW_PAUSE", 0.0)
    shown: list[tuple[int, str]] = []
    write = Journal.progress

    def watched(self: Journal, progress: Progress) -> None:
        write(self, progress)
        shown.append((progress.done_bytes, progress.note))

    monkeypatch.setattr(Journal, "progress", watched)
    outcome = move(verify.run.run)
    large = max(outcome["report"]["tables"], key=lambda one: one["ranges"])
    assert large["ranges"] > 3
    while_it_lasts = {done for done, note in shown if large["name"] in note}
    assert len(while_it_lasts) > 2, shown
    assert shown[-1] == (move.context().journal.read("progress.json")["total_bytes"], "definitions and large objects")


def test_following_is_shown_while_it_lasts(move: Move) -> None:
    started(move)
    move(follow.run)
    blocker = move.target.admin(move.dbname)
    with blocker.transaction():
        blocker.execute("LOCK TABLE public.ledger IN EXCLUSIVE MODE")
        move.on_source("INSERT INTO public.ledger SELECT g FROM generate_series(1, 3000) g")
        result = move(follow.run, attach=SOON, max_lag=10)
    blocker.close()
    assert result["running"]
    assert result["progress"]["lag_bytes"] > 10
    assert "running" not in move(follow.run, attach=30.0, max_lag=4096)


def test_a_way_back_that_broke_is_said_by_whoever_looks(move: Move) -> None:
    switched(move)
    found = status.look(move.context())
    assert found["notices"] == []
    assert found["way_back"]["connected"]
    assert "; the source is " in found["message"]
    name = move.context().names.return_subscription
    with move.source.admin(move.dbname) as session:
        session.execute("SET default_transaction_read_only TO off")
        subscription.switch(session, name, enabled=False)
    assert f"the subscription {name} on the source is disabled" in status.look(move.context())["notices"][0]
    with pytest.raises(RefusedError, match="the source does not follow"):
        move(verify.run.run)
    with move.target.admin(move.dbname) as session:
        subscription.drop_slot(session, name)
    assert "the way back is lost" in status.look(move.context())["notices"][0]
