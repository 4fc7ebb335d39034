"""The login of subscribers: may replicate and read what is moved, nothing else. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.tiketi.platform.plugins.module_utils._pg_source import scram
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.model import Blocker, Login

# Attributes that the login of subscribers does not need, as pg_roles and as ALTER ROLE name them.
FORBIDDEN = {
    "rolsuper": "NOSUPERUSER",
    "rolcreatedb": "NOCREATEDB",
    "rolcreaterole": "NOCREATEROLE",
    "rolbypassrls": "NOBYPASSRLS",
}


@dataclass(frozen=True)
class Role:
    """What the server knows of a role."""

    exists: bool
    login: bool = False
    superuser: bool = False
    replication: bool = False
    excess: frozenset[str] = frozenset()  # of FORBIDDEN
    verifier: str = ""
    expired: bool = False

    def __repr__(self) -> str:  # a verifier is not for messages
        return f"Role(exists={self.exists})"


@dataclass(frozen=True)
class Statement:
    """SQL for one database (none: any), and what it is for. `secret` is put behind it, as a literal."""

    sql: str
    why: str
    dbname: str = ""
    secret: bool = False


def identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """For a session with standard_conforming_strings, which ours is."""
    return "'" + text.replace("'", "''") + "'"


def plan(role: Role, login: Login, missing: Mapping[str, Sequence[str]]) -> tuple[list[Statement], list[Blocker]]:
    """`missing`: for each database, the statements (without the role's name) of the rights that it lacks."""
    if login.existing:
        return [], _judge(role, login)
    who = identifier(login.username)
    made: list[Statement] = []
    if not role.exists:
        made.append(Statement(f"CREATE ROLE {who} LOGIN REPLICATION", f"create the role {login.username}"))
    elif not (role.login and role.replication):
        made.append(Statement(f"ALTER ROLE {who} LOGIN REPLICATION", f"let {login.username} log in and replicate"))
    if role.excess:
        words = " ".join(word for name, word in FORBIDDEN.items() if name in role.excess)
        made.append(Statement(f"ALTER ROLE {who} {words}", f"take back what {login.username} does not need"))
    if role.expired:
        made.append(
            Statement(f"ALTER ROLE {who} VALID UNTIL 'infinity'", f"the password of {login.username} was expired")
        )
    if not scram.matches(login.password, role.verifier):
        made.append(Statement(f"ALTER ROLE {who} PASSWORD", f"set the password of {login.username}", secret=True))
    for dbname, grants in missing.items():
        why = f"let {login.username} read {dbname}"
        made += [Statement(f"{grant} TO {who}", why, dbname) for grant in grants]
    return made, []


def _judge(role: Role, login: Login) -> list[Blocker]:
    """Somebody else's role is looked at only."""
    who = login.username
    if not role.exists:
        return [Blocker(f"role {who} does not exist. Mend: login.existing=false makes it, or name another role")]
    found = []
    if not role.login:
        found.append(f"role {who} may not log in. Mend: ALTER ROLE {identifier(who)} LOGIN")
    if not (role.superuser or role.replication):
        found.append(f"role {who} may not replicate. Mend: ALTER ROLE {identifier(who)} REPLICATION")
    if role.expired:
        found.append(
            f"the password of role {who} is expired (VALID UNTIL). Mend: ALTER ROLE ... VALID UNTIL 'infinity'"
        )
    if role.verifier.startswith("md5"):
        found.append(
            f"the password of role {who} is kept as md5, which scram-sha-256 refuses. Mend: set the same password again,"
            " now that password_encryption is scram-sha-256"
        )
    elif not scram.matches(login.password, role.verifier):
        found.append(f"the password that was given is not that of role {who}. Mend: give the right one")
    return [Blocker(text) for text in found]
