# ruff: noqa: S608 - only constants of this package are put into the text; names go through psycopg.sql
"""The questions put to the catalogs. Names come back qualified, since the search path is empty."""

from __future__ import annotations

from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.model import MARKER_SCHEMA

USER_SCHEMA = f"(n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', '{MARKER_SCHEMA}'))"


def _own(catalog: str, alias: str) -> str:
    return (
        f"NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 'pg_catalog.{catalog}'::regclass"
        f" AND e.objid = {alias}.oid AND e.deptype = 'e')"
    )


# A hash over columns is four times faster than one over the row's text, but follows each type's own idea of equality (citext,
# 1 day = 24 hours, 1.0 = 1.00) and hashes an enum by its OID, which differs between databases. Other types than these go in as text.
EXACT = (
    "bool int2 int4 int8 float4 float8 text varchar bpchar char name bytea uuid date time timetz timestamp timestamptz jsonb"
    " inet cidr macaddr macaddr8 int4range int8range daterange tsrange tstzrange"
)

TABLES = f"""
SELECT c.oid::regclass::text, n.nspname, c.relname, row_security_active(c.oid),
       (SELECT 'ROW(' || string_agg('a.' || quote_ident(a.attname) || CASE
          WHEN coalesce(i.typnamespace, t.typnamespace) = 'pg_catalog'::regnamespace AND coalesce(o.collisdeterministic, true)
               AND (coalesce(i.typname, t.typname) = ANY (string_to_array('{EXACT}', ' '))
                    OR coalesce(i.typname, t.typname) = 'numeric' AND a.atttypmod <> -1)
          THEN '' ELSE '::text' END, ', ' ORDER BY a.attnum) || ')'
        FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
        LEFT JOIN pg_catalog.pg_type i ON i.oid = t.typelem AND t.typcategory = 'A'
        LEFT JOIN pg_catalog.pg_collation o ON o.oid = a.attcollation
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND {USER_SCHEMA} AND {_own("pg_class", "c")}
ORDER BY pg_catalog.pg_table_size(c.oid) DESC
"""

SEQUENCES = f"""
SELECT c.oid::regclass::text, n.nspname, c.relname
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND {USER_SCHEMA} AND {_own("pg_class", "c")} ORDER BY 1
"""

LARGE_OBJECTS = """
SELECT count(*), coalesce(sum(hashtextextended(oid || ':' || encode(sha256(lo_get(oid)), 'hex'), 0)), 0)::text
FROM pg_catalog.pg_largeobject_metadata
"""

UNPOPULATED = f"""
SELECT c.oid::regclass::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'm' AND NOT c.relispopulated AND {USER_SCHEMA} ORDER BY 1
"""

INVALID = f"""
SELECT 'index ' || i.indexrelid::regclass || ' is not valid' FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE NOT (i.indisvalid AND i.indisready) AND {USER_SCHEMA}
UNION ALL
SELECT 'constraint ' || k.conname || ' of ' || k.conrelid::regclass || ' is not validated'
FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_namespace n ON n.oid = k.connamespace
WHERE NOT k.convalidated AND k.conrelid <> 0 AND {USER_SCHEMA} ORDER BY 1
"""

_COLUMNS = """
(SELECT string_agg(concat_ws(' ', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
                             a.attgenerated, pg_get_expr(d.adbin, d.adrelid), a.attcollation::regcollation), ',' ORDER BY a.attnum)
 FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
"""

# kind -> query of (name, definition)
OBJECTS = {
    "schema": f"SELECT quote_ident(n.nspname), '' FROM pg_catalog.pg_namespace n WHERE {USER_SCHEMA}",
    "relation": f"""
SELECT c.oid::regclass::text, concat_ws(' ', c.relkind, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity,
       pg_get_expr(c.relpartbound, c.oid), pg_get_partkeydef(c.oid), c.reloptions::text, {_COLUMNS})
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm', 'c') AND {USER_SCHEMA} AND {_own("pg_class", "c")}""",
    "view": f"""
SELECT c.oid::regclass::text, pg_get_viewdef(c.oid) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('v', 'm') AND {USER_SCHEMA} AND {_own("pg_class", "c")}""",
    "constraint": f"""
SELECT concat_ws(' of ', quote_ident(k.conname), CASE WHEN k.conrelid <> 0 THEN k.conrelid::regclass::text ELSE k.contypid::regtype::text END),
       concat_ws(' ', pg_get_constraintdef(k.oid), k.convalidated)
FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_namespace n ON n.oid = k.connamespace
LEFT JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
WHERE k.contype <> 'n' AND {USER_SCHEMA} AND (c.oid IS NULL OR {_own("pg_class", "c")})""",
    "index": f"""
SELECT c.oid::regclass::text, concat_ws(' ', pg_get_indexdef(c.oid), i.indisvalid, i.indisreplident)
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE {USER_SCHEMA} AND {_own("pg_class", "t")}""",
    "trigger": f"""
SELECT quote_ident(t.tgname) || ' of ' || t.tgrelid::regclass, concat_ws(' ', pg_get_triggerdef(t.oid), t.tgenabled)
FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE NOT t.tgisinternal AND {USER_SCHEMA} AND {_own("pg_class", "c")}""",
    "policy": f"""
SELECT quote_ident(p.polname) || ' of ' || p.polrelid::regclass, concat_ws(' ', p.polcmd, p.polpermissive,
       pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
FROM pg_catalog.pg_policy p JOIN pg_catalog.pg_class c ON c.oid = p.polrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE {USER_SCHEMA}""",
    "function": f"""
SELECT p.oid::regprocedure::text, concat_ws(' ', p.prokind, l.lanname, p.provolatile, p.prosecdef, p.proconfig::text,
       pg_get_function_result(p.oid), p.prosrc, pg_get_function_sqlbody(p.oid))
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace JOIN pg_catalog.pg_language l ON l.oid = p.prolang
WHERE {USER_SCHEMA} AND {_own("pg_proc", "p")}""",
    "type": f"""
SELECT t.oid::regtype::text, concat_ws(' ', t.typtype, t.typnotnull, t.typdefault, format_type(t.typbasetype, t.typtypmod),
       (SELECT string_agg(quote_literal(v.enumlabel), ',' ORDER BY v.enumsortorder) FROM pg_catalog.pg_enum v WHERE v.enumtypid = t.oid))
FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
WHERE t.typtype IN ('d', 'e', 'r') AND {USER_SCHEMA} AND {_own("pg_type", "t")}""",
    "sequence": f"""
SELECT c.oid::regclass::text, concat_ws(' ', s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle,
       (SELECT d.refobjid::regclass || '.' || d.refobjsubid FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass
        AND d.objid = c.oid AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i') LIMIT 1))
FROM pg_catalog.pg_sequence s JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE {USER_SCHEMA} AND {_own("pg_class", "c")}""",
    "statistics": f"""
SELECT quote_ident(n.nspname) || '.' || quote_ident(s.stxname), pg_get_statisticsobjdef(s.oid)
FROM pg_catalog.pg_statistic_ext s JOIN pg_catalog.pg_namespace n ON n.oid = s.stxnamespace WHERE {USER_SCHEMA}""",
}

EXTENSIONS = """
SELECT e.extname, e.extversion, n.nspname FROM pg_catalog.pg_extension e
JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname <> 'plpgsql' ORDER BY 1
"""

# Whatever lives in a user's schema and is no part of an extension; tables first, so that what belongs to them goes with them. An extension
# itself is no content: one that only an administrator may create has to be there before the move, and must outlive what is cleared.
CONTENT = f"""
SELECT i.type, i.identity
FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_namespace n ON n.oid = d.refobjid
CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, d.objsubid) i
WHERE d.refclassid = 'pg_catalog.pg_namespace'::regclass AND d.deptype = 'n' AND {USER_SCHEMA}
  AND d.classid <> 'pg_catalog.pg_extension'::regclass
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = d.classid AND e.objid = d.objid AND e.deptype = 'e')
ORDER BY array_position(ARRAY['view', 'materialized view', 'table', 'foreign table'], i.type), 1, 2
"""
