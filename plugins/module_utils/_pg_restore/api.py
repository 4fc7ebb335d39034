# ruff: noqa: S608 - only constants of this package are put into the text; names go through psycopg.sql
"""Reading facts of both servers, read only."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from pathlib import Path
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgError
from ansible_collections.tiketi.platform.plugins.module_utils._pg.tools import find_client
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore import catalog
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.model import (
    MARKER_SCHEMA,
    Extension,
    Marker,
    Offer,
    Runner,
    Server,
    Source,
    Target,
)

with contextlib.suppress(ImportError):  # the module says it in words
    import psycopg

SERVER = """
SELECT current_setting('server_version_num')::int,
       (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user),
       pg_encoding_to_char(d.encoding), d.datcollate, d.datctype,
       coalesce((SELECT collversion FROM pg_catalog.pg_collation WHERE collname = 'en_US.utf8' LIMIT 1), ''),
       pg_is_in_recovery(),
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
         - (SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend')::int,
       d.oid::text || '/' || d.datname
FROM pg_catalog.pg_database d WHERE d.datname = current_database()
"""

SCHEMAS = f"""
SELECT n.nspname, pg_get_userbyid(n.nspowner) FROM pg_catalog.pg_namespace n WHERE {catalog.USER_SCHEMA} ORDER BY 1
"""

SOURCE_SIZE = f"""
SELECT coalesce(sum(pg_table_size(c.oid)), 0)::bigint + coalesce(pg_total_relation_size('pg_catalog.pg_largeobject'), 0),
       (SELECT count(*) FROM pg_catalog.pg_largeobject_metadata)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND {catalog.USER_SCHEMA}
"""

UNREADABLE = f"""
SELECT c.oid::regclass::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm', 'S') AND {catalog.USER_SCHEMA}
  AND NOT (has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'))
UNION ALL
(SELECT 'large object ' || m.oid FROM pg_catalog.pg_largeobject_metadata m
 WHERE NOT pg_has_role(current_user, m.lomowner, 'USAGE')
   AND NOT EXISTS (SELECT FROM aclexplode(m.lomacl) x WHERE x.privilege_type = 'SELECT'
                   AND (x.grantee = 0 OR pg_has_role(current_user, x.grantee, 'USAGE'))) LIMIT 5)
ORDER BY 1
"""

HIDDEN = f"""
SELECT c.oid::regclass::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND {catalog.USER_SCHEMA} AND row_security_active(c.oid) ORDER BY 1
"""

WRITERS = """
SELECT format('%s of %s', count(*), usename) FROM pg_catalog.pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
  AND application_name NOT LIKE 'platform_restore%' GROUP BY usename ORDER BY usename
"""

NAMES = {
    "policy_roles": "SELECT DISTINCT r.rolname FROM pg_catalog.pg_policy p JOIN pg_catalog.pg_roles r ON r.oid = ANY (p.polroles) ORDER BY 1",
    "prepared": "SELECT quote_literal(gid) FROM pg_catalog.pg_prepared_xacts WHERE database = current_database() ORDER BY 1",
    "event_triggers": "SELECT evtname FROM pg_catalog.pg_event_trigger ORDER BY 1",
    "publications": "SELECT pubname FROM pg_catalog.pg_publication ORDER BY 1",
    "writers": WRITERS,
    "unreadable": UNREADABLE,
    "hidden_by_policy": HIDDEN,
}

TARGET_RIGHTS = """
SELECT has_database_privilege(current_database(), 'CREATE'),
       coalesce((SELECT has_schema_privilege(oid, 'CREATE') FROM pg_catalog.pg_namespace WHERE nspname = 'public'), true),
       coalesce((SELECT pg_has_role(current_user, oid, 'MEMBER') FROM pg_catalog.pg_roles WHERE rolname = 'rds_superuser'), false)
"""

OFFERS = """
SELECT e.name, coalesce(e.default_version, ''), coalesce(bool_or(v.trusted OR NOT v.superuser), false), e.installed_version IS NOT NULL
FROM pg_catalog.pg_available_extensions e
LEFT JOIN pg_catalog.pg_available_extension_versions v ON v.name = e.name AND v.version = e.default_version GROUP BY 1, 2, 4
"""

CONTENT = f"""
SELECT type || ' ' || identity FROM ({catalog.CONTENT}) c
UNION ALL SELECT 'large object ' || oid FROM pg_catalog.pg_largeobject_metadata LIMIT 200
"""

MARKER = f"""
SELECT move, source, identity, phase, runner, coalesce(to_char(finished, 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), ''),
       coalesce(report, '{{}}') FROM {MARKER_SCHEMA}.move
"""


def _server(session: psycopg.Connection[Any]) -> Server:
    row = session.execute(SERVER).fetchone()
    if row is None:
        raise PgError("the server does not list its own database")
    version, superuser, encoding, collate, ctype, collversion, recovery, free, database = row
    try:
        system = str((session.execute("SELECT system_identifier FROM pg_control_system()").fetchone() or ("",))[0])
    except psycopg.errors.InsufficientPrivilege:
        system = ""
    return Server(
        version=version,
        identity=hashlib.sha256(f"{system}/{database}".encode()).hexdigest(),
        superuser=bool(superuser),
        encoding=encoding,
        collate=collate,
        ctype=ctype,
        collation_version=collversion,
        in_recovery=recovery,
        connections_free=free,
        extensions=tuple(Extension(*row) for row in session.execute(catalog.EXTENSIONS)),
        schemas=tuple((row[0], row[1]) for row in session.execute(SCHEMAS)),
    )


def read_source(session: psycopg.Connection[Any]) -> Source:
    table_bytes, large_objects = session.execute(SOURCE_SIZE).fetchone() or (0, 0)
    names = {key: tuple(str(row[0]) for row in session.execute(query)) for key, query in NAMES.items()}
    return Source(
        server=_server(session),
        table_bytes=table_bytes,
        large_objects=large_objects,
        **names,
    )


def read_target(session: psycopg.Connection[Any]) -> Target:
    rights = session.execute(TARGET_RIGHTS).fetchone() or (False, False, False)
    return Target(
        server=_server(session),
        offers={row[0]: Offer(*row[1:]) for row in session.execute(OFFERS)},
        roles=frozenset(row[0] for row in session.execute("SELECT rolname FROM pg_catalog.pg_roles")),
        may_create_schema=rights[0],
        may_create_in_public=rights[1],
        rds_superuser=rights[2],
        objects=tuple(row[0] for row in session.execute(CONTENT)),
        marker=read_marker(session),
    )


def read_marker(session: psycopg.Connection[Any]) -> Marker | None:
    try:
        row = session.execute(MARKER).fetchone()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        return None
    return Marker(*row) if row else None


def same_database(source: psycopg.Connection[Any], target: psycopg.Connection[Any]) -> bool:
    """A lock taken on one side and seen on the other proves it, whatever names and proxies lie between."""
    key = secrets.randbits(62)
    source.execute("SELECT pg_advisory_lock(%s::bigint)", (key,))
    try:
        seen = target.execute(
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_database d ON d.oid = l.database"
            " WHERE l.locktype = 'advisory' AND d.datname = current_database() AND l.objsubid = 1"
            " AND (l.classid::bigint << 32 | l.objid::bigint) = %s::bigint)",
            (key,),
        ).fetchone()
    finally:
        source.execute("SELECT pg_advisory_unlock(%s::bigint)", (key,))
    return bool(seen and seen[0])


def read_runner(folder: Path, major: int, client_folder: str) -> Runner:
    place = folder
    while not place.exists():
        place = place.parent
    room = os.statvfs(place)
    _, found = find_client(major, client_folder)
    return Runner(client_major=found, free_bytes=room.f_bavail * room.f_frsize, folder=str(folder))
