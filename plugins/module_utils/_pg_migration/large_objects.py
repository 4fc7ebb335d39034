"""Large objects: no replication carries them, so the few that differ are copied while nobody writes."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

with contextlib.suppress(ImportError):  # the module says it in words
    import psycopg
    from psycopg import sql

if TYPE_CHECKING:
    import psycopg

COUNT = "SELECT count(*) FROM pg_catalog.pg_largeobject_metadata"
SIZE = "SELECT coalesce(pg_total_relation_size('pg_catalog.pg_largeobject'), 0)"
# A digest of each, so that only what differs goes over the wire. One of 4 TB would not fit lo_get, one of 1 GB does not either.
DIGESTS = """
SELECT m.oid, (SELECT encode(sha256(string_agg(sha256(int4send(l.pageno) || l.data), ''::bytea ORDER BY l.pageno)), 'hex')
               FROM pg_catalog.pg_largeobject l WHERE l.loid = m.oid), pg_get_userbyid(m.lomowner), coalesce(m.lomacl::text, '')
FROM pg_catalog.pg_largeobject_metadata m
"""
# Where pg_largeobject itself cannot be read (a managed server): the same digest cannot be had, everything is read through lo_get.
READABLE = """
SELECT m.oid, encode(sha256(lo_get(m.oid)), 'hex'), pg_get_userbyid(m.lomowner), coalesce(m.lomacl::text, '')
FROM pg_catalog.pg_largeobject_metadata m
"""
RIGHTS = """
SELECT coalesce(quote_ident(r.rolname), 'PUBLIC'), x.privilege_type, x.is_grantable FROM pg_catalog.pg_largeobject_metadata m
CROSS JOIN LATERAL aclexplode(m.lomacl) x LEFT JOIN pg_catalog.pg_roles r ON r.oid = x.grantee WHERE m.oid = %s AND x.grantee <> m.lomowner
"""
CHUNK = 1024 * 1024


def any_on(session: psycopg.Connection[Any]) -> bool:
    row = session.execute(COUNT).fetchone()
    return bool(row and row[0])


def size(session: psycopg.Connection[Any]) -> int:
    row = session.execute(SIZE).fetchone()
    return int(row[0]) if row and any_on(session) else 0


def _readable(session: psycopg.Connection[Any]) -> bool:
    row = session.execute("SELECT has_table_privilege('pg_catalog.pg_largeobject', 'SELECT')").fetchone()
    return bool(row and row[0])


def carry(old: psycopg.Connection[Any], new: psycopg.Connection[Any]) -> int:
    """Make the new side's large objects those of the old side; how many were copied or dropped."""
    if not any_on(old) and not any_on(new):
        return 0
    query = DIGESTS if _readable(old) and _readable(new) else READABLE
    here = {row[0]: (row[1], row[2]) for row in old.execute(query)}
    there = {row[0]: (row[1], row[2]) for row in new.execute(query)}
    roles = {row[0] for row in new.execute("SELECT rolname FROM pg_catalog.pg_roles")}
    changed = 0
    for number in sorted(there.keys() - here.keys()):
        new.execute("SELECT lo_unlink(%s)", (number,))
        changed += 1
    for number, (content, owner) in sorted(here.items()):
        known = there.get(number)
        if known is None or known[0] != content:
            with new.transaction():
                _copy(old, new, number, known is not None)
                _grant(old, new, number, roles)
            changed += 1
        if (known is None or known[1] != owner) and owner in roles:
            with contextlib.suppress(
                psycopg.errors.InsufficientPrivilege
            ):  # a managed server gives to its own roles only
                new.execute(
                    sql.SQL("ALTER LARGE OBJECT {} OWNER TO {}").format(sql.Literal(number), sql.Identifier(owner))
                )
    return changed


def _copy(old: psycopg.Connection[Any], new: psycopg.Connection[Any], number: int, there: bool) -> None:
    """In pieces: one object may be larger than memory."""
    if there:
        new.execute("SELECT lo_unlink(%s)", (number,))
    new.execute("SELECT lo_create(%s)", (number,))
    at = 0
    while True:
        row = old.execute("SELECT lo_get(%s, %s, %s)", (number, at, CHUNK)).fetchone()
        piece = bytes(row[0]) if row else b""
        if piece:
            new.execute("SELECT lo_put(%s, %s, %s)", (number, at, piece))
        if len(piece) < CHUNK:
            return
        at += CHUNK


def _grant(old: psycopg.Connection[Any], new: psycopg.Connection[Any], number: int, roles: set[str]) -> None:
    for grantee, right, grantable in old.execute(RIGHTS, (number,)).fetchall():
        if grantee != "PUBLIC" and grantee.strip('"') not in roles:
            continue
        option = " WITH GRANT OPTION" if grantable else ""
        new.execute(
            sql.SQL("GRANT {} ON LARGE OBJECT {} TO {}").format(
                sql.SQL(right), sql.Literal(number), sql.SQL(grantee + option)
            )
        )
