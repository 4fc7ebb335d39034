"""Keys of config.yaml: which the roles write, which would break them, and which an agent knows."""

# ruff: noqa: SIM905  a hundred names read better as words than one a line

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

COMMON = "k3s_common_config"
SERVER = "k3s_common_server_config"
AGENT = "k3s_common_agent_config"

OWNED = frozenset(
    """server cluster-init token-file agent-token-file node-name node-taint tls-san cluster-cidr service-cidr disable
    secrets-encryption write-kubeconfig-mode protect-kernel-defaults image-credential-provider-config
    image-credential-provider-bin-dir""".split()
)
SECRET = frozenset(
    """token agent-token datastore-endpoint etcd-s3-access-key etcd-s3-secret-key etcd-s3-session-token
    vpn-auth""".split()
)
# K3s takes these, and the roles would then look in the wrong place; each with what to do instead.
BREAKING: Mapping[str, str] = {
    "data-dir": "the roles look into /var/lib/rancher/k3s; mount a volume there instead",
    "https-listen-port": "the roles, the security groups and the nodes speak to port 6443; remove it",
    "bind-address": "the roles ask K3s on 127.0.0.1; close the port by a security group instead",
    "config": "K3s reads /etc/rancher/k3s/config.yaml, which the roles write; put the keys into this variable instead",
    "write-kubeconfig": (
        "the roles read /etc/rancher/k3s/k3s.yaml; set k3s_server_kubeconfig for the copy on the controller"
    ),
    "private-registry": "the roles write /etc/rancher/k3s/registries.yaml; set k3s_common_registries instead",
    "node-label": (
        "K3s reads it when a node registers, and never again; set k3s_server_node_labels or k3s_agent_node_labels"
    ),
    "with-node-id": "the node would have another name than k3s_common_node_name, and would not be found; remove it",
    "disable-agent": "a server without a node cannot be proved Ready; taint it with k3s_server_node_taints instead",
    "cluster-reset": "it would be done again at each start; run k3s server --cluster-reset by hand, once",
    "cluster-reset-restore-path": "it belongs to --cluster-reset, which is run by hand, once; remove it",
}
# docs.k3s.io/cli/agent. An agent ends at any other key, where a server skips one it does not know.
AGENT_KNOWS = frozenset(
    """v vmodule log alsologtostderr debug config token token-file server bind-address data-dir node-name with-node-id
    node-label node-taint image-credential-provider-bin-dir image-credential-provider-config selinux lb-server-port
    protect-kernel-defaults container-runtime-endpoint default-runtime pause-image snapshotter private-registry
    disable-default-registry-endpoint airgap-extra-registry nonroot-devices node-ip node-external-ip node-internal-dns
    node-external-dns resolv-conf flannel-iface flannel-conf flannel-cni-conf kubelet-arg kube-proxy-arg enable-pprof
    rootless prefer-bundled-bin docker vpn-auth vpn-auth-file disable-apiserver-lb""".split()
)


def faults(configs: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What is wrong with the further keys of config.yaml, by the variable that has them."""
    return [
        f"{variable} has {key}, {fault}"
        for variable, config in configs.items()
        for key in config
        if (fault := _fault(variable, str(key).rstrip("+")))
    ]


def _fault(variable: str, key: str) -> str:
    if key in OWNED:
        return "which the roles write from their own options; remove it there"
    if key in SECRET:
        return "a secret that does not belong into config.yaml; remove it there"
    if key in BREAKING:
        return f"which the roles cannot follow: {BREAKING[key]}"
    if variable != SERVER and key not in AGENT_KNOWS:
        mend = "remove it there" if variable == AGENT else f"move it to {SERVER}"
        return f"which no agent knows: it would end with 'flag provided but not defined: -{key}'; {mend}"
    return ""
