#!/usr/bin/python
# Copyright: Contributors to the tiketi.platform collection
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Moves a living PostgreSQL database to another server, one verb at a time."""

from __future__ import annotations

DOCUMENTATION = r"""
module: postgres_migration
short_description: Move a living PostgreSQL database to another server without losing a row
version_added: 1.1.0
author:
  - The tiketi.platform developers (@tiketi)
description:
  - Copies one snapshot of the source in parallel, lets PostgreSQL's own logical replication follow from exactly there, compares both
    sides while users work, and moves the writers in a short freeze in which only what changed is compared. The way back is armed
    before the first write on the new side.
  - Runs on a host that reaches both servers. Long phases go on there when this run ends or dies. Each verb may be given again.
  - The login at O(source) is a superuser or has what the preflight asks for. That at O(target) may create subscriptions (on Aurora
    it is a member of C(rds_superuser)).
options:
  verb:
    description:
      - C(preflight) looks at both servers and names everything that stands in the way. C(seed) copies. C(follow) subscribes and waits
        until the target is near. C(verify) compares online. C(cutover) moves the writers. C(rollback) moves them back, with what was
        written since. C(finish) drops everything that the move made; before a cutover, or after a rollback, that gives the move up.
    type: str
    required: true
    choices: [preflight, seed, follow, verify, cutover, rollback, finish]
  redis:
    description:
      - Redis that is moved along. C(cutover) holds the writers of both in one freeze with one verdict; C(preflight), C(rollback) and
        C(finish) look after both. Its options are those of M(tiketi.platform.redis_migration).
    type: dict
    suboptions:
      source:
        description: The old server.
        type: dict
        required: true
        suboptions: &redis_server
          host: {description: Name or address of the server., type: str, required: true}
          port: {description: Port., type: int, default: 6379}
          username: {description: Login; empty is the default one., type: str, default: ""}
          password: {description: Its password., type: str, default: ""}
          tls: {description: Whether the server speaks TLS. It is then verified., type: bool, default: true}
          ca_file: {description: File with its certificate authority; empty is the system's., type: str, default: ""}
      target:
        description: The new server; always verified.
        type: dict
        required: true
        suboptions: *redis_server
      keys:
        description: Which keys are state, cache or none of this move's business, by pattern; the first that matches holds.
        type: list
        elements: dict
        default: []
        suboptions:
          keys: {description: Pattern as in a shell., type: str, required: true}
          kind: {description: What they are., type: str, required: true, choices: [state, cache, skip]}
      copy_cache: {description: Move caches too., type: bool, default: false}
      share_token: {description: Let the old server accept the new one's password too., type: bool, default: false}
      proxy_socket: {description: Admin socket of the proxy of role redis_proxy., type: path, required: true}
      proxy_config: {description: Its configuration., type: path, default: /etc/redis-proxy/haproxy.cfg}
      folder: {description: Private folder of its journal., type: path, default: /var/lib/platform_redis_migration}
attributes:
  check_mode:
    description: Says what the verb would do, with estimates. Changes nothing.
    support: full
  diff_mode:
    description: There is no text to compare.
    support: none
extends_documentation_fragment:
  - tiketi.platform.postgres_migration
  - tiketi.platform.postgres.ends
"""

EXAMPLES = r"""
- name: Copy the database while users work
  tiketi.platform.postgres_migration:
    verb: seed
    source: "{{ old_database }}"
    target: "{{ new_database }}"
    source_ca_file: /etc/ssl/platform/old.pem
    target_ca_file: /etc/ssl/platform/aurora.pem

- name: Move the writers, in a freeze of at most five seconds
  tiketi.platform.postgres_migration:
    verb: cutover
    source: "{{ old_database }}"
    target: "{{ new_database }}"
    source_ca_file: /etc/ssl/platform/old.pem
    target_ca_file: /etc/ssl/platform/aurora.pem
    application_roles: [shop]
    freeze_budget: 5
"""

RETURN = r"""
phase:
  description: Where the move stands (new, seeding, seeded, following, cutting, switched, returning, returned, finished, abandoned).
  returned: success
  type: str
message:
  description: The run in one sentence.
  returned: success
  type: str
running:
  description: Whether the verb goes on after O(attach) seconds.
  returned: when it does
  type: bool
progress:
  description: How far it is then.
  returned: with RV(running)
  type: dict
notices:
  description: What is worth knowing, such as a leg that is not verified.
  returned: success
  type: list
  elements: str
slot:
  description:
    - What the source keeps for the target, as C(name), C(active), C(wal_status), C(safe_wal_size) (bytes until it is lost),
      C(retained_bytes) and C(seconds) (its age).
  returned: with the verb C(follow)
  type: dict
findings:
  description: Reasons of a refusal, each with its mend.
  returned: when refused
  type: list
  elements: str
differences:
  description: Where source and target are not the same.
  returned: when a comparison fails
  type: list
  elements: str
"""

import traceback

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.tiketi.platform.plugins.module_utils._pg import connect
from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import args, stores, verbs

ARGUMENTS = {
    "verb": {"type": "str", "required": True, "choices": list(verbs.VERBS)},
    **args.END_ARGUMENTS,
    **args.SETTING_ARGUMENTS,
    "redis": {"type": "dict", "options": stores.REDIS_OPTIONS},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    if not connect.HAS_PSYCOPG:
        module.fail_json(msg=missing_required_lib("psycopg"))
    try:
        result = verbs.run(
            module.params["verb"], args.context(module.params), module.check_mode, module.params["redis"]
        )
    except PgError as error:
        details = {key: getattr(error, key) for key in ("findings", "differences", "report") if hasattr(error, key)}
        module.fail_json(msg=str(error), **details)
    except connect.psycopg.Error as error:
        module.fail_json(
            msg=f"PostgreSQL refused a statement: {' '.join(str(error).split())}", exception=traceback.format_exc()
        )
    module.exit_json(**result)


if __name__ == "__main__":
    main()
