"""Keys, indexes, foreign keys and the rest: each statement once, recorded in its own transaction."""

from __future__ import annotations

import contextlib
import time
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg.parallel import each
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import MigrationError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import Settings
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed import complaint, facts, ledger
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed.gauge import Gauge
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed.plan import Step

with contextlib.suppress(ImportError):  # the module says it in words
    import psycopg
    from psycopg import errors as pg
    from psycopg import sql

# As pg_dump's own text expects it.
PREPARE = """
SET default_transaction_read_only TO off; SET check_function_bodies TO off; SET standard_conforming_strings TO on;
SET xmloption TO content; SET client_min_messages TO warning; SET synchronous_commit TO off; SET lock_timeout TO 0
"""


def prepare(session: psycopg.Connection[Any], settings: Settings) -> None:
    session.execute(PREPARE)
    session.execute(sql.SQL("SET maintenance_work_mem TO {}").format(sql.Literal(settings.maintenance_work_mem)))


def build(session: psycopg.Connection[Any], step: Step, may_wait: bool = False) -> bool:
    """False when it needs something that is made later, and may wait for that."""
    began = time.monotonic()
    try:
        with session.transaction():
            session.execute(sql.SQL(step.statement.replace("{", "{{").replace("}", "}}")).format())
            # Statements that pg_dump puts around its own may have changed the session; the record must find its table.
            ledger.step_done(session, step, round(time.monotonic() - began, 3))
        return True
    except (pg.UndefinedFunction, pg.UndefinedTable, pg.UndefinedObject, pg.UndefinedColumn) as error:
        if may_wait:
            return False
        raise _failed(session, step, error) from None
    except psycopg.Error as error:
        raise _failed(session, step, error) from None


def _failed(session: psycopg.Connection[Any], step: Step, error: psycopg.Error) -> MigrationError:
    if error.sqlstate is None:  # no answer: the connection ended
        return complaint.gone(step.title, None, session, error)
    words = error.diag.message_primary or str(error)
    return complaint.said(step.title, "target", words, error.sqlstate, "remove the cause")


def stage(context: Context, application: str, steps: list[Step], parallel: bool, gauge: Gauge) -> None:
    def one(session: psycopg.Connection[Any], step: Step) -> None:
        with gauge.building(step.title):
            build(session, step)
        gauge.steps_left -= 1

    def before(session: psycopg.Connection[Any]) -> None:
        prepare(session, context.settings)

    ordered = sorted(steps, key=lambda step: (-step.weight, step.number)) if parallel else steps
    if ordered:
        each(context.ends.target, application, context.settings.jobs if parallel else 1, ordered, one, before)


def sequences(context: Context, session: psycopg.Connection[Any]) -> None:
    """About where they are now, so that a forgotten one does no harm; exactly only in the freeze."""
    with context.source() as source:
        for label, _ in facts.labels(source, facts.SEQUENCES):
            row = source.execute(f"SELECT last_value, is_called FROM {label}").fetchone()  # noqa: S608 - quoted by the server
            session.execute("SELECT pg_catalog.setval(%s::regclass, %s, %s)", (label, *(row or (1, False))))


def views(context: Context, session: psycopg.Connection[Any], gauge: Gauge) -> None:
    """Fill the materialised views that the source has filled. One that reads another waits for it."""
    with context.source() as source:
        wanted = [label for label, _ in facts.labels(source, facts.VIEWS)]
    prepare(session, context.settings)
    filled = {row[0] for row in session.execute(facts.VIEWS)}
    todo = [label for label in wanted if label not in filled]
    while todo:
        waiting = []
        gauge.steps_left = len(todo)
        for label in todo:
            try:
                with gauge.building(label), session.transaction():
                    session.execute(f"REFRESH MATERIALIZED VIEW {label}")
                gauge.steps_left -= 1
            except pg.ObjectNotInPrerequisiteState:
                waiting.append(label)
            except psycopg.Error as error:
                raise _failed(session, Step(0, "", label, f"materialised view {label}", ""), error) from None
        if len(waiting) == len(todo):
            raise MigrationError(
                f"{', '.join(waiting)}: reads a materialised view that the source has not filled. Mend: REFRESH it there"
            )
        todo = waiting
