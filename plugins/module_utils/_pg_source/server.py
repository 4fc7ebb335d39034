"""Asking the server and telling it: everything in SQL is here."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source import scram
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.login import (
    FORBIDDEN,
    Role,
    Statement,
    identifier,
    literal,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.model import (
    APPLICATION,
    Client,
    Login,
    Rule,
    Server,
    Setting,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.place import Place
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.settings import NAMES, Change

OLDEST = 130000
POLL = 0.1
OURS = "ARRAY[" + ", ".join(f"'{name}'" for name in NAMES) + "]"

# Values of other settings stay where they are: some hold passwords.
LOOK = """
SELECT json_build_object(
 'version', current_setting('server_version_num')::int, 'standby', pg_is_in_recovery(),
 'superuser', (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user),
 'identifier', (SELECT system_identifier::text FROM pg_catalog.pg_control_system()),
 'data_directory', current_setting('data_directory'), 'hba_file', current_setting('hba_file'),
 'port', current_setting('port')::int, 'log_file', pg_current_logfile(),
 'started', extract(epoch FROM pg_postmaster_start_time()),
 'ready', (SELECT extract(epoch FROM modification) FROM pg_stat_file('postmaster.pid')),
 'settings', (SELECT json_object_agg(name, json_build_array(setting, context, source))
    FROM pg_catalog.pg_settings WHERE name = ANY ({OURS})),
 'pending', (SELECT json_agg(name ORDER BY name) FROM pg_catalog.pg_settings WHERE pending_restart),
 'files', (SELECT json_agg(json_build_array(name, setting) ORDER BY seqno) FROM pg_catalog.pg_file_settings WHERE name = ANY ({OURS})),
 'broken', (SELECT json_agg(concat_ws(' ', sourcefile, 'line', sourceline, name) || ': ' || error) FROM pg_catalog.pg_file_settings
    WHERE error IS NOT NULL AND NOT (name IS NOT NULL AND error LIKE '%could not be applied%')),
 'rules', (SELECT json_agg(json_build_array(line_number, type, database, user_name, auth_method, error) ORDER BY line_number)
    FROM pg_catalog.pg_hba_file_rules),
 'senders', (SELECT count(*) FROM pg_catalog.pg_stat_replication),
 'slots', (SELECT count(*) FROM pg_catalog.pg_replication_slots),
 'clients', (SELECT json_agg(row_to_json(c)) FROM (SELECT usename AS "user", application_name AS application,
    coalesce(host(client_addr), 'local') AS address, count(*) AS sessions,
    coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)::float AS busy_seconds
    FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
    GROUP BY 1, 2, 3 ORDER BY sessions DESC, 1, 2, 3 LIMIT 20) c),
 'databases', (SELECT json_agg(datname ORDER BY datname) FROM pg_catalog.pg_database WHERE datallowconn AND NOT datistemplate));
""".replace("{OURS}", OURS)

ROLE = """
SELECT json_build_object('login', r.rolcanlogin, 'superuser', r.rolsuper, 'replication', r.rolreplication, 'createdb', r.rolcreatedb,
 'createrole', r.rolcreaterole, 'bypassrls', r.rolbypassrls, 'verifier', coalesce(r.rolpassword, ''),
 'expired', coalesce(r.rolvaliduntil <= now(), false))
FROM pg_catalog.pg_authid r WHERE r.rolname = {role};
"""

# Role 0 is PUBLIC: what a role that does not exist yet would have.
MISSING = """
WITH who AS (SELECT coalesce((SELECT oid FROM pg_catalog.pg_authid WHERE rolname = {role}), 0) AS id),
space AS (SELECT n.oid, n.nspname, n.nspname::text COLLATE "C" AS ordered FROM pg_catalog.pg_namespace n
 WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'platform_migration')),
relation AS (SELECT c.oid, c.relkind, c.relowner, s.oid AS space, s.nspname, c.relname FROM pg_catalog.pg_class c
 JOIN space s ON s.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'S') AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
  WHERE e.classid = 'pg_catalog.pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')),
lacking AS (
 SELECT 1 AS step, '' AS ordered, format('GRANT CONNECT ON DATABASE %I', current_database()) AS said FROM who
  WHERE NOT has_database_privilege(who.id, current_database(), 'CONNECT')
 UNION ALL SELECT 2, s.ordered, format('GRANT USAGE ON SCHEMA %I', s.nspname) FROM who, space s
  WHERE EXISTS (SELECT FROM relation r WHERE r.space = s.oid) AND NOT has_schema_privilege(who.id, s.oid, 'USAGE')
 UNION ALL SELECT 3, r.oid::text, format('GRANT SELECT ON %s %I.%I', CASE r.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, r.nspname, r.relname)
  FROM who, relation r WHERE NOT CASE r.relkind WHEN 'S' THEN has_sequence_privilege(who.id, r.oid, 'SELECT')
   ELSE has_table_privilege(who.id, r.oid, 'SELECT') END
 UNION ALL SELECT DISTINCT 4, r.nspname || o.rolname, format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA %I GRANT SELECT ON TABLES', o.rolname, r.nspname)
  FROM who, relation r JOIN pg_catalog.pg_roles o ON o.oid = r.relowner WHERE r.relkind <> 'S' AND NOT EXISTS (
   SELECT FROM pg_catalog.pg_default_acl d CROSS JOIN LATERAL aclexplode(d.defaclacl) x WHERE d.defaclrole = r.relowner
    AND d.defaclnamespace = r.space AND d.defaclobjtype = 'r' AND x.grantee = who.id AND x.privilege_type = 'SELECT'))
SELECT coalesce(json_agg(said ORDER BY step, ordered), '[]') FROM lacking;
"""

# A verifier is no password, but it need not be in a log either. The prefixes work on every version; what an extension may set does not.
QUIET = """
SET log_statement TO none; SET log_min_error_statement TO panic; SET log_min_duration_statement TO -1; SET log_duration TO off;
SET standard_conforming_strings TO on; SET password_encryption TO 'scram-sha-256'; SET default_transaction_read_only TO off;
SET lock_timeout TO '10s';
"""


def _units(text: str, name: str) -> str:
    """A value as the files have it; those of ours with a unit never wait for a restart."""
    return (
        {"true": "on", "yes": "on", "1": "on", "false": "off", "no": "off", "0": "off"}.get(text, text)
        if name == "ssl"
        else text
    )


def _settings(told: Mapping[str, Any]) -> dict[str, Setting]:
    waiting = set(told["pending"] or [])
    files = dict(told["files"] or [])  # the last one counts
    found = {}
    for name, (running, context, source) in told["settings"].items():
        setting = Setting(name, running, running, context, source, files.get(name))
        if name in waiting and name in files and not setting.fixed:
            setting = replace(setting, configured=_units(files[name], name))
        found[name] = setting
    return found


def look(place: Place) -> Server:
    told = json.loads(place.ask(LOOK))
    server = Server(
        version=int(told["version"]),
        superuser=bool(told["superuser"]),
        standby=bool(told["standby"]),
        identifier=str(told["identifier"]),
        data_directory=str(told["data_directory"]),
        hba_file=str(told["hba_file"]),
        port=int(told["port"]),
        started=float(told["started"]),
        start_seconds=max(1, math.ceil(float(told["ready"]) + 1 - float(told["started"]))),
        settings=_settings(told),
        pending=tuple(told["pending"] or []),
        broken=tuple(told["broken"] or []),
        rules=rules(told["rules"]),
        senders_used=int(told["senders"]),
        slots_used=int(told["slots"]),
        clients=tuple(Client(**one) for one in told["clients"] or [] if one["application"] != APPLICATION),
        databases=tuple(told["databases"] or []),
        log_file=str(told["log_file"] or ""),
    )
    if server.version < OLDEST:
        raise PgError(
            f"PostgreSQL in {place.label} is {server.version // 10000}; 13 is the oldest that this role prepares"
        )
    if not server.superuser:
        raise PgError(
            f"{place.username} is no superuser of {place.label}. Mend: give admin_username and admin_password of one"
        )
    if server.standby:
        raise PgError(f"{place.label} is a standby. Mend: run this where its primary is")
    return server


def rules(told: Sequence[Sequence[Any]] | None) -> tuple[Rule, ...]:
    return tuple(
        Rule(
            int(line or 0),
            str(kind or ""),
            tuple(databases or ()),
            tuple(users or ()),
            str(method or ""),
            str(error or ""),
        )
        for line, kind, databases, users, method, error in told or []
    )


def read_rules(place: Place) -> tuple[Rule, ...]:
    """What the server makes of pg_hba.conf as it is now, before it is told to use it."""
    query = LOOK[LOOK.index("(SELECT json_agg(json_build_array(line_number") : LOOK.index(",\n 'senders'")]
    return rules(json.loads(place.ask(f"SELECT {query};") or "null"))


def role(place: Place, login: Login) -> Role:
    told = place.ask(ROLE.format(role=literal(login.username)))
    if not told:
        return Role(exists=False)
    one = json.loads(told)
    excess = frozenset(name for name in FORBIDDEN if one[name.removeprefix("rol").replace("super", "superuser")])
    return Role(True, one["login"], one["superuser"], one["replication"], excess, one["verifier"], one["expired"])


def missing(place: Place, login: Login, databases: Sequence[str]) -> dict[str, list[str]]:
    query = MISSING.format(role=literal(login.username))
    return {name: json.loads(place.ask(query, name)) for name in databases}


def run(place: Place, statements: Sequence[Statement], login: Login) -> None:
    """Each database's in one transaction."""
    by_database: dict[str, list[str]] = {}
    for one in statements:
        text = f"{one.sql} {literal(scram.verifier(login.password))}" if one.secret else one.sql
        by_database.setdefault(one.dbname, []).append(f"{text};")
    for dbname, texts in by_database.items():
        place.ask("\n".join([QUIET, "BEGIN;", *texts, "COMMIT;"]), dbname)


def alter(place: Place, changes: Sequence[Change]) -> None:
    """ALTER SYSTEM knows no transactions: a value that the server refuses leaves those before it."""
    texts = [f"ALTER SYSTEM SET {identifier(one.name)} TO {literal(one.value)};" for one in changes]
    place.ask("\n".join([QUIET, *texts]))


def reset(place: Place, before: Mapping[str, str | None]) -> None:
    """Settings as postgresql.auto.conf had them; the values come from there, quotes and all."""
    texts = [
        f"ALTER SYSTEM RESET {identifier(name)};"
        if value is None
        else f"ALTER SYSTEM SET {identifier(name)} TO {value};"
        for name, value in before.items()
    ]
    place.ask("\n".join([QUIET, *texts]))


def reload(place: Place) -> None:
    place.ask("SELECT pg_reload_conf();")


def await_that(ready: Callable[[], bool], seconds: float) -> bool:
    """Poll; a server takes its time to read its files."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL)
    return True
