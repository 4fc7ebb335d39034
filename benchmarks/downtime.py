"""How long a client that writes every 20 ms cannot write: during the move, and during a dump and restore, by the size of the data.

Two clients write during the same move: one to the server itself, which is refused and tries the other server, and one through
PgBouncer, whose requests wait. The dump and restore stops its client before the dump and leads it to the new server after it.
Beside the example's database as it is, a move without what no replication carries (large objects, materialised views) is measured:
those are brought over while nobody may write.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import launch
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import Pooler

from benchmarks import _verb
from benchmarks._downtime_tables import (
    AS_IS,
    BARE_ROWS,
    BIG,
    FREEZES,
    NOTHING,
    SHAPES,
    STEPS,
    VERIFY_AGAIN,
    Moved,
    Size,
    tables,
)
from benchmarks._writer import MAKE, Writer, longest_gap, writing
from benchmarks.copy import JOBS, MIB, NAME, SERVERS, Bench
from tests.integration.pg_clusters import DATABASE, PASSWORD, Cluster, make_clusters, run_psql
from tests.integration.pg_migration.conftest import Move
from tests.integration.pg_migration.moving import GRANTS, login
from tests.integration.pg_migration.pooled import pooled

SIZES = (0.5, 2.0, 8.0)  # million rows, all tables together
ROWS = 2.68  # of the example's database, for each reservation
WATCHED = 2.0  # seconds of writing with nothing else going on, for comparison
BARE = """
SELECT lo_unlink(oid) FROM pg_largeobject_metadata; UPDATE venues SET seating_plan = NULL; REFRESH MATERIALIZED VIEW event_sales WITH NO DATA
"""


class Downtime(Bench):
    """Two servers and the logins of a move."""

    def fill(self, millions: float) -> int:
        """The rows that it really has."""
        for cluster in (self.source, self.target):
            cluster.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")
        self.source.execute(f"CREATE DATABASE {NAME}")
        scale = str(max(1000, round(millions * 1e6 / ROWS / 1000) * 1000))
        run_psql(self.source, NAME, DATABASE / "schema.sql", DATABASE / "seed.sql", scale=scale)
        self.source.execute(f"{MAKE}; {GRANTS}", NAME)
        self.source.execute("VACUUM ANALYZE", NAME)
        tables = "SELECT sum(reltuples)::bigint FROM pg_class WHERE relkind = 'r' AND relnamespace IN ('public'::regnamespace, 'audit'::regnamespace)"
        return int(self.source.execute(tables, NAME)[0][0])

    def megabytes(self) -> float:
        return float(self.source.execute(f"SELECT pg_database_size('{NAME}')")[0][0]) / MIB

    def empty(self, owner: str) -> None:
        self.target.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")
        self.target.execute(f"CREATE DATABASE {NAME} OWNER {owner}")
        # A finish after a rollback leaves the target closed, and a login is of the whole server.
        self.target.execute("ALTER ROLE shopper LOGIN")
        for cluster in (self.source, self.target):
            cluster.execute("CHECKPOINT")

    def way(self, cluster: Cluster) -> Callable[[], psycopg.Connection[object]]:
        return lambda: login(cluster, NAME)

    def none_lost(self, cluster: Cluster, writers: Sequence[Writer], what: str) -> None:
        with cluster.admin(NAME) as session:
            lost = {writer.who: writer.missing(session) for writer in writers}
        if any(lost.values()):
            raise RuntimeError(f"acknowledged rows are LOST after {what}: {lost}")

    def plain(self, who: str) -> float:
        """Writers stopped, dump, restore, writers led to the new server. Without its statistics, which it does not need to go on."""
        self.empty("postgres")
        client = Writer(who, [self.way(self.source)])
        dump = self.folder / "dump"
        with writing(client):
            client.hold()
            begin = time.monotonic()
            self.shell(
                f"pg_dump -Fd -j {JOBS} -Z0 -f {dump} '{self.words(self.source)}';"
                f" pg_restore -j {JOBS} -O -x -d '{self.words(self.target)}' {dump}"
            )
            self.target.execute(GRANTS, NAME)
            client.go_on(self.way(self.target))
            client.more()
            gap = longest_gap(client.acknowledged, begin, time.monotonic())
        shutil.rmtree(dump)
        self.none_lost(self.target, [client], "dump and restore")
        if self.content(self.source) != self.content(self.target):
            raise RuntimeError("dump and restore did not bring everything")
        return gap

    def move(self, who: str) -> Moved:
        self.empty("master")
        moved = Moved()
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        move = Move(self.source, self.target, NAME, folder)
        with ExitStack() as stack:
            stack.callback(lambda: launch.stop_all(move.context()))
            direct = Writer(f"{who} direct", [self.way(self.source), self.way(self.target)])
            clients, pooler = [direct], Pooler()
            if shutil.which("pgbouncer"):
                pool = stack.enter_context(pooled(move))
                clients.append(Writer(f"{who} pooler", [pool.connect]))
                pooler = pool.settings
            context = move.context(pooler=pooler, maintenance_work_mem="256MB", jobs=JOBS)
            stack.enter_context(writing(*clients))
            for verb in (NOTHING, "seed", "follow", "verify", "cutover", "verify", "rollback", "finish"):
                self._phase(move, verb, lambda verb: _verb.run(context, verb), clients, moved)
        moved.written = sum(len(client.acknowledged) for client in clients)
        moved.refused = {client.who.split()[-1]: client.refused for client in clients}
        return moved

    def _phase(
        self, move: Move, verb: str, run: Callable[[str], _verb.Done], clients: list[Writer], moved: Moved
    ) -> None:
        if verb == NOTHING:
            begin = time.monotonic()
            time.sleep(WATCHED)
            done = _verb.Done(begin, time.monotonic(), {}, 0)
        else:
            done = run(verb)
        for client in clients:
            client.more()
        again = verb == "verify" and "cutover" in moved.gaps
        moved.gaps[VERIFY_AGAIN if again else verb] = {
            client.who.split()[-1]: longest_gap(client.acknowledged, done.begin, done.end) for client in clients
        }
        moved.memory = max(moved.memory, done.memory)
        moved.seconds.setdefault(verb, done.end - done.begin)
        if verb == "seed":
            move.on_target(GRANTS)
        if verb in FREEZES:
            measured = done.result["measured"]
            moved.frozen[verb] = measured["gap"]
            moved.steps[verb] = {step: measured["seconds"].get(f"postgresql: {step}", 0.0) for step in STEPS}
            self.none_lost(self.target if verb == "cutover" else self.source, clients, verb)
        gaps = ", ".join(f"{name} {gap:.3f}" for name, gap in next(reversed(moved.gaps.values())).items())
        words = f"; frozen {moved.frozen[verb]} {moved.steps[verb]}" if verb in FREEZES else ""
        print(f"  {verb} {done.end - done.begin:.1f} s: longest gap {gaps}{words}", file=sys.stderr, flush=True)


@contextmanager
def _servers() -> Iterator[Downtime]:
    with make_clusters(*SERVERS, "fsync=on", on_disk=True) as pair, tempfile.TemporaryDirectory() as folder:
        for cluster in pair:
            cluster.execute("ALTER ROLE master SUPERUSER")  # on Aurora rds_superuser may make subscriptions
            with cluster.admin() as session:
                for role, rights in (("mover", "LOGIN REPLICATION"), ("shopper", "LOGIN")):
                    name = psycopg.sql.Identifier(role)
                    session.execute(
                        psycopg.sql.SQL("CREATE ROLE {} {} PASSWORD {}").format(name, psycopg.sql.SQL(rights), PASSWORD)
                    )
        yield Downtime(*pair, Path(folder))


def _measured(bench: Downtime, millions: float, runs: int) -> Size:
    size = Size(bench.fill(millions), bench.megabytes())
    for shape in SHAPES:
        if shape == BARE_ROWS:
            bench.source.execute(BARE, NAME)
        for number in range(runs):
            who = f"{shape} {number}"
            print(f"{size.rows} rows, {shape}, run {number + 1} of {runs}", file=sys.stderr, flush=True)
            if shape == AS_IS:
                size.plain.append(bench.plain(f"plain {number}"))
                print(f"  dump and restore: {size.plain[-1]:.2f}", file=sys.stderr, flush=True)
            size.moves[shape].append(bench.move(who))
    return size


def report(runs: int, millions: Sequence[float] = SIZES) -> str:
    load = os.getloadavg()[0]
    with _servers() as bench:
        sizes = [_measured(bench, one, 1 if one > BIG else runs) for one in sorted(millions)]
    return tables(sizes, runs, load)
