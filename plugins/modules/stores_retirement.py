#!/usr/bin/python
# Copyright: the tiketi.platform developers
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Takes the stores of a stage away whose data have moved."""

from __future__ import annotations

DOCUMENTATION = r"""
module: stores_retirement
short_description: Take the containers of PostgreSQL and Redis away after their data have moved
version_added: 1.1.0
author:
  - The tiketi.platform developers (@tiketi)
description:
  - Refuses, with all reasons at once and before anything is touched, while a move is not finished, while PgBouncer or the Redis proxy of this host lead to the
    old servers, while anybody is connected to them, or while a last backup cannot be made.
  - Saves every database, the roles and Redis, verifies what it saved, leaves a marker for role C(compose_stores), and removes the containers, their network
    and the files that the role wrote. Volumes stay unless O(remove_data=true).
  - A run that was killed is gone on with by the next. Where nothing of the stores is left, nothing is changed and nothing is asked.
options:
  project:
    description: Name of the compose project.
    type: str
    default: stores
  stage:
    description: Stage that the stores belong to, for the marker.
    type: str
    required: true
  folder:
    description: Folder of the compose project on the host. What role C(compose_stores) did not write there stays.
    type: path
    default: /srv/stores
  tls_folder:
    description: Folder of the certificates, and of the marker C(retired).
    type: path
    default: /etc/platform-stores
  postgres:
    description: The old PostgreSQL, with a login that may read all of it.
    type: dict
    required: true
    suboptions:
      host:
        description: Address, as in its certificate and as the container is published.
        type: str
        required: true
      port:
        description: Port.
        type: int
        default: 5432
      dbname:
        description: The database that was moved.
        type: str
        required: true
      username:
        description: Login.
        type: str
        required: true
      password:
        description: Its password.
        type: str
        required: true
  redis:
    description: The old Redis.
    type: dict
    required: true
    suboptions:
      host:
        description: Address, as in its certificate and as the container is published.
        type: str
        required: true
      port:
        description: Port.
        type: int
        default: 6379
      username:
        description: Login; empty is the default one.
        type: str
        default: ""
      password:
        description: Its password or token.
        type: str
        default: ""
      tls:
        description: Whether it speaks TLS.
        type: bool
        default: true
      ca_file:
        description: File with the certificate authority; by default that of O(tls_folder).
        type: str
        default: ""
  backup:
    description: Whether a last backup is made.
    type: bool
    default: true
  backup_dir:
    description: New folder on the host for the last backup, made with mode 0700.
    type: path
    default: ""
  remove_data:
    description: Whether the volumes go as well.
    type: bool
    default: false
  migration_folder:
    description: Folder of the journals of M(tiketi.platform.postgres_migration) on this host.
    type: path
    default: /var/lib/platform_migration
  redis_migration_folder:
    description: Folder of the journals of the moves of Redis on this host.
    type: path
    default: /var/lib/platform_redis_migration
  proxy_socket:
    description: Admin socket of the Redis proxy.
    type: path
    default: /run/redis-proxy/admin.sock
extends_documentation_fragment:
  - tiketi.platform.stores
attributes:
  check_mode:
    description: Asks everything, and says what would be saved and removed.
    support: full
  diff_mode:
    description: What is there before and after.
    support: full
requirements:
  - psycopg >= 3.1 (Debian python3-psycopg) and the PostgreSQL client of the old server's major version (role data_runner)
"""

EXAMPLES = r"""
- name: Take the old stores away
  tiketi.platform.stores_retirement:
    stage: single
    postgres: "{{ old_database }}"
    redis: "{{ old_redis }}"
    backup_dir: /var/backups/stores-single
"""

RETURN = r"""
message:
  description: What was done, or would be, in a sentence.
  returned: success
  type: str
actions:
  description: Each thing that was done, or would be done.
  returned: success
  type: list
  elements: str
backup:
  description: Folder of the last backup; empty when there is none.
  returned: success
  type: str
kept:
  description: Volumes that stay.
  returned: success
  type: list
  elements: str
notes:
  description: What stays for another reason.
  returned: success
  type: list
  elements: str
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.tiketi.platform.plugins.module_utils._compose import engine as engines
from ansible_collections.tiketi.platform.plugins.module_utils._compose.errors import ComposeError
from ansible_collections.tiketi.platform.plugins.module_utils._pg import connect
from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import ENDPOINT_OPTIONS, VERIFIED, endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgError
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration import endpoint as redis
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.errors import RedisMoveError
from ansible_collections.tiketi.platform.plugins.module_utils._retire.errors import RetireError
from ansible_collections.tiketi.platform.plugins.module_utils._retire.model import Wish
from ansible_collections.tiketi.platform.plugins.module_utils._retire.run import Places, retire

ARGUMENTS = {
    "project": {"type": "str", "default": "stores"},
    "stage": {"type": "str", "required": True},
    "folder": {"type": "path", "default": "/srv/stores"},
    "tls_folder": {"type": "path", "default": "/etc/platform-stores"},
    "postgres": {"type": "dict", "required": True, "options": ENDPOINT_OPTIONS},
    "redis": {"type": "dict", "required": True, "options": redis.ENDPOINT_OPTIONS},
    "backup": {"type": "bool", "default": True},
    "backup_dir": {"type": "path", "default": ""},
    "remove_data": {"type": "bool", "default": False},
    "migration_folder": {"type": "path", "default": "/var/lib/platform_migration"},
    "redis_migration_folder": {"type": "path", "default": "/var/lib/platform_redis_migration"},
    "pooler_file": {"type": "path", "default": "/etc/pgbouncer/databases.ini"},
    "proxy_config": {"type": "path", "default": "/etc/redis-proxy/haproxy.cfg"},
    "proxy_socket": {"type": "path", "default": "/run/redis-proxy/admin.sock"},
}


def run(given: dict[str, Any], check: bool) -> dict[str, Any]:
    authority = str(Path(given["tls_folder"]) / "ca.pem")
    along = {**given["redis"], "ca_file": given["redis"]["ca_file"] or (authority if given["redis"]["tls"] else "")}
    places = Places(
        postgres=endpoint("source", given["postgres"], VERIFIED, authority),
        redis=redis.endpoint("source", along),
        migration=Path(given["migration_folder"]),
        redis_migration=Path(given["redis_migration_folder"]),
        pooler=given["pooler_file"],
        proxy=Path(given["proxy_config"]),
        proxy_socket=Path(given["proxy_socket"]),
    )
    wish = Wish(
        project=given["project"],
        stage=given["stage"],
        folder=Path(given["folder"]),
        tls=Path(given["tls_folder"]),
        backup=given["backup"],
        backup_dir=given["backup_dir"],
        remove_data=given["remove_data"],
    )
    return retire(wish, places, engines.find(), check)


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    if not connect.HAS_PSYCOPG:
        module.fail_json(msg=missing_required_lib("psycopg") + ". Mend: role data_runner")
    try:
        module.exit_json(**run(module.params, module.check_mode))
    except (RetireError, PgError, RedisMoveError, ComposeError, OSError) as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
