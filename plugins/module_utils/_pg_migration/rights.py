# ruff: noqa: S608 - only constants of this package are put into the text
"""What applications may do at the source, and may not at the target: rights are not moved, and a freeze is no time to find out."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import MARKER_SCHEMA
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.catalog import USER_SCHEMA

with contextlib.suppress(ImportError):  # the module says it in words
    import psycopg

if TYPE_CHECKING:
    import psycopg

SHOWN = 5
HELD = f"""
SELECT w.privilege, format('%%I.%%I', n.nspname, c.relname)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL unnest(CASE WHEN c.relkind = 'S' THEN ARRAY['USAGE'] WHEN c.relkind = 'm' THEN ARRAY['SELECT']
                               ELSE ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE'] END) w(privilege)
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S') AND c.relpersistence <> 't' AND {USER_SCHEMA} AND n.nspname <> '{MARKER_SCHEMA}'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 'pg_catalog.pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
  AND has_schema_privilege(%(role)s, n.oid, 'USAGE')
  AND CASE WHEN c.relkind = 'S' THEN has_sequence_privilege(%(role)s, c.oid, w.privilege)
           ELSE has_table_privilege(%(role)s, c.oid, w.privilege) END
"""


def _held(session: psycopg.Connection[Any], role: str) -> set[tuple[str, str]] | None:
    """Privileges and what they are on; None where there is no such role."""
    if session.execute("SELECT FROM pg_catalog.pg_roles WHERE rolname = %s", (role,)).fetchone() is None:
        return None
    return {(str(privilege), str(label)) for privilege, label in session.execute(HELD, {"role": role})}


def lacking(source: psycopg.Connection[Any], target: psycopg.Connection[Any], roles: Sequence[str]) -> list[str]:
    """One line a role, with the mend; nothing for a role that the source does not know."""
    found = []
    for role in roles:
        here = _held(source, role)
        if here is None:
            continue
        there = _held(target, role)
        if there is None:
            found.append(f"role {role} is not on the target. Mend: role postgres_access makes it, or make it by hand")
        elif rest := here - there:
            found.append(
                f"{in_words(role, rest)}. Mend: role postgres_access gives these rights, or GRANT them by hand"
            )
    return found


def in_words(role: str, rest: set[tuple[str, str]]) -> str:
    """Which rights, on what; the first few by name."""
    what = sorted({label for _, label in rest})
    more = f" and {len(what) - SHOWN} more" if len(what) > SHOWN else ""
    privileges = ", ".join(sorted({privilege for privilege, _ in rest}))
    return f"role {role} has at the source, and lacks at the target, {privileges} on {', '.join(what[:SHOWN])}{more}"
