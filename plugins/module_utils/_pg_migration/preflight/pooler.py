"""PgBouncer in front: does it answer, does it hold transactions rather than clients, and for long enough?"""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import pooling
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import SWITCHED, Settings
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.model import Finding
from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer.admin import Console
from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer.errors import PgBouncerError


def check(context: Context) -> list[Finding]:
    settings = context.settings
    known = settings.pooler
    if not known.database:
        return []
    end, other = context.ends.source, context.ends.target
    if context.journal.phase == SWITCHED:
        end, other = other, end
    try:
        pooling.make(context).check(end, other)
        console = Console(known.admin_socket, known.admin_port)
        config = {row["key"]: row["value"] for row in console.show("CONFIG")}
        return judge(settings, console.database(known.database), config)
    except (PgError, PgBouncerError) as error:
        problem, _, mend = str(error).partition(". Mend: ")
        return [Finding("pooler", problem, mend or "see its log, then run the role pgbouncer")]


def judge(settings: Settings, database: Mapping[str, str], config: Mapping[str, str]) -> list[Finding]:
    """Pure."""
    found = []
    mode = database.get("pool_mode") or config.get("pool_mode", "")
    if mode != "transaction":
        found.append(
            Finding(
                f"pooler database {settings.pooler.database}",
                f"its pool_mode is {mode}: a pause would wait until clients leave",
                "pool_mode=transaction (role pgbouncer)",
            )
        )
    patience = float(config.get("query_wait_timeout", "0") or 0)
    if 0 < patience <= settings.freeze_budget:
        found.append(
            Finding(
                "pooler",
                f"query_wait_timeout is {patience:g} s: clients that wait would be refused in a freeze of up to {settings.freeze_budget:g} s",
                "a longer query_wait_timeout (role pgbouncer), or a smaller freeze_budget",
            )
        )
    return found
