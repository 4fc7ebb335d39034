"""A wrong or expired authority that is met while the target follows, or in the freeze: after everything was found well by the preflight."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgConnectError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import (
    cutover,
    follow,
    nearing,
    rollback,
    status,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import MigrationError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import Ends

from tests.faults.support import BUDGET, one_side, victim
from tests.faults.test_servers_killed import at
from tests.integration.pg_clusters import PASSWORD, Cluster, expired
from tests.integration.pg_migration.conftest import Move
from tests.integration.pg_migration.moving import Writers, sides, started
from tests.waiting import crowded, until

KINDS = {"wrong": "unable to get local issuer certificate", "expired": "certificate has expired"}


@dataclass
class Trust:
    """A CA file of its own for one way, which the test may spoil; applications go on trusting the true one."""

    file: Path
    server: Cluster

    def spoil(self, kind: str) -> None:
        wrong = self.server.other_ca_file.read_bytes()
        self._write(wrong if kind == "wrong" else expired(self.server.ca_file))

    def mend(self) -> None:
        self._write(self.server.ca_file.read_bytes())

    def _write(self, content: bytes) -> None:
        """Renamed into its place, as whoever renews such a file does it."""
        fresh = self.file.with_suffix(".new")
        fresh.write_bytes(content)
        fresh.chmod(0o644)
        fresh.rename(self.file)


@dataclass
class Trusting(Move):
    """A move with a CA file of its own on each of its four ways."""

    @property
    def ends(self) -> Ends:
        known = super().ends
        return Ends(
            replace(known.source, ca_file=str(self.trust("source").file)),
            replace(known.target, ca_file=str(self.trust("target").file)),
            replace(known.publisher, ca_file=str(self.trust("publisher").file)),
            replace(known.returner, ca_file=str(self.trust("returner").file)),
        )

    def trust(self, way: str) -> Trust:
        server = self.source if way in ("source", "publisher") else self.target
        # Beside the server's data: a subscription reads it as the server's own user.
        return Trust(server.data.parent / f"trusted-by-{way}.pem", server)


WAYS = ("source", "target", "publisher", "returner")


@pytest.fixture
def trusting(move: Move) -> Iterator[Trusting]:
    made = Trusting(move.source, move.target, move.dbname, move.folder)
    for way in WAYS:
        made.trust(way).mend()
    try:
        yield made
    finally:
        for way in WAYS:
            made.trust(way).mend()


def on_its_way(move: Move) -> None:
    started(move)
    move(follow.run)


def worker_is_gone(move: Move) -> None:
    """As after a short loss of the network: it has to connect again."""
    move.source.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_replication")


@pytest.mark.full
@pytest.mark.parametrize("kind", KINDS)
def test_the_runner_does_not_trust_a_server_when_it_is_to_follow(trusting: Trusting, kind: str) -> None:
    move = trusting
    started(move)
    for way in ("source", "target"):
        move.trust(way).spoil(kind)
        with pytest.raises(PgConnectError, match=KINDS[kind]) as caught:
            move(follow.run)
        assert way in str(caught.value)
        assert str(move.trust(way).file) in str(caught.value)
        move.trust(way).mend()
    assert move.on_target("SELECT count(*) FROM pg_subscription") == [(0,)]
    assert move(follow.run)["phase"] == "following"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.fewer("expired")
def test_the_target_does_not_trust_the_source(trusting: Trusting, kind: str) -> None:
    """When the subscription is made, and when it has to connect again much later."""
    move = trusting
    started(move)
    writers, trust = Writers(move), move.trust("publisher")
    with writers.writing():
        trust.spoil(kind)
        with pytest.raises(MigrationError, match="certificate verify failed"):
            move(follow.run)
        trust.mend()
        assert move(follow.run)["phase"] == "following"
        trust.spoil(kind)
        worker_is_gone(move)
        with pytest.raises(MigrationError, match=r"certificate verify failed.*Mend") as caught:
            move(follow.run)
        assert PASSWORD not in str(caught.value)
        assert sides(move) == (True, False)
        trust.mend()
        assert move(follow.run)["phase"] == "following"
        writers.more()
        assert move(cutover.run, freeze_budget=BUDGET * crowded())["phase"] == "switched"
        writers.more()
    assert writers.lost(move.target) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("step", ["close", "verify", "wake", "open"])
@pytest.mark.fewer("verify-wrong", "open-expired")
def test_the_runner_does_not_trust_the_servers_in_the_freeze(
    trusting: Trusting, monkeypatch: pytest.MonkeyPatch, step: str, kind: str
) -> None:
    """What is open stays open; nothing new can be opened. Whatever comes of it: one side, and nothing lost."""
    move = trusting
    on_its_way(move)
    writers = Writers(move)

    def spoil() -> None:
        for way in ("source", "target"):
            move.trust(way).spoil(kind)

    with writers.writing():
        with at(monkeypatch, step, spoil), contextlib.suppress(MigrationError, PgConnectError):
            move(cutover.run, freeze_budget=BUDGET * crowded())
        after = sides(move)
        print(f"{kind} at {step}: {after}")
        assert after in ((True, False), (False, True))
        writers.more()
        for way in ("source", "target"):
            move.trust(way).mend()
        if after[0]:
            move(follow.run)
        assert move(cutover.run, freeze_budget=BUDGET * crowded())["phase"] == "switched"
        writers.more()
    assert writers.lost(move.target) == []
    assert sides(move) == (False, True)


@pytest.mark.full
@pytest.mark.parametrize("kind", KINDS)
def test_the_last_changes_do_not_come_through(trusting: Trusting, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """The worker has to connect again in the freeze, and is not let: the budget ends that, and the source is open."""
    move = trusting
    on_its_way(move)
    writers, trust, budget = Writers(move), move.trust("publisher"), 2.5 * crowded()

    def spoil() -> None:
        trust.spoil(kind)
        worker_is_gone(move)

    with writers.writing():
        with at(monkeypatch, "expel", spoil), pytest.raises(MigrationError, match="old side is open again"):
            move(cutover.run, freeze_budget=budget)
        assert sides(move) == (True, False)
        writers.more()
        trust.mend()
        move(follow.run)
        assert move(cutover.run, freeze_budget=BUDGET * crowded())["phase"] == "switched"
        writers.more()
    assert writers.lost(move.target) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.fewer("wrong")
def test_the_source_does_not_trust_the_target(trusting: Trusting, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Before the freeze the way back is tried and refused; one that breaks in the freeze is said, and carries all once it is mended."""
    move = trusting
    on_its_way(move)
    writers, trust = Writers(move), move.trust("returner")
    with writers.writing():
        trust.spoil(kind)
        with pytest.raises(MigrationError, match="certificate verify failed"):
            move(cutover.run, freeze_budget=BUDGET * crowded())
        assert sides(move) == (True, False)
        assert writers.longest < BUDGET * crowded()
        trust.mend()
        with at(monkeypatch, "wake", lambda: trust.spoil(kind)):
            assert move(cutover.run, freeze_budget=BUDGET * crowded())["phase"] == "switched"
        writers.more()
        said = until(
            lambda: [one for one in status.look(move.context())["notices"] if "certificate" in one], seconds=20
        )
        print(said)
        with monkeypatch.context() as patch:
            patch.setattr(nearing, "PATIENCE", 2.0)
            with pytest.raises(MigrationError):
                move(rollback.run, freeze_budget=BUDGET * crowded())
        assert sides(move) == (False, True)
        trust.mend()
        until(lambda: status.look(move.context())["notices"] == [], seconds=30 * crowded())
        assert move(rollback.run, freeze_budget=BUDGET * crowded())["phase"] == "returned"
        writers.more()
    assert writers.lost(move.source) == []
    assert sides(move) == (True, False)


def test_a_run_dies_in_the_freeze_and_nobody_trusts_the_source(trusting: Trusting) -> None:
    """Two faults at once: nobody can write until the file is right again; then the watchdog opens by itself."""
    move = trusting
    on_its_way(move)
    writers = Writers(move)
    with writers.writing():
        process = victim(move, "cutover", "carry", how="stop")
        until(lambda: sides(move) == (False, False), seconds=30 * crowded())
        move.trust("source").spoil("expired")
        process.kill()
        process.wait(20)
        move.trust("source").mend()
        one_side(move, (True, False), 20 * crowded())
        writers.more()
    assert writers.lost(move.source) == []
