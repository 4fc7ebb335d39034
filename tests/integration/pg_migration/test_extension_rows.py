"""What extensions keep for their users goes along, and comes back; what an extension brings by itself stays as the target has it."""

from __future__ import annotations

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import (
    cutover,
    extension_rows,
    finish,
    follow,
    rollback,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import (
    DifferenceError,
    MigrationError,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed import run as seed

from tests.integration.pg_migration.conftest import Move
from tests.integration.pg_migration.moving import GRANTS, LEDGER

# As an extension's script makes it: its own rows below 100, those of the users above; a table that refers to it; a sequence.
EXTENSION = """
CREATE TABLE "Ref" (srid int PRIMARY KEY, text text, twice int GENERATED ALWAYS AS (srid * 2) STORED);
CREATE TABLE rule (id int GENERATED ALWAYS AS IDENTITY, srid int REFERENCES "Ref");
INSERT INTO "Ref" VALUES (1, 'comes with {version}');
ALTER EXTENSION pg_trgm ADD TABLE "Ref"; ALTER EXTENSION pg_trgm ADD TABLE rule; ALTER EXTENSION pg_trgm ADD SEQUENCE rule_id_seq;
UPDATE pg_extension SET extconfig = ARRAY['"Ref"'::regclass, 'rule'::regclass, 'rule_id_seq'::regclass]::oid[],
  extcondition = ARRAY['WHERE srid > 100', '', ''] WHERE extname = 'pg_trgm'
"""
ROWS = 'SELECT * FROM "Ref" ORDER BY srid'
RULES = "SELECT * FROM rule ORDER BY id"


@pytest.fixture
def extended(move: Move) -> Move:
    for session, version in ((move.on_source, "the old"), (move.on_target, "the new")):
        session("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        session(EXTENSION.format(version=version))
    move.on_source(LEDGER)
    move.on_source("""INSERT INTO "Ref" VALUES (101, 'ours'), (102, 'ours too'); INSERT INTO rule (srid) VALUES (101), (102);
        CREATE TABLE place (id int PRIMARY KEY, srid int REFERENCES "Ref"); INSERT INTO place VALUES (1, 101)""")
    move.on_source(GRANTS)
    return move


def test_they_go_along_and_come_back(extended: Move) -> None:
    move = extended
    move(seed.run)
    assert move.on_target(ROWS) == [(1, "comes with the new", 2), (101, "ours", 202), (102, "ours too", 204)]
    assert move.on_target(
        "SELECT convalidated FROM pg_constraint WHERE conrelid = 'place'::regclass AND contype = 'f'"
    ) == [(True,)]
    move.on_target(GRANTS)
    move(follow.run)
    # While it follows: some change, one goes, one comes. A table of the users refers to 101.
    move.on_source("""UPDATE rule SET srid = 101 WHERE id = 2; UPDATE "Ref" SET text = 'new words' WHERE srid = 101; DELETE FROM "Ref" WHERE srid = 102;
        INSERT INTO "Ref" VALUES (103, 'late'); INSERT INTO rule (srid) VALUES (103)""")
    assert move(cutover.run)["phase"] == "switched"
    assert move.on_target(ROWS) == [(1, "comes with the new", 2), (101, "new words", 202), (103, "late", 206)]
    assert move.on_target(RULES) == [(1, 101), (2, 101), (3, 103)]
    with move.target.admin(move.dbname) as session:
        session.execute("INSERT INTO rule (srid) VALUES (103)")
    assert move.on_target("SELECT max(id) FROM rule") == [(4,)]
    assert move(rollback.run)["phase"] == "returned"
    assert move.on_source(RULES) == [(1, 101), (2, 101), (3, 103), (4, 103)]
    assert move.on_source(ROWS)[0] == (1, "comes with the old", 2)


def test_what_cannot_be_written_is_said_before_anybody_waits(extended: Move) -> None:
    move = extended
    move(seed.run)
    move.on_target(GRANTS)
    move(follow.run)
    move.on_source("""INSERT INTO "Ref" VALUES (104, 'in the way')""")
    with move.context().target() as session:
        session.execute(
            """ALTER TABLE "Ref" ADD CONSTRAINT small CHECK (srid < 104)""".replace('"Ref"', 'public."Ref"')
        )
    with pytest.raises(
        MigrationError, match=r'public."Ref" of extension pg_trgm.*small.*left_extension_tables'
    ) as caught:
        move(cutover.run)
    assert "in the way" not in str(caught.value)
    assert "writers waited" not in str(caught.value)
    assert move(cutover.run, left_extension_tables=('public."Ref"', "public.rule"))["phase"] == "switched"


def test_a_row_that_did_not_arrive_opens_the_source_again(extended: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    move = extended
    move(seed.run)
    move.on_target(GRANTS)
    move(follow.run)
    move.on_source("""INSERT INTO "Ref" VALUES (105, 'lost')""")
    monkeypatch.setattr(extension_rows, "carry", lambda *_: [])
    with pytest.raises(
        DifferenceError, match=r'public."Ref" of extension pg_trgm: the rows of the users are not the same'
    ):
        move(cutover.run)
    monkeypatch.undo()
    assert move(cutover.run)["phase"] == "switched"


def test_jobs_that_a_worker_would_run_are_never_copied(extended: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    move = extended
    monkeypatch.setattr(extension_rows, "ACTED_ON", frozenset({"pg_trgm"}))
    with pytest.raises(MigrationError, match=r'public."Ref" in left_extension_tables'):
        move(seed.run)
    left = ('public."Ref"', "public.rule")
    move.on_source("DROP TABLE place")  # it refers to what stays behind
    move(seed.run, left_extension_tables=left)
    assert move.on_target(ROWS) == [(1, "comes with the new", 2)]


def test_a_move_that_is_given_up_takes_its_copies_away(extended: Move) -> None:
    move = extended
    move(seed.run)
    move.on_target(GRANTS)
    move(follow.run)
    move.on_source("""INSERT INTO "Ref" VALUES (106, 'late')""")
    move(cutover.run, rehearse=True)
    assert len(move.on_target(ROWS)) == 4
    result = move(finish.run, clean_target=True)
    assert move.on_target(ROWS) == [(1, "comes with the new", 2)]
    assert move.on_target(RULES) == []
    assert not any("extension" in one for one in result["notices"])


def test_rows_that_the_target_had_before_are_not_taken_away(extended: Move) -> None:
    move = extended
    move.on_target("""INSERT INTO "Ref" VALUES (101, 'ours')""")
    move(seed.run)
    result = move(finish.run, clean_target=True)
    assert (101, "ours", 202) in move.on_target(ROWS)
    assert move.on_target(RULES) == []
    assert any('public."Ref" of extension pg_trgm held rows' in one for one in result["notices"])
