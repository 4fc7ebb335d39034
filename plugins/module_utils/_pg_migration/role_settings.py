"""Settings that hang on the database and on its logins (ALTER DATABASE or ROLE ... SET): no dump of one database carries them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

Key = tuple[str, bool, str]  # role, quoted (empty: everybody); in this database only; name of the setting
KNOWN = """
SELECT coalesce(quote_ident(r.rolname), ''), s.setdatabase <> 0, split_part(c.text, '=', 1), substr(c.text, strpos(c.text, '=') + 1)
FROM pg_catalog.pg_db_role_setting s LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
CROSS JOIN LATERAL unnest(s.setconfig) c(text)
WHERE s.setdatabase = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
   OR s.setdatabase = 0 AND r.rolname = ANY (%s)
ORDER BY 1, 2, 3
"""
FREEZE = ("default_transaction_read_only",)  # the move's own
# Without these a statement means something else: no application may find that out after the switch.
MEANING = {
    "bytea_output", "client_encoding", "datestyle", "default_transaction_isolation", "extra_float_digits", "intervalstyle", "lc_monetary",
    "lc_numeric", "lc_time", "role", "row_security", "search_path", "session_replication_role", "standard_conforming_strings", "timezone",
}  # fmt: skip
# Of extensions that watch: a dotted name of any other kind is the users' own, and their functions or policies read it.
WATCHING = ("auto_explain.", "pg_stat_statements.", "pgaudit.", "plpgsql.", "pg_hint_plan.", "log_fdw.", "rds.")
LISTS = ("search_path",)  # already quoted, one by one


def read(session: psycopg.Connection[Any], roles: Sequence[str]) -> dict[Key, str]:
    found = session.execute(KNOWN, (list(roles),)).fetchall()
    return {(role, here, name): value for role, here, name, value in found if name not in FREEZE}


def lacking(source: Mapping[Key, str], target: Mapping[Key, str], dbname: str) -> list[tuple[bool, str, str]]:
    """For each that the target lacks or has otherwise: whether statements mean something else without it, what it is, the mend. Pure."""
    found = []
    for (role, here, name), value in source.items():
        if target.get((role, here, name)) == value:
            continue
        place = f'DATABASE "{dbname}"' if not role else f"ROLE {role}" + (f' IN DATABASE "{dbname}"' if here else "")
        # One of the users' own may be a secret (a key that policies read): its value is told to nobody.
        shown = value if name in LISTS else "'" + value.replace("'", "''") + "'"
        statement = f"ALTER {place} SET {name} TO {'...' if '.' in name else shown}"
        whose = f"setting {name} of {f'role {role}' if role else 'the database'}"
        found.append((_changes_meaning(name), whose, statement))
    return found


def _changes_meaning(name: str) -> bool:
    return name.lower() in MEANING or ("." in name and not name.startswith(WATCHING))


def words(found: Sequence[tuple[bool, str, str]]) -> list[str]:
    return [
        f"{whose}: the source has it, the target not or otherwise. Mend: on the target, {statement}"
        for _, whose, statement in found
    ]
