#!/usr/bin/python
# Copyright: the tiketi.platform developers
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Looks which container engine with compose this host has."""

from __future__ import annotations

DOCUMENTATION = r"""
module: container_engine_info
short_description: Say which container engine with compose a host has
version_added: 1.0.0
author:
  - The tiketi.platform developers (@tiketi)
description:
  - Docker Engine with its compose plugin, else Podman with podman-compose. An engine without compose does not count, and neither does one that does not run.
  - Fails, with all reasons at once, on a host that is not fit to run containers. Memory and room are asked for only where there is no engine yet.
options:
  memory_mb:
    description: Memory in MB (2**20 bytes) that a host without an engine must have in all.
    type: int
    default: 0
  disk_mb:
    description: Room in MB that a host without an engine must have free under C(/var/lib).
    type: int
    default: 0
  controller_time:
    description: The controller's clock, in seconds since 1970; V(0) does not compare the clocks.
    type: float
    default: 0
  max_clock_skew:
    description: Seconds that the host's clock may be off O(controller_time).
    type: float
    default: 30
extends_documentation_fragment:
  - tiketi.platform.attributes.reads
attributes:
  diff_mode:
    description: Changes nothing.
    support: none
"""

EXAMPLES = r"""
- name: Look for a container engine
  tiketi.platform.container_engine_info:

- name: Look for a container engine, on a host that is fit for one
  tiketi.platform.container_engine_info:
    memory_mb: 900
    disk_mb: 4096
    controller_time: "{{ now().timestamp() }}"
"""

RETURN = r"""
kind:
  description: V(docker), V(podman), or empty.
  returned: success
  type: str
version:
  description: Version of the engine.
  returned: success
  type: str
compose_version:
  description: Version of its compose.
  returned: success
  type: str
docker:
  description: Version of a Docker Engine that runs on the host, also of one without compose. Containers may run on it, so it must not be replaced.
  returned: success
  type: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tiketi.platform.plugins.module_utils._compose import fitness
from ansible_collections.tiketi.platform.plugins.module_utils._compose.engine import docker_version, find
from ansible_collections.tiketi.platform.plugins.module_utils._compose.errors import ComposeError


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "memory_mb": {"type": "int", "default": 0},
            "disk_mb": {"type": "int", "default": 0},
            "controller_time": {"type": "float", "default": 0},
            "max_clock_skew": {"type": "float", "default": 30},
        },
        supports_check_mode=True,
    )
    asked = module.params
    seen = fitness.look(asked["controller_time"])
    try:
        engine, docker = find(), docker_version()
    except ComposeError as error:
        module.fail_json(msg=str(error))
    wanted = fitness.Wanted(asked["memory_mb"], asked["disk_mb"], asked["max_clock_skew"])
    if faults := fitness.faults(seen, wanted, fresh=engine is None and not docker):
        module.fail_json(
            msg="\n  - ".join(["this host is not fit for containers; nothing was touched:", *faults]), faults=faults
        )
    if engine is None:
        module.exit_json(changed=False, kind="", version="", compose_version="", docker=docker)
    module.exit_json(
        changed=False, kind=engine.kind, version=engine.version, compose_version=engine.compose_version, docker=docker
    )  # fmt: skip


if __name__ == "__main__":
    main()
