"""What the preflight finds out about two real servers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import SSL_MODES
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import RefusedError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import Ends
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.preflight import run as preflight
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify import report
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.model import Finding

from tests.integration.pg_clusters import PASSWORD
from tests.integration.pg_migration.conftest import Move
from tests.integration.pg_migration.pooled import pooled


def findings(move: Move, ends: Ends | None = None, **settings: Any) -> list[Finding]:
    context = move.context(**settings)
    return preflight.findings(replace(context, ends=ends) if ends else context)


def fatal(found: list[Finding]) -> list[str]:
    return [str(one) for one in found if one.fatal]


def traces(move: Move) -> list[Any]:
    """Whatever a preflight could leave behind."""
    query = (
        "SELECT (SELECT count(*) FROM pg_subscription), (SELECT count(*) FROM pg_replication_slots),"
        " (SELECT count(*) FROM pg_replication_origin), (SELECT count(*) FROM pg_publication),"
        " (SELECT count(*) FROM pg_namespace)"
    )
    return move.on_source(query) + move.on_target(query)


def test_a_good_pair_passes_and_nothing_is_left(trap_move: Move) -> None:
    before = traces(trap_move)
    with trap_move.opened() as context:
        result = preflight.run(context, check=False)
    assert traces(trap_move) == before
    assert result["changed"] is False
    assert "the move can begin" in result["message"]
    words = " | ".join(result["notices"])
    for part in (
        "table public.log: it has no key: REPLICA IDENTITY FULL",
        "large objects: 2",
        "unlogged tables public.scratch",
        "materialised views: public.sales",
        "event trigger guard",
        "publication everything",
        "table public.secrets: row level security",
        "max_slot_wal_keep_size is not set",
        "target disk: about ",
    ):
        assert part in words, part
    assert PASSWORD not in str(result)
    estimate = result["estimate"]
    assert estimate["rows"] >= 0
    assert estimate["bytes"] > 0
    assert 0.5 <= estimate["freeze_seconds"] < 5
    assert not (trap_move.folder / "work").exists() or not list((trap_move.folder / "work").rglob("journal.json"))


def test_every_hindrance_is_said_at_once(trap_move: Move) -> None:
    move = trap_move
    move.on_target("CREATE TABLE somebodys (id int); CREATE ROLE ordinary")
    move.on_source("CREATE SEQUENCE short MAXVALUE 100; SELECT setval('short', 95)")
    move.on_source("CREATE TEMPORARY TABLE t (i int)")
    move.target.execute("ALTER ROLE master NOSUPERUSER")
    with move.source.admin(move.dbname) as session:
        session.autocommit = False
        session.execute("INSERT INTO log (n) SELECT 1 WHERE false; SELECT pg_current_xact_id()")
        session.execute("PREPARE TRANSACTION 'left behind'")
        move.source.execute("BEGIN; SELECT pg_current_xact_id(); PREPARE TRANSACTION 'elsewhere'")
        session.autocommit = True
        try:
            with move.opened() as context, pytest.raises(RefusedError) as caught:
                preflight.run(
                    replace(context, settings=move.settings(application_roles=("nobody", "master"))), check=True
                )
        finally:
            session.execute("ROLLBACK PREPARED 'left behind'")
            move.source.execute("ROLLBACK PREPARED 'elsewhere'")
            move.target.execute("DROP ROLE ordinary")
    said = " | ".join(caught.value.findings)
    for part in (
        "target: it is not empty (table public.somebodys)",
        "prepared transactions are open ('elsewhere' in database postgres, 'left behind' in database shop)",
        "in database postgres, COMMIT PREPARED 'elsewhere' or ROLLBACK PREPARED 'elsewhere'",
        "sequence public.short: 5 values are left, the margin of 1000 does not fit",
        "target login master: it may not create the subscription",
        "target login master: it may not create replication slots",
        "FORCE ROW LEVEL SECURITY binds master on the target",
        "application role nobody: the source has no such role",
        "application role nobody: the target has no such role",
        "application role master: it is the login that the move itself uses on the target",
        "(to know) way from the target to the source",
        "master cannot try it on localhost",
    ):
        assert part in said, (part, said)


def test_same_database_and_too_few_slots(move: Move) -> None:
    found = findings(move, replace(move.ends, target=replace(move.ends.source, side="target")))
    assert any("it is the same database as the source" in one for one in fatal(found))
    for number in range(18):
        move.on_source(f"SELECT pg_create_physical_replication_slot('taken_{number}')")
    assert any(
        "max_replication_slots is 20, 18 are in use and the move needs 3" in one for one in fatal(findings(move))
    )


Bend = Callable[[Ends], Ends]
LEGS: dict[str, tuple[Bend, str]] = {
    "wrong CA at the runner": (
        lambda ends: replace(
            ends, source=replace(ends.source, ca_file=ends.source.ca_file.replace("ca.pem", "other-ca.pem"))
        ),
        "source: .*certificate verify failed.*self-signed|unable to get local issuer",
    ),
    "no CA file": (
        lambda ends: replace(ends, target=replace(ends.target, ca_file="/nowhere/ca.pem")),
        "target CA file /nowhere/ca.pem: it is not on this runner",
    ),
    "runner's password": (
        lambda ends: replace(ends, target=replace(ends.target, password="no")),  # noqa: S106
        "target: .*password authentication failed",
    ),
    "subscription's password": (
        lambda ends: replace(ends, publisher=replace(ends.publisher, password="no/pe@%")),  # noqa: S106
        "way from the target to the source at 127.0.0.1:.*password authentication failed.*username or password",
    ),
    "subscription's role": (
        lambda ends: replace(ends, publisher=replace(ends.publisher, username="shopper")),
        "way from the target to the source .*replication.*Mend: ALTER ROLE shopper REPLICATION",
    ),
    "subscription's CA": (
        lambda ends: replace(ends, publisher=replace(ends.publisher, ca_file=ends.target.ca_file)),
        "way from the target to the source .*certificate verify failed",
    ),
    "subscription's CA path": (
        lambda ends: replace(ends, returner=replace(ends.returner, ca_file="/nowhere/ca.pem")),
        "way from the source to the target .*returner.ca_file is a path on the subscriber's machine",
    ),
    "subscription's port": (
        lambda ends: replace(ends, returner=replace(ends.returner, port=1)),
        "way from the source to the target at 127.0.0.1:1: .*refused.*listen_addresses",
    ),
    "unencrypted": (
        lambda ends: replace(ends, publisher=replace(ends.publisher, sslmode=SSL_MODES[0], ca_file="")),
        "way from the target to the source .*no pg_hba.conf entry.*Mend: allow the subscriber's address",
    ),
}


def test_every_leg_is_tried_as_it_will_be_used(move: Move) -> None:
    import re  # noqa: PLC0415

    assert fatal(findings(move)) == []
    # Other tests share these servers and say more than this one does: only what is logged from here on counts.
    logs = [cluster.data / "log" for cluster in (move.source, move.target)]
    begins = [log.stat().st_size for log in logs]
    for what, (bend, pattern) in LEGS.items():
        found = fatal(findings(move, bend(move.ends)))
        assert any(re.search(pattern, one) for one in found), (what, found)
        assert not any(PASSWORD in one or "no/pe" in one for one in found), what
    for log, begin in zip(logs, begins, strict=True):
        written = log.read_bytes()[begin:].decode(errors="replace").splitlines()
        assert [line for line in written if "CREATE SUBSCRIPTION" in line or "no/pe@" in line] == []
    unverified = findings(
        move, replace(move.ends, publisher=replace(move.ends.publisher, sslmode="require", ca_file=""))
    )
    assert fatal(unverified) == []
    assert any("target to source 127.0.0.1" in str(one) and "not verified" in str(one) for one in unverified)


def test_a_row_whose_text_is_too_long_is_named(move: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    """By all of its values together, and as they are read, not as they are stored: bytea doubles, and what repeats itself was small on disk."""
    from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.preflight import content, queries  # noqa: PLC0415

    monkeypatch.setattr(queries, "LEAST_TOAST", 0)
    monkeypatch.setattr(queries, "LONG_ROW", 5_000_000)
    monkeypatch.setattr(content, "TOO_LONG", 8_000_000)
    move.on_source(
        'CREATE TABLE public.long (id int PRIMARY KEY, one bytea, "the % other" bytea, t text, j jsonb);'
        "INSERT INTO public.long SELECT 1, r, r, NULL, NULL FROM"  # 2 x 2 x 2 MB
        " (SELECT string_agg(sha256(i::text::bytea), '') AS r FROM generate_series(1, 65000) i) AS made;"
        "INSERT INTO public.long VALUES (2, NULL, NULL, repeat('x', 6000000), '{}'), (3, '', '', 'short', '{}')"
    )
    found = [one for one in findings(move) if "its text is" in str(one)]
    assert [(one.fatal, str(one).partition(":")[0]) for one in found] == [
        (True, "table public.long, row at ctid (0,1)")
    ]
    move.on_source("DELETE FROM public.long WHERE id = 1")
    found = [one for one in findings(move) if "its text is" in str(one)]
    assert [(one.fatal, str(one).partition(":")[0]) for one in found] == [
        (False, "table public.long, row at ctid (0,2)")
    ]
    assert "6 MiB long at least" in str(found[0])


def test_expired_authority_is_named(move: Move, tmp_path: Path) -> None:
    from tests.unit.pg_migration.certificates import authority  # noqa: PLC0415

    expired = tmp_path / "expired.pem"
    expired.write_bytes(authority(-30, -2))
    found = fatal(findings(move, replace(move.ends, target=replace(move.ends.target, ca_file=str(expired)))))
    assert any(one.startswith(f"target CA file {expired}: test expired on 20") for one in found), found
    both = tmp_path / "bundle.pem"
    both.write_bytes(expired.read_bytes() + Path(move.ends.target.ca_file).read_bytes())
    assert fatal(findings(move, replace(move.ends, target=replace(move.ends.target, ca_file=str(both))))) == []


def test_the_file_by_which_the_old_server_verifies_the_new_one_is_looked_at_where_it_lies(move: Move) -> None:
    """The way back: a bundle beside the source's server, of which the runner has no copy."""
    from tests.unit.pg_migration.certificates import authority  # noqa: PLC0415

    assert report.unverified(move.ends) == []
    bundle = move.source.data.parent / "trusted-by-the-source.pem"
    ends = replace(move.ends, returner=replace(move.ends.returner, ca_file=str(bundle)))
    known = Path(move.ends.target.ca_file).read_bytes()
    try:
        # As AWS writes its bundles: names beside the certificates, an old one among them.
        bundle.write_bytes("# Zürich\n".encode() + authority(-30, -2) + known)
        assert not any(str(bundle) in one for one in fatal(findings(move, ends)))
        bundle.write_bytes(authority(-30, -2))
        said = fatal(findings(move, ends))
        mend = "Mend: copy the current one to that server, and see its clock"
        assert any(f"returner.ca_file {bundle} on localhost: test expired on 20" in one and mend in one for one in said)
        assert any("way from the source to the target" in one and "certificate verify failed" in one for one in said)
        bundle.write_bytes(known)
        soon = [one for one in findings(move, ends) if str(bundle) in str(one)]
        assert [one.fatal for one in soon] == [False]  # the test's authority lives for a day
        assert "it expires on" in str(soon[0])
    finally:
        bundle.unlink(missing_ok=True)


def test_a_transaction_that_the_slot_would_wait_for(move: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.preflight import queries  # noqa: PLC0415

    monkeypatch.setattr(queries, "WAITING", queries.WAITING.replace("'10 s'", "'0 s'"))
    with psycopg.connect(
        host=str(move.source.data),
        port=move.source.port,
        user="postgres",
        dbname=move.dbname,
        password="admin",  # noqa: S106
    ) as session:
        session.execute("SELECT pg_current_xact_id()")
        pid = session.info.backend_pid
        words = [str(one) for one in findings(move) if f"(process {pid}, " in str(one)]
        session.rollback()
    assert len(words) == 1
    assert f"SELECT pg_terminate_backend({pid})" in words[0]


def test_the_pooler_is_asked(move: Move) -> None:
    with pooled(move) as pool:
        assert fatal(findings(move, pooler=pool.settings)) == []
        found = fatal(findings(move, pooler=pool.settings, freeze_budget=61.0))
        assert any("query_wait_timeout is 60 s" in one for one in found), found
        found = fatal(findings(move, pooler=replace(pool.settings, database="other")))
        assert any("does not name the database other" in one for one in found), found
    found = fatal(findings(move, pooler=pool.settings))
    assert any(one.startswith("pooler: ") for one in found), found


def test_opened_context_is_what_the_module_gives(move: Move) -> None:
    with move.opened() as context:
        assert isinstance(context, Context)
        assert fatal(preflight.findings(context)) == []


EXTENSION_ROWS = """
CREATE TABLE job (n int, command text); INSERT INTO job VALUES (1, 'comes with the extension'), (2, 'SELECT 1'), (3, 'SELECT 2');
CREATE TABLE part_config (n int); ALTER EXTENSION pg_trgm ADD TABLE job; ALTER EXTENSION pg_trgm ADD TABLE part_config;
UPDATE pg_extension SET extconfig = ARRAY['job'::regclass::oid, 'part_config'::regclass::oid], extcondition = ARRAY['WHERE n > 1', '']
WHERE extname = 'pg_trgm'
"""


def test_rows_of_extensions_are_named(trap_move: Move) -> None:
    """As cron.job and partman.part_config: what came with the extension does not count, an empty table neither."""
    trap_move.on_source(EXTENSION_ROWS)
    said = "table public.job of extension pg_trgm: it holds 2 rows of the users"
    assert [one for one in findings(trap_move) if said in str(one) and not one.fatal]
    trap_move.on_target("CREATE EXTENSION pg_trgm; " + EXTENSION_ROWS)
    trap_move.target.execute("ALTER ROLE master NOSUPERUSER")
    assert [
        one
        for one in fatal(findings(trap_move))
        if said in one and "GRANT SELECT, INSERT, UPDATE, DELETE ON public.job" in one
    ]
    trap_move.target.execute("ALTER ROLE master SUPERUSER")
    found = findings(trap_move, left_extension_tables=("public.job",))
    assert not fatal(found)
    assert any(said in str(one) for one in found)
    assert not any("part_config" in str(one) for one in found)


def test_triggers_that_fire_again_and_rows_that_cannot_be_found(trap_move: Move) -> None:
    move = trap_move
    move.on_source(
        "CREATE TRIGGER again AFTER UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch(); ALTER TABLE users ENABLE ALWAYS TRIGGER again;"
        "CREATE TRIGGER once AFTER UPDATE ON users FOR EACH STATEMENT EXECUTE FUNCTION touch(); ALTER TABLE users ENABLE ALWAYS TRIGGER once"
    )
    move.on_source(
        "CREATE TABLE told (kind text, data json, ways point[], whole users);"
        "CREATE TABLE found (id int PRIMARY KEY, data json); CREATE TABLE plain (kind text, data jsonb, of int4range)"
    )
    known = " | ".join(str(one) for one in findings(move))
    assert "ALTER TABLE public.users ENABLE TRIGGER again" in known
    assert "data json, ways point[], whole public.users cannot be compared" in known
    assert "public.found" not in known
    assert "trigger once" not in known
    assert not any("public.plain" in one for one in fatal(findings(move)))
    move.on_source("DROP PUBLICATION everything; INSERT INTO told (kind) VALUES ('a')")
    with move.source.admin(move.dbname) as session:
        session.execute("UPDATE told SET kind = 'b'")
        session.execute("SELECT pg_stat_force_next_flush()")
        session.execute("SELECT 1")
    assert any("public.told" in one and "1 are counted" in one for one in fatal(findings(move)))
