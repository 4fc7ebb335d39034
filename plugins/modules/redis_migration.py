#!/usr/bin/python
# Copyright: Contributors to the tiketi.platform collection
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Moves a Redis to another one while applications write, and proves it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: redis_migration
short_description: Move Redis, Valkey or Dragonfly to another server under running writers, and prove that nothing was lost
version_added: 1.0.0
author:
  - The tiketi.platform developers (@tiketi)
description:
  - Carries the keys over by SCAN and DUMP/RESTORE in batches, big keys by pieces, and what the target's version does not read by commands.
    Neither replication nor MONITOR nor keyspace events are used, so the source may be a Dragonfly.
  - C(cutover) holds writers by CLIENT PAUSE, carries over and compares what changed, and leads applications to the target through the proxy
    of role C(redis_proxy). A command that was held is not lost and not done twice; its client sees one broken connection and repeats it.
  - Runs on a host that reaches both servers. A journal there and a marker on the target make each verb safe to repeat, and a killed copy goes on
    at its cursor.
options:
  step:
    description:
      - C(preflight) looks only and gives every finding. C(copy) is a pass over all keys; a later one writes what differs. C(verify) compares
        everything and fails on any difference, so writers should be stopped. C(cutover) does all of it under running writers and switches.
      - C(rollback) carries back what was written since and switches back. C(finish) removes the marker and ends the way back; before a
        cutover it gives the move up, and the source stays the server.
    type: str
    choices: [preflight, copy, verify, cutover, rollback, finish]
    required: true
  share_token:
    description:
      - Let the source's login take the target's token as a second password, so that applications can have it before the cutover.
    type: bool
    default: false
  proxy_socket:
    description:
      - Admin socket of the proxy that applications go through. Needed for C(cutover) and C(rollback).
    type: path
    default: ""
  proxy_config:
    description:
      - Configuration file of that proxy; it is written so that a restart keeps the side.
    type: path
    default: /etc/redis-proxy/haproxy.cfg
  folder:
    description:
      - Private folder on this host for the journal, C(progress.json) and C(report.json).
    type: path
    default: /var/lib/platform_redis_migration
  batch_keys:
    description:
      - Keys that SCAN is asked for at once, and about as many in one flight.
    type: int
    default: 4000
  batch_bytes:
    description:
      - Bytes in one flight at most.
    type: int
    default: 4194304
  big_bytes:
    description:
      - A key above this size goes by pieces of this size.
    type: int
    default: 1048576
  ttl_tolerance:
    description:
      - Milliseconds by which the ends of a key may differ. Servers from 7.0 on tell and take the exact time.
    type: int
    default: 1000
  freeze_limit:
    description:
      - Seconds that writers are held at most. Beyond, they go on at the old side and the cutover is given up.
    type: float
    default: 30
  lock_wait:
    description:
      - Seconds to wait for another run of the same move on this host.
    type: float
    default: 60
extends_documentation_fragment:
  - tiketi.platform.redis.source
  - tiketi.platform.redis.target
attributes:
  check_mode:
    description: Looks at both servers, says what would be done and about how long. Changes nothing.
    support: full
  diff_mode:
    description: There is no text to compare.
    support: none
"""

EXAMPLES = r"""
- name: See what stands in the way
  tiketi.platform.redis_migration:
    step: preflight
    source: {host: 127.0.0.1, password: "{{ old_password }}", tls: false}
    target: {host: "{{ redis_facts.host }}", password: "{{ token }}", ca_file: /etc/ssl/platform/redis.pem}
    keys:
      - {keys: "cache:*", kind: cache}

- name: Cut over
  tiketi.platform.redis_migration:
    step: cutover
    source: {host: 127.0.0.1, password: "{{ old_password }}", tls: false}
    target: {host: "{{ redis_facts.host }}", password: "{{ token }}", ca_file: /etc/ssl/platform/redis.pem}
    proxy_socket: /run/redis-proxy/admin.sock
"""

RETURN = r"""
phase:
  description: Where the move stands (new, copying, copied, verified, switching, switched, finished).
  returned: success
  type: str
next:
  description: The verb that comes next.
  returned: success
  type: str
estimate:
  description: Seconds that the parts are foreseen to take, from what this move has measured, else from the rates of another machine.
  returned: with O(step=preflight) or in check mode
  type: dict
  contains:
    copy:
      description: A pass over all keys.
      type: int
    verify:
      description: The comparison of everything.
      type: int
    freeze_seconds:
      description: The time that writers wait in a cutover, or in a rollback where they are at the target.
      type: float
seconds:
  description: Seconds that the verb took.
  returned: success
  type: float
report:
  description: What was found, compared or measured.
  returned: success
  type: dict
message:
  description: The run in one sentence.
  returned: success
  type: str
notices:
  description: What is worth knowing and does not stand in the way, such as a leg without TLS.
  returned: success
  type: list
  elements: str
folder:
  description: Folder of the journal, on this host.
  returned: success
  type: str
findings:
  description: Reasons of a refusal, each with its mend.
  returned: when refused
  type: list
  elements: str
differences:
  description: Keys in which the target is not the source; never a value.
  returned: when the comparison fails
  type: list
  elements: str
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tiketi.platform.plugins.module_utils._cutover.limits import outside
from ansible_collections.tiketi.platform.plugins.module_utils._haproxy.errors import ProxyError
from ansible_collections.tiketi.platform.plugins.module_utils._haproxy.switch import ProxySwitch
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.args import SOURCE_ARGUMENTS
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.endpoint import (
    ENDPOINT_OPTIONS,
    endpoint,
)
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.errors import RedisMoveError
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.limits import INSIDE, LEAST
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.model import Options, rules
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.run import VERBS, Move, migrate

ARGUMENTS: dict[str, Any] = {
    "step": {"type": "str", "required": True, "choices": list(VERBS)},
    **SOURCE_ARGUMENTS,
    "target": {"type": "dict", "required": True, "options": ENDPOINT_OPTIONS},
    "share_token": {"type": "bool", "default": False, "no_log": False},
    "proxy_socket": {"type": "path", "default": ""},
    "proxy_config": {"type": "path", "default": "/etc/redis-proxy/haproxy.cfg"},
    "folder": {"type": "path", "default": "/var/lib/platform_redis_migration"},
    "batch_keys": {"type": "int", "default": 4000, "no_log": False},
    "batch_bytes": {"type": "int", "default": 4194304},
    "big_bytes": {"type": "int", "default": 1048576},
    "ttl_tolerance": {"type": "int", "default": 1000},
    "freeze_limit": {"type": "float", "default": 30},
    "lock_wait": {"type": "float", "default": 60},
}


def make_move(given: dict[str, Any]) -> Move:
    wrong = outside(given, {**LEAST, **INSIDE})
    if wrong:
        raise RedisMoveError("; ".join(wrong))
    known = {name: given[name] for name in Options.__dataclass_fields__ if name in given}
    proxy = ProxySwitch(Path(given["proxy_socket"]), Path(given["proxy_config"])) if given["proxy_socket"] else None
    return Move(
        source=endpoint("source", given["source"]),
        target=endpoint("target", given["target"]),
        options=Options(rules=rules(given["keys"], given["copy_cache"]), **known),
        folder=Path(given["folder"]),
        switch=proxy,
    )


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    ca_file = module.params["target"]["ca_file"]
    if module.check_mode and ca_file and not Path(ca_file).exists():
        message = (
            f"this host is not prepared yet ({ca_file} is missing), so nothing can be looked at; Redis would be moved"
        )
        module.exit_json(
            changed=True,
            phase="unknown",
            next="preflight",
            seconds=0.0,
            report={},
            notices=[],
            folder="",
            message=message,
        )
    try:
        result = migrate(make_move(module.params), module.params["step"], module.check_mode)
    except (RedisMoveError, ProxyError) as error:
        details = {key: getattr(error, key) for key in ("findings", "differences") if hasattr(error, key)}
        module.fail_json(msg=str(error), **details)
    except OSError as error:
        module.fail_json(
            msg=f"the folder of the journal: {error}. Mend: run with the right to {module.params['folder']}"
        )
    module.exit_json(**result)


if __name__ == "__main__":
    main()
