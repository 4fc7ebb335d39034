#!/usr/bin/python
# Copyright: The tiketi.platform developers
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The pods of one node, moved to others before it is restarted."""

from __future__ import annotations

DOCUMENTATION = r"""
module: k3s_node_drain
short_description: Move the pods of a K3s node to other nodes, or let pods come to it again
version_added: 1.0.0
description:
  - Asks the API server of the host it runs on, which must be a K3s server, about any node of the cluster.
  - Cordons the node and evicts its pods, which the server allows only as far as their PodDisruptionBudgets do. What is refused is asked for again.
  - Left where they are, since a restart of K3s stops no container, are pods of DaemonSets, static pods, pods that nothing would make again, and
    pods whose volume is on this node.
  - Does nothing where no other node takes pods, where the node is not Ready, or where no API server answers.
  - When the time is over the node takes pods again, and the message names each pod with the budget that holds it.
options:
  name:
    description: Name of the node in the cluster.
    type: str
    required: true
  state:
    description:
      - V(drained) cordons the node and moves its pods.
      - V(released) ends the cordon that V(drained) made, also one that a run left which was killed. One that a person made stays.
    type: str
    choices: [drained, released]
    default: drained
  timeout:
    description: Seconds that the pods may take to leave.
    type: int
    default: 300
attributes:
  check_mode:
    description: Says how many pods would be moved.
    support: full
  diff_mode:
    description: No diff is given.
    support: none
author:
  - The tiketi.platform developers (@tiketi)
"""

EXAMPLES = r"""
- name: Move the pods of an agent before it is restarted
  tiketi.platform.k3s_node_drain:
    name: a1
  delegate_to: s1
"""

RETURN = r"""
message:
  description: What was done, or why nothing was.
  returned: success
  type: str
evicted:
  description: Pods that were moved, as namespace and name.
  returned: success
  type: list
  elements: str
stayed:
  description: Pods that were left where they are, each with the reason.
  returned: success
  type: dict
blocked:
  description: Pods that would not leave, each with what stands against it.
  returned: when the time was over
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tiketi.platform.plugins.module_utils._k3s.drain import Drain
from ansible_collections.tiketi.platform.plugins.module_utils._k3s.errors import K3sError
from ansible_collections.tiketi.platform.plugins.module_utils._k3s.host import Host


def main() -> None:
    spec = {
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["drained", "released"], "default": "drained"},
        "timeout": {"type": "int", "default": 300},
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    node = Drain(Host(lambda command: module.run_command(list(command))), module.params["name"])
    released = module.params["state"] == "released"
    try:
        result = (
            node.release(check=module.check_mode) if released else node.go(module.params["timeout"], module.check_mode)
        )
    except K3sError as error:
        module.fail_json(msg=str(error), **error.facts)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
