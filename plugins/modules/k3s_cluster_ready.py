#!/usr/bin/python
# Copyright: The tiketi.platform developers
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""All nodes of a cluster: labels, taints, and the proof that they are Ready."""

from __future__ import annotations

DOCUMENTATION = r"""
module: k3s_cluster_ready
short_description: Reconcile labels and taints of all K3s nodes, and prove each node Ready
version_added: 1.0.0
description:
  - Run on a living server. K3s gives labels and taints at registration only; here they follow the settings.
  - Labels and taints that others set are kept; what this module set before and is no longer wanted is removed.
  - A node is proved when it is Ready, its kubelet has the wanted version, and a server votes in etcd.
options:
  nodes:
    description:
      - The wanted nodes, as M(tiketi.platform.k3s_node) returns them.
      - When empty, every node of the cluster must be Ready.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the node.
        type: str
        required: true
      role:
        description: What it is in the cluster.
        type: str
        choices: [server, agent]
        required: true
      version:
        description: Version its kubelet shall have; any when empty.
        type: str
        default: ""
      labels:
        description: Labels.
        type: dict
        default: {}
      taints:
        description: Taints, as key[=value]:effect.
        type: list
        elements: str
        default: []
  unseen:
    description: Hosts that did not answer in this run, which are named in a warning.
    type: list
    elements: str
    default: []
  wait_timeout:
    description: Seconds until all nodes must be proved.
    type: int
    default: 120
attributes:
  check_mode:
    description: Says which labels and taints would change, and does not wait.
    support: full
  diff_mode:
    description: Shows the patch of each node.
    support: full
author:
  - The tiketi.platform developers (@tiketi)
"""

EXAMPLES = r"""
- name: Prove the cluster
  tiketi.platform.k3s_cluster_ready:
    nodes:
      - {name: s1, role: server, version: v1.34.2+k3s1}
      - {name: a1, role: agent, version: v1.34.2+k3s1, labels: {disk: ssd}, taints: ["batch=yes:NoSchedule"]}
"""

RETURN = r"""
nodes:
  description: Every node of the cluster.
  returned: success
  type: list
  elements: dict
  sample: [{name: s1, ready: true, voter: true, version: v1.34.2+k3s1, address: 10.0.0.10, internal: 10.0.0.10}]
waited:
  description: Seconds until all were proved.
  returned: success
  type: float
credentials_sha256:
  description: Hash of the certificates and key in the server's kubeconfig, to know a copy as current; empty without one.
  returned: success
  type: str
lacking:
  description: What each node lacks.
  returned: when a node was not proved
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tiketi.platform.plugins.module_utils._k3s.errors import K3sError
from ansible_collections.tiketi.platform.plugins.module_utils._k3s.host import Host
from ansible_collections.tiketi.platform.plugins.module_utils._k3s.members import prove

NODE = {
    "name": {"type": "str", "required": True},
    "role": {"type": "str", "choices": ["server", "agent"], "required": True},
    "version": {"type": "str", "default": ""},
    "labels": {"type": "dict", "default": {}},
    "taints": {"type": "list", "elements": "str", "default": []},
}


def main() -> None:
    spec = {
        "nodes": {"type": "list", "elements": "dict", "options": NODE, "default": []},
        "unseen": {"type": "list", "elements": "str", "default": []},
        "wait_timeout": {"type": "int", "default": 120},
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    if unseen := module.params["unseen"]:
        module.warn(
            f"{', '.join(unseen)} did not answer: left as it is, and not proved. Bring it back and run this again, or, "
            "if it is gone for good, take it out of the inventory and remove its node: k3s kubectl delete node <name>"
        )
    host = Host(lambda command: module.run_command(list(command)))
    try:
        result = prove(host, module.params["nodes"], module.params["wait_timeout"], module.check_mode)
    except K3sError as error:
        module.fail_json(msg=str(error), **error.facts)
    module.exit_json(credentials_sha256=host.credentials(), **result)


if __name__ == "__main__":
    main()
