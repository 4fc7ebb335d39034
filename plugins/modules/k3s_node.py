#!/usr/bin/python
# Copyright: The tiketi.platform developers
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""One K3s node, looked at, planned and changed in one visit."""

from __future__ import annotations

DOCUMENTATION = r"""
module: k3s_node
short_description: Bring one host to its state as a K3s server or agent
version_added: 1.0.0
description:
  - Looks at the binary, the configuration, the unit and the service of a host, and does what is missing.
  - The binary is fetched beside the installed one, and replaces it only when its SHA-256 is the pinned one.
  - K3s is restarted only when the binary or a setting changed, and the module waits until it serves.
  - When K3s does not come up, the message names the likely cause from evidence gathered on the host.
options:
  state:
    description:
      - V(staged) looks, refuses what cannot be, and fetches the binary without replacing anything.
      - V(started) brings the node to its desired state.
    type: str
    choices: [staged, started]
    default: started
  role:
    description: What the host is in the cluster.
    type: str
    choices: [server, agent]
    required: true
  version:
    description: K3s version in full, like V(v1.34.2+k3s1).
    type: str
    required: true
  urls:
    description:
      - Addresses of the binary; the first that answers is used.
      - V({version}), V({arch}) and V({suffix}) are filled in. One that ends in V(#amd64) or V(#arm64) is for these hosts only.
    type: list
    elements: str
    required: true
  sha256:
    description: Pinned SHA-256 of the binary, or a dictionary of it by architecture (V(amd64), V(arm64)).
    type: raw
    required: true
  secrets:
    description: V(token) (servers only) and V(agent_token), both in the short form. Needed when O(state=started).
    type: dict
    default: {}
  join:
    description: How the host comes into the cluster, V(mode) keep, init or join, and of the server to join V(url), V(ca_hash), V(ca_pem).
    type: dict
    default: {}
  config:
    description: Further keys of config.yaml.
    type: dict
    default: {}
  cluster_cidr:
    description: Range of the pods.
    type: str
    default: 10.42.0.0/16
  service_cidr:
    description: Range of the services.
    type: str
    default: 10.43.0.0/16
  tls_san:
    description: Further names and addresses in the certificate of a server.
    type: list
    elements: str
    default: []
  disable:
    description: Packaged components that are not wanted.
    type: list
    elements: str
    default: []
  secrets_encryption:
    description: Encrypt secrets in the datastore. Decided when the cluster is formed.
    type: bool
    default: true
  pod_security:
    description: Pod security level of namespaces that do not say another.
    type: str
    choices: [privileged, baseline, restricted]
    default: restricted
  pod_security_exempt:
    description: Namespaces without pod security.
    type: list
    elements: str
    default: [kube-system]
  node_labels:
    description: Labels, returned for M(tiketi.platform.k3s_cluster_ready).
    type: dict
    default: {}
  node_taints:
    description: Taints that the node registers with.
    type: list
    elements: str
    default: []
  registries:
    description: Content of registries.yaml.
    type: dict
    default: {}
  credential_provider:
    description:
      - Pull from ECR with the instance role.
      - V(match_images), and V(urls) with V(sha256) where the binary is not on the host already.
    type: dict
    default: {}
  images:
    description: Image archives for hosts without a registry.
    type: list
    elements: dict
    default: []
    suboptions:
      url:
        description: Address of the archive.
        type: str
        required: true
      sha256:
        description: Pinned SHA-256 of the archive.
        type: str
        required: true
  protect_kernel_defaults:
    description: Set the sysctls that the kubelet expects, and let it insist on them.
    type: bool
    default: false
  wait_timeout:
    description: Seconds K3s may take to come up.
    type: int
    default: 120
  wait_voter:
    description: Wait until a server is a voting member of etcd.
    type: bool
    default: false
  max_clock_skew:
    description: Seconds the clock may be off.
    type: int
    default: 30
extends_documentation_fragment:
  - tiketi.platform.k3s_node
attributes:
  check_mode:
    description: Says what would be done and touches nothing.
    support: full
  diff_mode:
    description: Shows the changes of files; secrets are masked.
    support: full
author:
  - The tiketi.platform developers (@tiketi)
"""

EXAMPLES = r"""
- name: Form a cluster of one server
  tiketi.platform.k3s_node:
    role: server
    name: s1
    address: 10.0.0.10
    version: v1.34.2+k3s1
    urls: ["https://github.com/k3s-io/k3s/releases/download/{version}/k3s{suffix}"]
    sha256: 15811d34187e03fe29d0e46108c42cc33e62cec1b3d9d80f50944536ebcad40a
    secrets: "{{ secrets }}"
    join: {mode: init}
"""

RETURN = r"""
node:
  description: What the other hosts may know of this one.
  returned: success
  type: dict
  sample: {name: s1, role: server, url: "https://10.0.0.10:6443", alive: true, data: true, restart: false, ca_hash: 5f1c...}
actions:
  description: The steps that were done, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: [fetch /usr/local/bin/k3s, install /usr/local/bin/k3s, start k3s]
timings:
  description: Seconds spent looking, doing and waiting.
  returned: success
  type: dict
causes:
  description: Likely causes why K3s did not come up, the likeliest first.
  returned: when K3s did not come up
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tiketi.platform.plugins.module_utils._k3s.errors import K3sError
from ansible_collections.tiketi.platform.plugins.module_utils._k3s.fetch import queries
from ansible_collections.tiketi.platform.plugins.module_utils._k3s.host import Host
from ansible_collections.tiketi.platform.plugins.module_utils._k3s.node import visit

IMAGE = {"url": {"type": "str", "required": True}, "sha256": {"type": "str", "required": True}}
SPEC = {
    "state": {"type": "str", "choices": ["staged", "started"], "default": "started"},
    "role": {"type": "str", "choices": ["server", "agent"], "required": True},
    "name": {"type": "str", "required": True},
    "address": {"type": "str", "required": True},
    "version": {"type": "str", "required": True},
    "urls": {"type": "list", "elements": "str", "required": True},
    "sha256": {"type": "raw", "required": True},
    "secrets": {"type": "dict", "default": {}, "no_log": True},
    "join": {"type": "dict", "default": {}},
    "config": {"type": "dict", "default": {}},
    "cluster_cidr": {"type": "str", "default": "10.42.0.0/16"},
    "service_cidr": {"type": "str", "default": "10.43.0.0/16"},
    "tls_san": {"type": "list", "elements": "str", "default": []},
    "disable": {"type": "list", "elements": "str", "default": []},
    "secrets_encryption": {"type": "bool", "default": True, "no_log": False},
    "pod_security": {"type": "str", "choices": ["privileged", "baseline", "restricted"], "default": "restricted"},
    "pod_security_exempt": {"type": "list", "elements": "str", "default": ["kube-system"]},
    "node_labels": {"type": "dict", "default": {}},
    "node_taints": {"type": "list", "elements": "str", "default": []},
    "registries": {"type": "dict", "default": {}, "no_log": True},
    "credential_provider": {"type": "dict", "default": {}},
    "images": {"type": "list", "elements": "dict", "options": IMAGE, "default": []},
    "protect_kernel_defaults": {"type": "bool", "default": False},
    "wait_timeout": {"type": "int", "default": 120},
    "wait_voter": {"type": "bool", "default": False},
    "controller_time": {"type": "float", "default": 0},
    "max_clock_skew": {"type": "int", "default": 30},
}


class Module(AnsibleModule):  # type: ignore[misc]  # ansible-core has no types
    """Keeps signatures of presigned addresses out of the host's log and of the answer."""

    def _log_invocation(self) -> None:
        urls = [*self.params["urls"], *(self.params["credential_provider"] or {}).get("urls", [])]
        self.no_log_values.update(queries(*urls, *(image["url"] for image in self.params["images"])))
        super()._log_invocation()


def main() -> None:
    module = Module(argument_spec=SPEC, supports_check_mode=True)
    host = Host(lambda command: module.run_command(list(command)))
    try:
        result = visit(host, module.params, module.check_mode)
    except K3sError as error:
        module.fail_json(msg=str(error), **error.facts)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
