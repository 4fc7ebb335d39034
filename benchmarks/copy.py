"""The seed of a move against other ways to copy a database: same data, same two servers, sides in turn.

Every way ends with the same thing: all rows, keys, indexes and foreign keys, and statistics. Each connects by TLS.
"""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import guard, identity, launch
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import make
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import Ends, Peer, Settings
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed import run, snapshot

from tests.integration.pg_clusters import BIN, DATABASE, Cluster, make_clusters, run_psql

# Reservations of the example's database; each size is a table of its own in the report.
SCALES = [int(one) for one in os.environ.get("BENCH_SCALE", "800000,3200000").split(",")]
JOBS = 2
NAME = "tiketi"
MIB = 1024**2
SERVERS = (
    "wal_level=logical",
    "max_wal_senders=20",
    "shared_buffers=512MB",
    "maintenance_work_mem=256MB",
    "max_wal_size=4GB",
)
CONTENT = "SELECT (SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND convalidated), count(*) FROM pg_class WHERE relkind IN ('i', 'r') AND relnamespace NOT IN (11, 99) AND relnamespace::regnamespace::text !~ '^(pg|platform|info)'"  # fmt: skip  # noqa: E501


class Bench:
    """Two servers, the source filled."""

    def __init__(self, source: Cluster, target: Cluster, folder: Path) -> None:
        self.source, self.target, self.folder = source, target, folder
        self.memory = 0

    def load(self, scale: int) -> int:
        """Bytes of the database."""
        self.source.execute(f"CREATE DATABASE {NAME}")
        run_psql(self.source, NAME, DATABASE / "schema.sql", DATABASE / "seed.sql", scale=str(scale))
        self.source.execute("VACUUM ANALYZE", NAME)
        return int(self.source.execute(f"SELECT pg_database_size('{NAME}')")[0][0])

    def words(self, cluster: Cluster) -> str:
        return f"host=localhost port={cluster.port} user=postgres dbname={NAME} sslmode=verify-full sslrootcert={cluster.ca_file}"

    def environment(self) -> dict[str, str]:
        passwords = self.folder / "pass"
        passwords.touch(mode=0o600)
        passwords.write_text("*:*:*:postgres:admin\n")
        return {"PATH": f"{BIN}:/usr/bin:/bin", "PGPASSFILE": str(passwords), "LC_ALL": "C.UTF-8", "HOME": str(self.folder),
                "XDG_RUNTIME_DIR": str(self.folder), "TMPDIR": str(self.folder)}  # fmt: skip

    def shell(self, script: str) -> None:
        """Words are paths and names of our own; the analysis that the seed and pgcopydb do is added for the others."""
        said = subprocess.run(
            ["bash", "-ceu", "set -o pipefail; " + script],
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if said.returncode:
            raise RuntimeError(said.stderr[-2000:])

    def analyze(self) -> str:
        return f"vacuumdb -q -Z -j {JOBS} '{self.words(self.target)}'"

    def pipe(self) -> None:
        options = "-q -X -v ON_ERROR_STOP=1 -o /dev/null"
        self.shell(
            f"pg_dump -O -x '{self.words(self.source)}' | psql {options} '{self.words(self.target)}'; {self.analyze()}"
        )

    def folders(self, compress: str) -> None:
        dump = self.folder / "dump"
        shutil.rmtree(dump, ignore_errors=True)
        self.shell(
            f"pg_dump -Fd -j {JOBS} {compress} -f {dump} '{self.words(self.source)}';"
            f" pg_restore -j {JOBS} -O -x -d '{self.words(self.target)}' {dump}; {self.analyze()}"
        )
        shutil.rmtree(dump, ignore_errors=True)

    def pgcopydb(self) -> None:
        ends = [
            f"--{side} '{self.words(cluster)}'" for side, cluster in (("source", self.source), ("target", self.target))
        ]
        work = self.folder / "pgcopydb"
        shutil.rmtree(work, ignore_errors=True)
        self.shell(
            f"pgcopydb clone {' '.join(ends)} --table-jobs {JOBS} --index-jobs {JOBS} --no-owner --no-acl --dir {work}"
        )

    def seed(self) -> None:
        ends = Ends(
            replace(self.source.endpoint(NAME, "postgres"), side="source"),
            replace(self.target.endpoint(NAME, "postgres"), side="target"),
            Peer("127.0.0.1", self.source.port, "postgres", "admin", "verify-full", str(self.source.ca_file)),
            Peer("127.0.0.1", self.target.port, "postgres", "admin", "verify-full", str(self.target.ca_file)),
        )
        work = tempfile.mkdtemp(dir=self.folder)
        context = make(ends, Settings(jobs=JOBS, folder=work, run_folder=f"{work}/run"))
        end = threading.Event()
        watch = threading.Thread(target=self._watch, args=(launch.Unit(context, "seed"), end))
        watch.start()
        try:
            with context.journal.opened(0):
                laps = run.run(context, False)["seed"]["laps"]
            print(", ".join(f"{name} {seconds}" for name, seconds in laps.items()), file=sys.stderr)
        finally:
            end.set()
            watch.join()
            snapshot.drop(context)
            guard.remove(context)
            identity.restore(context)
            self.source.execute("DROP SCHEMA IF EXISTS platform_migration CASCADE", NAME)

    def _watch(self, unit: launch.Unit, end: threading.Event) -> None:
        while not end.wait(0.3):
            try:
                status = Path(f"/proc/{launch.pid(unit)}/status").read_text()
            except OSError:
                continue
            peak = next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")), 0)
            self.memory = max(self.memory, peak * 1024)

    def timed(self, way: Callable[[], None], expected: object) -> float:
        self.target.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")
        self.target.execute(f"CREATE DATABASE {NAME}")
        for cluster in (self.source, self.target):
            cluster.execute("CHECKPOINT")
        began = time.monotonic()
        way()
        seconds = time.monotonic() - began
        found = self.content(self.target)
        if found != expected:
            raise RuntimeError(f"{way}: {found} instead of {expected}")
        return seconds

    @staticmethod
    def content(cluster: Cluster) -> tuple[object, ...]:
        rows = (
            "SELECT (SELECT count(*) FROM reservations), (SELECT count(*) FROM users), (SELECT count(*) FROM payments)"
        )
        return (*cluster.execute(CONTENT, NAME), *cluster.execute(rows, NAME))


def _measured(bench: Bench, runs: int) -> dict[str, list[float]]:
    """Seconds of every way, the ways in turn."""
    expected = bench.content(bench.source)
    ways: dict[str, Callable[[], None]] = {
        "`pg_dump \\| psql` (the plain way)": bench.pipe,
        f"`pg_dump -Fd -j{JOBS}`, `pg_restore -j{JOBS}`": lambda: bench.folders(""),
        f"`pg_dump -Fd -j{JOBS} -Z0`, `pg_restore -j{JOBS}`": lambda: bench.folders("-Z0"),
        "the seed": bench.seed,
    }
    if shutil.which("pgcopydb"):
        said = subprocess.run(["pgcopydb", "--version"], capture_output=True, text=True, check=False)
        version = next(iter(re.findall(r"version (\d[\d.]*)", said.stdout + said.stderr)), "")
        ways[f"pgcopydb {version}"] = bench.pgcopydb
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(runs):
        for name, way in ways.items():
            seconds[name].append(bench.timed(way, expected))
            print(f"run {number + 1} of {runs}: {name}: {seconds[name][-1]:.1f} s", file=sys.stderr, flush=True)
    return seconds


def report(runs: int) -> str:
    return "\n".join(_report(runs, scale) for scale in SCALES)


def _report(runs: int, scale: int) -> str:
    with make_clusters(*SERVERS, on_disk=True) as pair, tempfile.TemporaryDirectory() as folder:
        bench = Bench(*pair, Path(folder))
        size = bench.load(scale)
        seconds = _measured(bench, runs)
    plain = statistics.median(next(iter(seconds.values())))
    lines = [
        f"Copy of the example's database, {size / MIB:.0f} MiB with its indexes, between two PostgreSQL 15 on the same 2 cores over TLS;"
        f" rows, keys, indexes, foreign keys and statistics; {JOBS} jobs; median of {runs}, sides in turn.",
        "",
        "| way | seconds (median, min-max) | times as fast as the plain way |",
        "|---|---|---|",
    ]
    for name, took in seconds.items():
        middle = statistics.median(took)
        lines.append(f"| {name} | {middle:.1f} ({min(took):.1f}-{max(took):.1f}) | {plain / middle:.2f} |")
    lines += [
        "",
        f"The seed's time holds its preflight, the slot and the guard too. Its process took {bench.memory / MIB:.0f} MiB at most.",
    ]
    return "\n".join(lines) + "\n"
