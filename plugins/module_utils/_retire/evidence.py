"""Who is still led to the old stores, by what stands in files of this host and by what the servers themselves say. Reads only."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._haproxy import config
from ansible_collections.tiketi.platform.plugins.module_utils._haproxy.errors import ProxyError
from ansible_collections.tiketi.platform.plugins.module_utils._haproxy.switch import ProxySwitch
from ansible_collections.tiketi.platform.plugins.module_utils._leads.look import same_host
from ansible_collections.tiketi.platform.plugins.module_utils._pg.connect import connect
from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgError
from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer import switch as pooler
from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer.errors import PgBouncerError
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration import server
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.endpoint import Endpoint as RedisEndpoint
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.errors import RedisMoveError
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.wire import Link
from ansible_collections.tiketi.platform.plugins.module_utils._retire import plan
from ansible_collections.tiketi.platform.plugins.module_utils._retire.errors import RetireError
from ansible_collections.tiketi.platform.plugins.module_utils._retire.model import Answers

with contextlib.suppress(ImportError):  # the module says it in words
    import psycopg

APPLICATION = "platform_retire"
SESSIONS = """
SELECT format('%%s of %%s at %%s (%%s)', pid, coalesce(usename, backend_type), coalesce(host(client_addr), 'its socket'),
              coalesce(nullif(application_name, ''), 'no name'))
FROM pg_catalog.pg_stat_activity
WHERE backend_type IN ('client backend', 'walsender') AND pid <> pg_backend_pid() AND application_name <> %s ORDER BY pid
"""
DATABASES = "SELECT datname FROM pg_catalog.pg_database WHERE datallowconn AND NOT datistemplate ORDER BY 1"
SIZE = "SELECT sum(pg_catalog.pg_database_size(oid))::bigint FROM pg_catalog.pg_database WHERE NOT datistemplate"


def journals(root: Path) -> list[dict[str, Any]]:
    """All moves that this host has led."""
    found = []
    for path in sorted(root.glob("*/journal.json")):
        try:
            found.append(dict(json.loads(path.read_text(encoding="utf-8"))))
        except (OSError, ValueError, TypeError) as error:
            raise RetireError(
                f"the journal {path} cannot be read ({error}). Mend: correct it, or move it away"
            ) from None
    return found


def same(host: str, port: int, other: tuple[str, int]) -> bool:
    """Whether both name one server, also by different names."""
    return port == other[1] and same_host(host, other[0])


def pooler_reasons(file: str, old: tuple[str, int]) -> list[str]:
    try:
        known = pooler.read(file)
    except PgBouncerError as error:
        return [str(error)]
    return [
        f"PgBouncer leads the database {name} to the old PostgreSQL {one.host}:{one.port} ({file})."
        " Mend: move it (migration.yml), or lead it to the new side (pgbouncer_active_server=set)"
        for name, one in known.items()
        if same(one.host, one.port, old)
    ]


def proxy_reasons(file: Path, admin_socket: Path, old: tuple[str, int]) -> list[str]:
    """What the configuration says and what runs may differ after somebody's hand; neither may lead to the old side."""
    if not file.exists():
        return []
    try:
        text = file.read_text(encoding="utf-8")
        sides = {config.active(text, "redis")}
        if admin_socket.exists():
            sides.add(ProxySwitch(admin_socket, file).active())
        places = config.places(text, "redis")
    except (ProxyError, OSError) as error:
        return [str(error)]
    return [
        f"the Redis proxy leads applications to the old Redis ({side}, {':'.join(map(str, places[side]))})."
        " Mend: move it with the database (migration.yml), or redis_proxy_active=new where it was moved"
        for side in sorted(sides)
        if side in places and same(*places[side], old)
    ]


def ask_postgres(where: Endpoint) -> Answers:
    """Sessions, subscriptions, slots; and whether anybody could begin to write behind our back."""
    try:
        with connect(where, APPLICATION) as session:
            return _postgres(session, where.label)
    except PgError as error:
        return Answers((f"the old PostgreSQL cannot be asked who uses it: {error}",))
    except psycopg.Error as error:
        return Answers((f"the old PostgreSQL refused a question: {' '.join(str(error).split())}. Mend: see its log",))


def _postgres(session: psycopg.Connection[Any], label: str) -> Answers:
    def column(statement: str, *values: str) -> list[str]:
        return [str(row[0]) for row in session.execute(statement, values or None)]

    reasons = plan.session_reasons(f"the old PostgreSQL {label}", column(SESSIONS, APPLICATION))
    if armed := column("SELECT subname FROM pg_catalog.pg_subscription ORDER BY 1"):
        reasons.append(f"{label} is fed by {', '.join(armed)}: a way back is armed. Mend: migration_step=finish")
    if slots := column("SELECT slot_name FROM pg_catalog.pg_replication_slots ORDER BY 1"):
        reasons.append(
            f"{label} keeps what it writes for the slots {', '.join(slots)}. Mend: migration_step=finish; drop any other"
        )
    if column("SHOW default_transaction_read_only") != ["on"]:
        reasons.append(
            f"{label} is open to writers, which a finished move leaves closed: somebody has opened it. Mend: carry over what was"
            " written there since, then ALTER DATABASE ... SET default_transaction_read_only TO on"
        )
    return Answers(
        tuple(reasons),
        int(column(SIZE)[0]),
        tuple(column(DATABASES)),
        int(column("SHOW server_version_num")[0]) // 10000,
    )


def ask_redis(where: RedisEndpoint, backup: bool) -> Answers:
    try:
        with Link(where, timeout=30) as link:
            said = server.info(link)
            own = str(link.call("CLIENT", "ID"))
            clients = link.call("CLIENT", "LIST").decode("utf-8", "replace").splitlines()
    except RedisMoveError as error:
        return Answers((f"the old Redis cannot be asked who uses it: {error}",))
    rows = [dict(part.split("=", 1) for part in line.split() if "=" in part) for line in clients]
    others = [f"{row.get('addr', '?')} ({row.get('cmd', '?')})" for row in rows if row.get("id") != own]
    reasons = plan.session_reasons(f"the old Redis {where.label}", others)
    product = server.product(said)[0]
    if backup and product not in ("redis", "valkey"):
        reasons.append(
            f"a last backup of {product} is not known to this module. Mend: save it by hand, then set compose_stores_backup=false"
        )
    return Answers(tuple(reasons), int(said.get("used_memory", "0").strip() or 0))
