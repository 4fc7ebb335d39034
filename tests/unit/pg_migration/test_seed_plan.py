"""What is copied in which pieces and built in which order."""

from __future__ import annotations

import threading

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import Table
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed import copy, plan
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed.board import Board, StoppedError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed.facts import Columns
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed.schema import split
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed.throttle import Brake, Bucket

MIB = 1024**2


def table(name: str, size: int, pages: int | None = None) -> Table:
    return Table("public", name, f"public.{name}", size // 8192 if pages is None else pages, size, 0)


@pytest.mark.parametrize("size", [0, 8192, MIB, 10 * MIB + 8192, 1000 * MIB])
def test_parts_cover_every_page_once_and_the_end_is_open(size: int) -> None:
    found = sorted(plan.parts([table("t", size)], MIB), key=lambda part: part.number)
    assert found[0].first == 0
    assert found[-1].last is None
    assert [part.last for part in found[:-1]] == [part.first for part in found[1:]]
    assert found[0].whole == (len(found) == 1)


def test_parts_are_large_enough_and_largest_come_first() -> None:
    found = plan.parts([table("small", MIB), table("toast", 500 * MIB, pages=256), table("big", 100 * MIB)], 10 * MIB)
    assert [part.label for part in found][:2] == ["public.toast#0", "public.toast#1"], "128 pages at least"
    assert len([part for part in found if part.table.name == "big"]) == 10
    assert found[-1].label == "public.small"
    assert len(plan.parts([table("big", 100 * MIB)], MIB, by_pages=False)) == 1


def test_copy_reads_a_range_or_the_table_alone() -> None:
    whole, ranged = plan.Part(table('a"b', 0), 0, 0, None, 1), plan.Part(table("t", 0), 1, 128, 256, 1)
    columns = Columns(("a", 'b"c'), True)
    out, into = (statement.as_string() for statement in copy.statements(whole, columns))
    assert out == 'COPY "public"."a""b" ("a", "b""c") TO STDOUT (FORMAT binary)'
    assert into == 'COPY "public"."a""b" ("a", "b""c") FROM STDIN (FORMAT binary, FREEZE)'
    out, into = (statement.as_string() for statement in copy.statements(ranged, Columns(("a",), False)))
    assert (
        "FROM ONLY \"public\".\"t\" WHERE ctid >= '(128,0)'::pg_catalog.tid AND ctid < '(256,0)'::pg_catalog.tid" in out
    )
    assert into == 'COPY "public"."t" ("a") FROM STDIN'
    assert copy.statements(whole, Columns((), False))[0].as_string() == 'COPY "public"."a""b" TO STDOUT'


def entry(number: int, kind: str, statement: str = "X;") -> plan.Entry:
    return plan.Entry(number, kind, f"{kind} {number}", statement, number)


def test_steps_follow_their_table_or_the_list() -> None:
    owners = {
        ("constraint", 1): plan.Owner("public.t", "t_pkey", 10),
        ("index", 2): plan.Owner("public.t", "", 20),
        ("index", 3): plan.Owner("public.view", "", 5),
        ("constraint", 5): plan.Owner("public.t", "fk", 10),
        ("constraint", 6): plan.Owner("public.p", "fk", 0, partitioned=True),
        ("constraint", 7): plan.Owner("public.t", "old", 10, valid=False),
    }
    entries = [entry(1, "CONSTRAINT"), entry(2, "INDEX"), entry(3, "INDEX"), entry(4, "TRIGGER"),
               entry(5, "FK CONSTRAINT", "ALTER TABLE ONLY t ADD CONSTRAINT fk FOREIGN KEY (a) REFERENCES u(a);"),
               entry(6, "FK CONSTRAINT"), entry(7, "FK CONSTRAINT"), entry(8, "POLICY")]  # fmt: skip
    found = {(step.number, step.stage): step for step in plan.steps(entries, owners, ["public.t"])}
    assert list(found) == [(1, "table"), (2, "table"), (3, "before"), (4, "before"), (5, "foreign"), (5, "check"),
                           (6, "foreign"), (7, "foreign"), (8, "after")]  # fmt: skip
    assert found[1, "table"].alone
    assert not found[2, "table"].alone
    assert found[5, "foreign"].statement.endswith("REFERENCES u(a) NOT VALID")
    assert found[5, "check"].statement == "ALTER TABLE public.t VALIDATE CONSTRAINT fk"


def test_dump_is_cut_at_its_headers_only() -> None:
    text = (
        "SET x;\n\\restrict abc\n--\n-- TOC entry 7 (class 1259 OID 9)\n-- Dependencies: 1 2\n-- Name: a b; Type: INDEX\n-- Data Pos: 0\n--\n\n"
        "CREATE INDEX a;\n\n\n--\n-- TOC entry 9 (class 0 OID 0)\n-- Name: c; Type: COMMENT\n--\n\n"
        "COMMENT ON INDEX a IS 'x\n--\n-- TOC entry 1\ny';\n\n\n-- Completed on 2026\n\n--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict abc\n"
    )
    assert split(text) == [(7, "CREATE INDEX a;"), (9, "COMMENT ON INDEX a IS 'x\n--\n-- TOC entry 1\ny';")]
    assert split("") == []


def test_indexes_begin_with_the_last_part_and_keys_come_first() -> None:
    parts = [plan.Part(table("t", 2), 0, 0, 5, 1), plan.Part(table("t", 2), 1, 5, None, 1)]
    steps = [plan.Step(1, "table", "public.t", "key", "", 1, True), plan.Step(2, "table", "public.t", "index", "", 9)]
    tables = [("public.t", 99, True), ("public.partitioned", 5, True), ("public.more", 5, False)]
    statistics = plan.statistics(tables, ["public.t", "public.more"], 3)
    assert [step.stage for step in statistics] == ["table", "analyze", "analyze"]
    board = Board(parts, [*steps, *statistics])
    first, second = board.next_part(), board.next_part()
    assert board.next_part() is None
    built: list[str] = []

    def build() -> None:
        while (step := board.next_step()) is not None:
            built.append(step.title)
            board.step_done(step)

    builder = threading.Thread(target=build)
    builder.start()
    assert first is not None
    assert second is not None
    board.part_done(first)
    assert built == []
    assert not board.wait_for_copies(0.01)
    board.part_done(second)
    assert board.wait_for_copies(1)
    builder.join(5)
    assert built == ["key", "index", "ANALYZE public.t"]


def test_first_failure_stops_everybody() -> None:
    board = Board([plan.Part(table("t", 2), 0, 0, None, 1)], [plan.Step(1, "table", "public.t", "key", "", 1, True)])
    waiting: list[str] = []

    def build() -> None:
        try:
            board.next_step()
        except StoppedError:
            waiting.append("stopped")

    builder = threading.Thread(target=build)
    builder.start()
    board.fail(ValueError("first"))
    board.fail(ValueError("second"))
    builder.join(5)
    assert waiting == ["stopped"]
    assert str(board.failure) == "first"


def test_bucket_holds_the_rate_over_all_workers() -> None:
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    bucket = Bucket(1000, lambda: now[0], sleep)
    for _ in range(100):
        bucket.take(100)
    assert now[0] == pytest.approx(10.0)
    now[0] += 100  # what was not used in a pause is not caught up with
    before = now[0]
    for _ in range(30):
        bucket.take(100)
    assert now[0] - before == pytest.approx(2.0)


def test_brake_takes_the_middle_and_does_not_flutter() -> None:
    brake = Brake(0.1)
    for seconds, pressed in (
        (0.01, False),
        (0.5, True),
        (0.02, False),
        (0.5, True),
        (0.5, True),
        (0.09, True),
        (0.09, True),
        (0.01, True),
        (0.01, False),
    ):
        brake.measured(seconds)
        assert brake.pressed == pressed, (seconds, brake.latency)
