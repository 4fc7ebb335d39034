"""A target whose disk is full, while it is filled and while it follows."""

from __future__ import annotations

import contextlib
import os
import pwd
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import cutover, follow, launch, verify
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import MigrationError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed import run as seed

from tests.faults.support import BUDGET
from tests.integration.pg_migration.conftest import Move, big_move, clean
from tests.integration.pg_migration.moving import GRANTS, LEDGER, Writers, sides
from tests.integration.pg_migration.test_seed import SMALL_PARTS
from tests.waiting import crowded, until

__all__ = ["big_move"]


@dataclass(frozen=True)
class Disk:
    """A file system in memory."""

    folder: Path

    def mount(self, size: str, *more: str) -> subprocess.CompletedProcess[str]:
        options = ",".join((f"size={size}", *more))
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.folder)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def grow(self, size: str) -> None:
        assert self.mount(size, "remount").returncode == 0

    def fill(self) -> None:
        """Until nothing more fits."""
        with (self.folder / "ballast").open("ab", buffering=0) as ballast, contextlib.suppress(OSError):
            while ballast.write(bytes(65536)):
                pass
        assert os.statvfs(self.folder).f_bavail == 0

    def empty(self) -> None:
        (self.folder / "ballast").unlink()


@pytest.fixture
def small_disk(big_move: Move) -> Iterator[Disk]:
    """The target's database on a file system of its own, of 24 MiB."""
    disk = Disk(Path("/run") / f"platform-small-{os.getpid()}")
    disk.folder.mkdir(mode=0o700)
    mounted = disk.mount("24m")
    if mounted.returncode:
        disk.folder.rmdir()
        words = f"this machine cannot mount a tmpfs (root with CAP_SYS_ADMIN is needed): {mounted.stderr.strip()}"
        pytest.fail(words) if os.environ.get("CI") else pytest.skip(words)
    owner = pwd.getpwnam("postgres")
    os.chown(disk.folder, owner.pw_uid, owner.pw_gid)
    target, name = big_move.target, big_move.dbname
    try:
        target.execute(f"CREATE TABLESPACE small LOCATION '{disk.folder}'")
        target.execute(f"ALTER DATABASE {name} SET TABLESPACE small")
        yield disk
    finally:
        launch.stop_all(big_move.context())
        clean(big_move.source, target)
        target.execute("DROP TABLESPACE small")
        subprocess.run(["umount", str(disk.folder)], check=True)
        disk.folder.rmdir()


def test_a_target_that_is_full_says_so_and_goes_on_with_more_room(big_move: Move, small_disk: Disk) -> None:
    move = big_move
    move.on_source(LEDGER)
    move.on_source(GRANTS)
    writers = Writers(replace(move, target=move.source))  # they know no other server before the cutover
    with writers.writing():
        with pytest.raises(MigrationError) as caught:
            move(seed.run, **SMALL_PARTS)
        writers.more()
    said = str(caught.value)
    print(said)
    assert "the target says" in said
    assert "No space left on device" in said
    assert "Mend: make room on the target (its disk, or the tablespace of the database), then run seed again" in said
    assert sides(move) == (True, False), "users of the source must not notice"
    assert writers.lost(move.source) == []
    small_disk.grow("400m")
    assert move(seed.run, **SMALL_PARTS)["phase"] == "seeded"
    assert move(follow.run)["phase"] == "following"
    assert writers.lost(move.target) == []
    move.same_rows()


@pytest.mark.full
def test_a_target_that_gets_full_while_it_follows(big_move: Move, small_disk: Disk) -> None:
    """The server's own words are in its log, which nobody may read over SQL here, as on a managed one."""
    move = big_move
    move.on_source(LEDGER)
    move.on_source(GRANTS)
    small_disk.grow("400m")
    move(seed.run, **SMALL_PARTS)
    move.on_target(GRANTS)
    writers = Writers(move)
    with writers.writing():
        move(follow.run)
        small_disk.fill()
        move.on_source("INSERT INTO big SELECT i, repeat('x', 100), 0, now() FROM generate_series(100001, 140000) i")
        until(lambda: move.on_target("SELECT subenabled FROM pg_subscription") == [(False,)], "it is not full")
        for _ in range(2):
            small_disk.fill()  # what autovacuum gave back of the rows that were taken back
            with pytest.raises(MigrationError) as caught:
                move(follow.run)
            print(caught.value)
            assert "No space left on device" in str(caught.value)
            assert "Mend: make room on the target" in str(caught.value)
            assert "Nothing is lost" in str(caught.value)
        writers.more()
        assert sides(move) == (True, False)
        small_disk.empty()
        assert "enabled again" in move(follow.run)["message"]
        assert move(verify.run.run)["report"]["verdict"] == "the same"
        assert move(cutover.run, freeze_budget=BUDGET * crowded())["phase"] == "switched"
        writers.more()
    assert writers.lost(move.target) == []
    assert sides(move) == (False, True)
