"""More than one runner, and journals that tell of another time or another move."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import (
    cutover,
    finish,
    follow,
    freeze,
    rollback,
    status,
    verbs,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import (
    HeldError,
    MigrationError,
    OrderError,
    OvertakenError,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed import run as seed

from tests.integration.pg_migration.conftest import Move
from tests.integration.pg_migration.moving import following, sides, started
from tests.waiting import until

FENCE = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"


@pytest.fixture
def other(move: Move) -> Move:
    """The same move as another runner sees it."""
    return replace(move, folder=move.folder / "another runner")


@pytest.fixture
def elsewhere(move: Move) -> Iterator[Move]:
    """A move of the same source to another database."""
    move.target.execute("CREATE DATABASE elsewhere OWNER master")
    target = replace(move.target)
    target.endpoint = lambda *_: replace(move.target.endpoint(move.dbname), dbname="elsewhere")  # type: ignore[method-assign]
    yield replace(move, target=target, folder=move.folder / "elsewhere")
    move.target.execute("DROP DATABASE elsewhere WITH (FORCE)")


def test_a_second_runner_is_told_who_is_at_work(move: Move, other: Move) -> None:
    started(move)
    with move.opened() as context:
        assert move.source.execute(FENCE) == [(1,)]
        with pytest.raises(HeldError, match=rf"on {context.journal.runner[:20]}.*, for \d+ s. Mend"):
            other(follow.run, lock_wait=0.3)
    other(follow.run)
    until(lambda: move.source.execute(FENCE) == [(0,)] == move.target.execute(FENCE))


def test_a_dry_run_on_another_runner_leaves_nothing_there(move: Move, other: Move) -> None:
    following(move)
    told = verbs.run("cutover", other.context(), check=True)
    assert (told["changed"], told["phase"]) == (True, "following"), told
    assert not other.folder.exists()


def test_a_runner_that_comes_back_believes_the_servers(move: Move, other: Move) -> None:
    """Its journal says `following`; meanwhile another one has cut over. Obeying the old journal would open both sides."""
    following(move)
    assert other(cutover.run)["phase"] == "switched"
    assert move.context().journal.phase == "following", "the file is of the past"
    seen = status.look(move.context())
    assert (seen["phase"], seen["remaining"]) == ("switched", [])
    with pytest.raises(OrderError, match="switched"):
        move(follow.run)
    assert not move(seed.run)["changed"]
    assert not move(cutover.run)["changed"]
    assert sides(move) == (False, True)
    assert move(rollback.run)["phase"] == "returned"
    with other.opened() as context:
        assert context.journal.phase == "returned"
    assert sides(move) == (True, False)


def test_a_move_that_another_runner_finished(move: Move, other: Move) -> None:
    following(move)
    other(cutover.run)
    other(finish.run)
    seen = status.look(move.context())
    assert any("another runner has finished it" in words for words in seen["notices"])
    for verb in (follow.run, cutover.run, finish.run):
        with pytest.raises(MigrationError, match=r"another runner has finished it.*Mend"):
            move(verb, clean_target=True)
    assert sides(move) == (False, True)
    assert move.on_target("SELECT count(*) FROM public.ledger") == [(0,)]


def test_what_is_overtaken_changes_nothing(move: Move, other: Move) -> None:
    """A run that lost its lock without a word, and wakes up after another runner has gone on."""
    following(move)
    stale = move.context()
    assert other(cutover.run)["phase"] == "switched"
    for act in (close_source, open_source, publish):
        with stale.source() as session, pytest.raises(OvertakenError, match="Mend"):
            act(stale, session)
    with pytest.raises(OvertakenError):
        stale.journal.phase_is("following", note="nonsense")
    assert "note" not in move.context().journal.entries
    assert sides(move) == (False, True)


def close_source(stale: Context, session: object) -> None:
    freeze.close(session, ("shopper",), stale.journal.still_ours)  # type: ignore[arg-type]


def open_source(stale: Context, session: object) -> None:
    freeze.open_again(session, stale.journal.still_ours)  # type: ignore[arg-type]


def publish(stale: Context, session: object) -> None:
    stale.journal.publish(session)  # type: ignore[arg-type]


def test_the_source_is_part_of_another_move(move: Move, elsewhere: Move) -> None:
    started(move)
    with pytest.raises(
        MigrationError, match=r"is part of another move, from .*/app to .*/app, by .*Mend: finish that one"
    ):
        elsewhere(seed.run)
    assert sides(move)[0]
    assert not elsewhere.context().journal.active


def test_the_journal_is_of_another_move_of_the_same_databases(move: Move, other: Move) -> None:
    started(move)
    with other.opened() as context:
        context.journal.entries["id"] = "00000000-0000-4000-8000-000000000000"
        context.journal.save()
    with pytest.raises(MigrationError, match=r"two different moves of the same databases.*Mend"):
        other(follow.run)
    assert move(follow.run)["phase"] == "following"
