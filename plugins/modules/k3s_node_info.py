#!/usr/bin/python
# Copyright: The tiketi.platform developers
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Whether a K3s server lives and has data."""

from __future__ import annotations

DOCUMENTATION = r"""
module: k3s_node_info
short_description: Look whether a K3s server lives, has data, and which CA it has
version_added: 1.0.0
description: Run on a server host before another host joins; changes nothing.
extends_documentation_fragment:
  - tiketi.platform.attributes.reads
  - tiketi.platform.k3s_node
author:
  - The tiketi.platform developers (@tiketi)
"""

EXAMPLES = r"""
- name: Look at a server
  tiketi.platform.k3s_node_info:
    name: s1
    address: 10.0.0.10
"""

RETURN = r"""
node:
  description: The server as the other hosts may know it.
  returned: success
  type: dict
  sample: {name: s1, role: server, url: "https://10.0.0.10:6443", alive: true, data: true, ca_hash: 5f1c...}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tiketi.platform.plugins.module_utils._k3s.host import Host
from ansible_collections.tiketi.platform.plugins.module_utils._k3s.node import info


def main() -> None:
    spec = {
        "name": {"type": "str", "required": True},
        "address": {"type": "str", "required": True},
        "controller_time": {"type": "float", "default": 0},
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    host = Host(lambda command: module.run_command(list(command)))
    module.exit_json(changed=False, node=info(host, **module.params))


if __name__ == "__main__":
    main()
