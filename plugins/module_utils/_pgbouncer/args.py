"""What the modules of PgBouncer are told about its databases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer.declare import KEEP, SET
from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer.errors import PgBouncerError
from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer.model import Server

_ENTRY: dict[str, dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "host": {"type": "str", "required": True},
    "port": {"type": "int", "default": 5432},
    "dbname": {"type": "str"},
    "user": {"type": "str", "default": ""},
    "password": {"type": "str", "default": "", "no_log": True},
    "connect_query": {"type": "str", "default": ""},
    "pool_size": {"type": "int", "default": 0},
}
# Documented in plugins/doc_fragments/pgbouncer.py.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "databases": {"type": "list", "elements": "dict", "required": True, "options": _ENTRY},
    "active": {"type": "str", "choices": [KEEP, SET], "default": KEEP},
}


def servers(entries: Iterable[Mapping[str, Any]]) -> dict[str, Server]:
    """Return the declared servers by the names of their databases."""
    found: dict[str, Server] = {}
    for entry in entries:
        given = {key: value for key, value in entry.items() if key != "name"}
        if entry["name"] in found:
            raise PgBouncerError("a database is listed twice. Mend: name each once")
        found[entry["name"]] = Server(**{**given, "dbname": entry["dbname"] or entry["name"]})
    return found
