# ruff: noqa: S608 - only constants of this package are put into the text
"""What an application's role has by other roles, and which functions it may call: neither comes with a database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.facts import USER_SCHEMA

if TYPE_CHECKING:
    import psycopg

SHOWN = 5
# Also by way of others; a superuser is a member of all, and needs none. A policy for a role holds for its members.
GROUPS = """
WITH RECURSIVE groups(oid) AS (
  SELECT m.roleid FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles r ON r.oid = m.member WHERE r.rolname = %(role)s AND NOT r.rolsuper
  UNION SELECT m.roleid FROM groups g JOIN pg_catalog.pg_auth_members m ON m.member = g.oid)
SELECT r.rolname, EXISTS (SELECT FROM pg_catalog.pg_policy p WHERE r.oid = ANY (p.polroles)) FROM groups g JOIN pg_catalog.pg_roles r ON r.oid = g.oid
ORDER BY 1
"""
# Every user's function; of the server's own only those that are not everybody's, so that somebody has given the right to them.
FUNCTIONS = f"""
SELECT p.oid::regprocedure::text, n.nspname = 'pg_catalog',
       has_schema_privilege(%(role)s, n.oid, 'USAGE') AND has_function_privilege(%(role)s, p.oid, 'EXECUTE')
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE p.prorettype <> ALL (ARRAY['trigger', 'event_trigger']::regtype[])
  AND (({USER_SCHEMA}) OR n.nspname = 'pg_catalog' AND p.proacl IS NOT NULL
       AND NOT (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = %(role)s))
"""
ROLE = "SELECT FROM pg_catalog.pg_roles WHERE rolname = %s"


@dataclass(frozen=True)
class Lack:
    """Of one role, what the target does not have. `fatal`: statements would mean something else, or fail."""

    problem: str
    mend: str
    fatal: bool = False

    def __str__(self) -> str:
        return f"{self.problem}. Mend: {self.mend}"


def lacking(source: psycopg.Connection[Any], target: psycopg.Connection[Any], roles: Sequence[str]) -> list[Lack]:
    """Nothing for a role that one side does not know: that is said elsewhere. Functions that the target does not have yet do not count."""
    found = []
    for role in roles:
        if all(session.execute(ROLE, (role,)).fetchone() is not None for session in (source, target)):
            here = dict(source.execute(GROUPS, {"role": role}).fetchall())
            there = dict(target.execute(GROUPS, {"role": role}).fetchall())
            known = {row[0] for row in target.execute("SELECT rolname FROM pg_catalog.pg_roles")}
            found += groups(role, here, set(there), known)
            found += functions(role, _functions(source, role), _functions(target, role))
    return found


def _functions(session: psycopg.Connection[Any], role: str) -> dict[str, tuple[bool, bool]]:
    return {name: (own, bool(held)) for name, own, held in session.execute(FUNCTIONS, {"role": role})}


def groups(role: str, here: dict[str, bool], there: set[str], known: set[str]) -> list[Lack]:
    """`here`: whether a policy names the group. Pure."""
    found = []
    for group, policy in here.items():
        if group in there:
            continue
        why = ", which a policy names: its rows would be hidden from it" if policy else ""
        absent = "" if group in known else f'CREATE ROLE "{group}"; '
        found.append(
            Lack(
                f"role {role} is a member of {group} at the source, and not at the target{why}",
                f'on the target, {absent}GRANT "{group}" TO "{role}"'
                + ("" if policy else ", where it needs more of it than rights on tables"),
                policy,
            )
        )
    return found


def functions(role: str, here: dict[str, tuple[bool, bool]], there: dict[str, tuple[bool, bool]]) -> list[Lack]:
    """By name: whether it is the server's own, and whether the role may call it. Pure."""
    found = []
    for own in (False, True):
        lost = sorted(
            name
            for name, (is_own, held) in here.items()
            if is_own == own and held and name in there and not there[name][1]
        )
        if lost:
            more = f" and {len(lost) - SHOWN} more" if len(lost) > SHOWN else ""
            listed = ", ".join(lost[:SHOWN])
            kind = "functions of the server" if own else "functions"
            # What a managed server keeps for itself nobody can be given: no reason to stay for ever.
            found.append(
                Lack(
                    f"role {role} may call at the source, and not at the target, the {kind} {listed}{more}",
                    f'on the target, GRANT EXECUTE ON FUNCTION {lost[0]} TO "{role}", and so for the others, with USAGE on their schemas'
                    if len(lost) > 1
                    else f'on the target, GRANT EXECUTE ON FUNCTION {lost[0]} TO "{role}", with USAGE on its schema',
                    not own,
                )
            )
    return found
