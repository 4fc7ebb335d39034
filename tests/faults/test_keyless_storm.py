"""A table without any key, changed without a pause from before the seed until after the cutover."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import psycopg
import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import cutover, follow, rollback, verify
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed import run as seed

from tests.faults.support import BUDGET
from tests.integration.pg_migration.conftest import Move, big_move
from tests.integration.pg_migration.moving import GRANTS, KNOCK, LEDGER, login, sides
from tests.integration.pg_migration.test_seed import MIB, SMALL_PARTS
from tests.waiting import crowded, until

__all__ = ["big_move"]

ITEMS = 400  # in STORM; of each there are two rows that nothing tells apart at first
STORM = """
CREATE TABLE public.storm (item int NOT NULL, hits int NOT NULL, note text);
INSERT INTO public.storm SELECT i, 0, repeat(md5(i::text), 20) FROM generate_series(1, 400) i, generate_series(1, 2);
CREATE INDEX storm_item ON public.storm (item)
"""
# One of two equal rows: replication finds it by all of its columns, and it must be one there too.
HIT = "UPDATE public.storm SET hits = hits + 1 WHERE ctid = (SELECT ctid FROM public.storm WHERE item = %s LIMIT 1 FOR UPDATE)"
NEW = "INSERT INTO public.storm VALUES (%s, 0, 'new'), (%s, 0, 'new')"
GONE = "DELETE FROM public.storm WHERE ctid = (SELECT ctid FROM public.storm WHERE item = %s LIMIT 1 FOR UPDATE)"


@dataclass
class Storm:
    """Each writer has items of its own, so that it knows what has to be there."""

    move: Move
    count: int = 3
    hits: Counter[int] = field(default_factory=Counter)  # acknowledged, by item
    rows: Counter[int] = field(default_factory=Counter)  # acknowledged, of new items
    unsure: set[int] = field(default_factory=set)
    done: int = 0
    stop: threading.Event = field(default_factory=threading.Event)

    def _work(self, number: int) -> None:
        dice = random.Random(number)  # noqa: S311 - the same storm in every run
        places = [self.move.source, self.move.target]
        session, fresh = None, 10_000 * (number + 1)
        while not self.stop.is_set():
            item = fresh
            try:
                session = session or login(places[0], self.move.dbname)
                what = dice.randrange(6)
                if what == 0:
                    session.execute(NEW, (fresh, fresh))
                    self.rows[fresh] = 2
                elif what == 1 and self.rows[fresh - 1] == 2:
                    item = fresh - 1
                    session.execute(GONE, (item,))
                    self.rows[item] = 1
                else:
                    item = dice.randrange(ITEMS // self.count) * self.count + number + 1
                    if session.execute(HIT, (item,)).rowcount:
                        self.hits[item] += 1
                fresh += what == 0
                self.done += 1
                time.sleep(0.01)
            except (psycopg.errors.ReadOnlySqlTransaction, psycopg.OperationalError) as error:
                if session is not None:
                    if isinstance(error, psycopg.OperationalError):  # the other one is an answer
                        self.unsure.add(item)
                        fresh += 1
                    session.close()
                session = None
                places.reverse()
                time.sleep(KNOCK)

    @contextlib.contextmanager
    def blowing(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._work, args=(number,), daemon=True) for number in range(self.count)]
        for thread in threads:
            thread.start()
        try:
            self.more()
            yield
        finally:
            self.stop.set()
            for thread in threads:
                thread.join(10)

    def more(self, by: int = 200) -> None:
        goal = self.done + by
        until(lambda: self.done >= goal, "nobody can write")

    def lost(self, move: Move, target: bool) -> list[str]:
        """After the storm: items of which not exactly what was acknowledged is there."""
        rows = (move.on_target if target else move.on_source)(
            "SELECT item, sum(hits), count(*) FROM public.storm GROUP BY 1"
        )
        there = {item: (hits, count) for item, hits, count in rows}
        found = [
            f"{item}: {there.get(item)}, {n} hits"
            for item, n in self.hits.items()
            if there.get(item, (0, 0))[0] != n and item not in self.unsure
        ]
        return found + [
            f"{item}: {there.get(item)}, {n} rows"
            for item, n in self.rows.items()
            if there.get(item, (0, 0))[1] != n and item not in self.unsure
        ]


def test_a_table_without_key_under_an_update_storm(big_move: Move) -> None:
    move = big_move
    for statement in (LEDGER, STORM, GRANTS):
        move.on_source(statement)
    storm = Storm(move)
    with storm.blowing():
        assert move(seed.run, **SMALL_PARTS, rate_limit=8 * MIB)["phase"] == "seeded"
        storm.more()
        move.on_target(GRANTS)
        assert move(follow.run)["phase"] == "following"
        assert move(verify.run.run)["report"]["verdict"] == "the same"
        storm.more()
        assert move(cutover.run, freeze_budget=BUDGET * crowded())["phase"] == "switched"
        assert sides(move) == (False, True)
        storm.more()
        # And back: on the target it has no key either.
        assert move(verify.run.run)["report"]["verdict"] == "the same"
        storm.more()
        assert move(rollback.run, freeze_budget=BUDGET * crowded())["phase"] == "returned"
        storm.more()
    print(f"{storm.done} statements, {len(storm.unsure)} unsure")
    assert sides(move) == (True, False)
    assert storm.lost(move, target=False) == []
    assert len(storm.unsure) < 30  # what was under way when a freeze ended its session


@pytest.mark.full
def test_what_was_acknowledged_before_the_cutover_is_on_the_target(big_move: Move) -> None:
    """The storm ends with the cutover: every row of it is there, and no other."""
    move = big_move
    for statement in (LEDGER, STORM, GRANTS):
        move.on_source(statement)
    storm = Storm(move)
    with storm.blowing():
        move(seed.run, **SMALL_PARTS)
        move.on_target(GRANTS)
        move(follow.run)
        move(verify.run.run)
        storm.more()
        assert move(cutover.run, freeze_budget=BUDGET * crowded())["phase"] == "switched"
    assert storm.lost(move, target=True) == []
    until(
        lambda: (
            move.on_source("SELECT sum(hits), count(*) FROM public.storm")
            == move.on_target("SELECT sum(hits), count(*) FROM public.storm")
        )
    )
    move.same_rows()
