"""Taking back what was done for a move: the way in, the login, and the settings that cost something."""

from __future__ import annotations

from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source import apply, server, settings
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.keeper import AUTO
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.locate import Choice
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.login import Statement, identifier, literal
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.model import Wanted
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.run import open_work
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.target import Admin

# Clients may rely on these by now, and nobody is worse off with them.
STAY = ("ssl", "ssl_cert_file", "ssl_key_file", "password_encryption", "listen_addresses")
IN_USE = """
SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE usename = {role} AND pid <> pg_backend_pid();
"""


def remove(choice: Choice, admin: Admin, wanted: Wanted, check: bool) -> dict[str, Any]:
    """The opposite of prepare; a restart that it leaves pending may wait for ever."""
    found, work = open_work(choice, admin, wanted, check)
    place, who = work.place, wanted.login
    role = server.role(place, who)
    if role.exists and not who.existing:
        if int(place.ask(IN_USE.format(role=literal(who.username)))):
            raise PgError(f"{who.username} is connected to {place.label}. Mend: end the move first (verb finish)")
        name = identifier(who.username)
        work.did(f"drop the role {who.username}")
        owned = [Statement(f"DROP OWNED BY {name}", "", dbname) for dbname in work.server.databases]
        if not check:
            server.run(place, [*owned, Statement(f"DROP ROLE {name}", "")], who)
    apply.keep_rules(work, remove=True)
    auto = place.read(f"{work.server.data_directory}/{AUTO}")
    first = {name: value for name, value in work.record.first(auto).items() if name not in STAY}
    for name in first:
        work.did(f"put {name} back as it was")
    if not check:
        if first:
            server.reset(place, first)
        if work.outcome.actions:
            server.reload(place)
        work.record.forget(first)
        if first:
            server.await_that(lambda: settled(work, first), 5.0)
    pending = settings.waiting(work.server)
    return {
        "changed": bool(work.outcome.actions),
        "actions": work.outcome.actions,
        "pending_restart": pending,
        "notices": [f"back with the next restart, whenever that is: {', '.join(pending)}"] if pending else [],
        "message": f"{found.label}: {'; '.join(work.outcome.actions) or 'nothing to take back'}",
        "diff": work.outcome.diff,
    }


def settled(work: apply.Work, names: dict[str, str | None]) -> bool:
    work.server = server.look(work.place)
    return any(name in work.server.pending for name in names)
