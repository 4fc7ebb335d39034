# ruff: noqa: S608 - only constants of this package are put into the text
"""Materialised views that show what replication does not carry: no refresh before a freeze can be as fresh as the old side's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.facts import USER_SCHEMA

if TYPE_CHECKING:
    import psycopg

_EXTENSION = "EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = '{}'::regclass AND e.objid = {}.oid AND e.deptype = 'e')"
# What each view leads to by its rules: through other views, operators, aggregates and partitions, until a table. What a function reads is
# written in its text only: it may be anything that is there, unless it is immutable. An extension's own functions read the extension's
# tables, which are made equal before each refresh.
_FAR = f"""
WITH RECURSIVE far(view, kind, object) AS (
  SELECT c.oid, 'pg_catalog.pg_class'::regclass::oid, c.oid FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'm' AND c.relispopulated AND {USER_SCHEMA}
  UNION
  SELECT f.view, d.kind, d.object FROM far f CROSS JOIN LATERAL (
    SELECT d.refclassid, d.refobjid FROM pg_catalog.pg_depend d
    WHERE d.classid = f.kind AND d.objid = f.object AND d.deptype = 'n' AND f.kind <> 'pg_catalog.pg_class'::regclass
    UNION ALL
    SELECT d.refclassid, d.refobjid FROM pg_catalog.pg_rewrite r
    JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = r.oid
    WHERE f.kind = 'pg_catalog.pg_class'::regclass AND r.ev_class = f.object
    UNION ALL
    SELECT f.kind, i.inhrelid FROM pg_catalog.pg_inherits i
    WHERE f.kind = 'pg_catalog.pg_class'::regclass AND i.inhparent = f.object
  ) d(kind, object)
), anything(there) AS (
  SELECT EXISTS (SELECT FROM pg_catalog.pg_largeobject_metadata)
      OR EXISTS (SELECT FROM pg_catalog.pg_class WHERE relkind = 'r' AND relpersistence = 'u')
)
"""
_LATE = f"""{_FAR}
SELECT DISTINCT ON (1) f.view::regclass::text, why.words
FROM far f
LEFT JOIN pg_catalog.pg_class c ON f.kind = 'pg_catalog.pg_class'::regclass AND c.oid = f.object
LEFT JOIN pg_catalog.pg_proc p ON f.kind = 'pg_catalog.pg_proc'::regclass AND p.oid = f.object
CROSS JOIN anything
CROSS JOIN LATERAL (SELECT CASE
  WHEN c.relkind = 'S' THEN format('it reads sequence %s', c.oid::regclass)
  WHEN c.relkind = 'r' AND c.relpersistence = 'u' THEN format('it reads unlogged table %s', c.oid::regclass)
  WHEN c.relkind IN ('r', 'p') AND {_EXTENSION.format("pg_catalog.pg_class", "c")} THEN format('it reads %s of an extension', c.oid::regclass)
  WHEN anything.there AND c.relkind IN ('m', 'v') AND pg_get_viewdef(c.oid) ~ '\\m(lo_get|lo_open|loread|pg_largeobject)'
    THEN 'it reads large objects'
  WHEN anything.there AND p.provolatile <> 'i' AND NOT {_EXTENSION.format("pg_catalog.pg_proc", "p")}
    THEN format('it calls %s, which may read unlogged tables or large objects', p.oid::regprocedure)
  END) why(words)
WHERE why.words IS NOT NULL ORDER BY 1, 2
"""


def late(session: psycopg.Connection[Any]) -> dict[str, str]:
    """View -> why it has to be refreshed in the freeze, whenever the old side last did."""
    return {str(name): str(words) for name, words in session.execute(_LATE)}
