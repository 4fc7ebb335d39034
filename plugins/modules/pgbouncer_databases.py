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
extends_documentation_fragment:
  - tiketi.platform.pgbouncer
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
from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer import admin, args
from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer.declare import declare, lines
from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer.errors import PgBouncerError
from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer.model import public
from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer.switch import INCLUDE, prove, read, write

ARGUMENTS = {
    **args.ARGUMENTS,
    "path": {"type": "path", "default": INCLUDE},
    "socket_dir": {"type": "path", "default": "/run/pgbouncer"},
    "port": {"type": "int", "default": 6432},
    "system_user": {"type": "str", "default": "postgres"},
}


def run(given: dict[str, Any], check: bool) -> dict[str, Any]:
    wanted = args.servers(given["databases"])
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
