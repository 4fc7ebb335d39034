"""The login role of an application: what it may do, and what is missing for that. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

TABLE_PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE")
SEQUENCE_PRIVILEGES = ("USAGE", "SELECT")

# Attributes that a least-privileged login must not have, as pg_roles and as ALTER ROLE name them.
FORBIDDEN = {
    "rolsuper": "NOSUPERUSER",
    "rolcreatedb": "NOCREATEDB",
    "rolcreaterole": "NOCREATEROLE",
    "rolreplication": "NOREPLICATION",
    "rolbypassrls": "NOBYPASSRLS",
}


@dataclass(frozen=True)
class Missing:
    """One right that the role lacks on one object."""

    kind: str  # SCHEMA, TABLE, SEQUENCE or DATABASE
    name: str  # quoted by the server
    privileges: tuple[str, ...]


@dataclass(frozen=True)
class Access:
    """What the server says about the role now."""

    exists: bool
    may_login: bool = False
    shut: bool = False  # by a move: writers are at the other side, and whatever opens this one gives the login back
    authenticates: bool = False
    attributes: frozenset[str] = frozenset()  # of FORBIDDEN
    missing: tuple[Missing, ...] = ()
    defaults: frozenset[tuple[str, str, str]] = frozenset()  # schema, TABLES or SEQUENCES, privilege
    may_create_in: tuple[str, ...] = ()


@dataclass(frozen=True)
class Wanted:
    username: str
    schemas: tuple[str, ...] = ("public",)


@dataclass
class Action:
    """A statement without its password, and what it is for."""

    statement: str
    why: str
    password: bool = field(default=False)


def plan(current: Access, wanted: Wanted, quoted: str) -> list[Action]:
    """Statements that lead from what is to what is wanted; `quoted` is the role's name as an identifier."""
    actions: list[Action] = []
    if not current.exists:
        actions.append(Action(f"CREATE ROLE {quoted} LOGIN", "create the role"))
    elif not current.may_login and not current.shut:
        actions.append(Action(f"ALTER ROLE {quoted} LOGIN", "let it log in"))
    excess = [word for attribute, word in FORBIDDEN.items() if attribute in current.attributes]
    if excess:
        actions.append(Action(f"ALTER ROLE {quoted} {' '.join(excess)}", "take back what an application does not need"))
    if not current.authenticates:
        actions.append(Action(f"ALTER ROLE {quoted} PASSWORD", "set the password of the secret", password=True))
    for right in current.missing:
        actions.append(
            Action(
                f"GRANT {', '.join(right.privileges)} ON {right.kind} {right.name} TO {quoted}",
                f"grant on {right.name}",
            )
        )
    for schema in current.may_create_in:
        actions.append(
            Action(f"REVOKE CREATE ON SCHEMA {schema} FROM {quoted}", f"an application does not create in {schema}")
        )
    return actions + _defaults(current, wanted, quoted)


def _defaults(current: Access, wanted: Wanted, quoted: str) -> list[Action]:
    """So that tables of a later migration are usable without running this again."""
    actions = []
    rights: Sequence[tuple[str, tuple[str, ...]]] = (("TABLES", TABLE_PRIVILEGES), ("SEQUENCES", SEQUENCE_PRIVILEGES))
    for schema in wanted.schemas:
        for kind, privileges in rights:
            lacking = [one for one in privileges if (schema, kind, one) not in current.defaults]
            if lacking:
                name = '"' + schema.replace('"', '""') + '"'
                statement = (
                    f"ALTER DEFAULT PRIVILEGES IN SCHEMA {name} GRANT {', '.join(lacking)} ON {kind} TO {quoted}"
                )
                actions.append(Action(statement, f"later {kind.lower()} of {schema}"))
    return actions
