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
options: {}
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
from ansible_collections.tiketi.platform.plugins.module_utils._compose.engine import docker_version, find
from ansible_collections.tiketi.platform.plugins.module_utils._compose.errors import ComposeError


def main() -> None:
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    try:
        engine, docker = find(), docker_version()
    except ComposeError as error:
        module.fail_json(msg=str(error))
    if engine is None:
        module.exit_json(changed=False, kind="", version="", compose_version="", docker=docker)
    module.exit_json(
        changed=False, kind=engine.kind, version=engine.version, compose_version=engine.compose_version, docker=docker
    )  # fmt: skip


if __name__ == "__main__":
    main()
