#!/usr/bin/python
# Copyright: the tiketi.platform developers
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Keeps the databases of a PgBouncer, without taking back what a move of data did."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pgbouncer_databases
short_description: Keep the databases of a PgBouncer and the servers they are on
version_added: 1.0.0
author:
  - The tiketi.platform developers (@tiketi)
description:
  - Writes the include file with the section C([databases]) at once, has PgBouncer read it, and proves by what PgBouncer shows that it took it.
  - A database that is there already stays on the server it is on, since a move of data may have led it elsewhere; O(active=set) changes that.
  - The console is reached by its Unix socket as O(system_user), so become root.
options:
  databases:
    description: All databases of this PgBouncer. One that is not listed any more goes.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name that applications connect to.
        type: str
        required: true
      host:
        description: Name or address of the server.
        type: str
        required: true
      port:
        description: Port of the server.
        type: int
        default: 5432
      dbname:
        description: Name of the database on the server. That of the entry when absent.
        type: str
      user:
        description: Login at the server for every client. Each client's own when absent.
        type: str
        default: ""
      password:
        description: Password of O(databases[].user).
        type: str
        default: ""
      connect_query:
        description: Statement run on each new connection to the server.
        type: str
        default: ""
      pool_size:
        description: Connections to the server at most. V(0) is PgBouncer's default for all.
        type: int
        default: 0
  active:
    description: V(keep) leaves a database on the server that it is on, V(set) leads it to the declared one.
    type: str
    choices: [keep, set]
    default: keep
  path:
    description: The include file.
    type: path
    default: /etc/pgbouncer/databases.ini
  socket_dir:
    description: Folder of PgBouncer's Unix socket.
    type: path
    default: /run/pgbouncer
  port:
    description: Port in the name of the socket.
    type: int
    default: 6432
  system_user:
    description: System user that PgBouncer runs as.
    type: str
    default: postgres
attributes:
  check_mode:
    description: Compares the file; PgBouncer is not asked.
    support: full
  diff_mode:
    description: The entries before and after, without passwords.
    support: full
requirements:
  - psycopg >= 3.1 (Debian python3-psycopg)
"""

EXAMPLES = r"""
- name: Keep the database of the shop
  tiketi.platform.pgbouncer_databases:
    databases:
      - name: shop
        host: 10.0.1.10
        connect_query: SET statement_timeout = '10s'
"""

RETURN = r"""
databases:
  description: Where each database is, by its name, without passwords.
  returned: success
  type: dict
  sample: {"shop": {"host": "10.0.1.10", "port": 5432, "dbname": "shop", "user": ""}}
kept:
  description: Databases that stay on another server than the declared one.
  returned: success
  type: list
  elements: str
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer import admin
from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer.declare import KEEP, SET, declare, lines
from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer.errors import PgBouncerError
from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer.model import Server, public
from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer.switch import INCLUDE, prove, read, write

ENTRY = {
    "name": {"type": "str", "required": True},
    "host": {"type": "str", "required": True},
    "port": {"type": "int", "default": 5432},
    "dbname": {"type": "str"},
    "user": {"type": "str", "default": ""},
    "password": {"type": "str", "default": "", "no_log": True},
    "connect_query": {"type": "str", "default": ""},
    "pool_size": {"type": "int", "default": 0},
}

ARGUMENTS = {
    "databases": {"type": "list", "elements": "dict", "required": True, "options": ENTRY},
    "active": {"type": "str", "choices": [KEEP, SET], "default": KEEP},
    "path": {"type": "path", "default": INCLUDE},
    "socket_dir": {"type": "path", "default": "/run/pgbouncer"},
    "port": {"type": "int", "default": 6432},
    "system_user": {"type": "str", "default": "postgres"},
}


def run(given: dict[str, Any], check: bool) -> dict[str, Any]:
    wanted = {
        entry["name"]: Server(
            entry["host"], entry["port"], entry["dbname"] or entry["name"], entry["user"], entry["password"],
            entry["connect_query"], entry["pool_size"],
        )
        for entry in given["databases"]
    }  # fmt: skip
    if len(wanted) < len(given["databases"]):
        raise PgBouncerError("a database is listed twice. Mend: name each once")
    current = read(given["path"])
    result = declare(current, wanted, given["active"])
    changed = dict(current) != dict(result.databases)
    if not check:
        console = admin.Console(given["socket_dir"], given["port"], given["system_user"])
        if changed:
            write(result.databases, given["path"])
            console.reload()
        prove(console, result.databases)
    return {
        "changed": changed,
        "databases": {name: public(server) for name, server in result.databases.items()},
        "kept": list(result.kept),
        "diff": {"before": lines(current), "after": lines(result.databases)},
    }


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    if not admin.HAS_PSYCOPG and not module.check_mode:
        module.fail_json(msg=missing_required_lib("psycopg"))
    try:
        module.exit_json(**run(module.params, module.check_mode))
    except (PgBouncerError, OSError) as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
