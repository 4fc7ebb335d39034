"""K3s configuration: flags over config.yaml over config.yaml.d, and the K3S_* environment."""

# ruff: noqa: SIM905 - a hundred names read better as words than one a line

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from . import log

Value = str | bool | list[str]

BOOLEANS: Final = frozenset(
    """cluster-init cluster-reset secrets-encryption protect-kernel-defaults with-node-id debug docker rootless selinux
    disable-apiserver disable-controller-manager disable-scheduler disable-agent disable-cloud-controller
    disable-etcd disable-helm-controller disable-kube-proxy disable-network-policy disable-default-registry-endpoint
    embedded-registry etcd-disable-snapshots etcd-expose-metrics etcd-s3 etcd-snapshot-compress flannel-ipv6-masq
    flannel-external-ip prefer-bundled-bin enable-pprof tls-san-security disable-apiserver-lb
    supervisor-metrics servicelb-namespace-scoped alsologtostderr""".split()
)
LISTS: Final = frozenset(
    """tls-san node-label node-taint kubelet-arg kube-proxy-arg kube-apiserver-arg kube-controller-manager-arg
    kube-scheduler-arg kube-cloud-controller-manager-arg etcd-arg disable node-ip node-external-ip cluster-cidr
    service-cidr cluster-dns airgap-extra-registry node-internal-dns node-external-dns""".split()
)
TEXTS: Final = frozenset(
    """token token-file agent-token agent-token-file server data-dir node-name advertise-address advertise-port
    bind-address https-listen-port cluster-domain cluster-reset-restore-path service-node-port-range
    secrets-encryption-provider write-kubeconfig write-kubeconfig-mode write-kubeconfig-group config
    image-credential-provider-config image-credential-provider-bin-dir private-registry pause-image snapshotter
    resolv-conf default-local-storage-path flannel-backend flannel-iface flannel-conf flannel-cni-conf
    egress-selector-mode lb-server-port datastore-endpoint datastore-cafile datastore-certfile datastore-keyfile
    etcd-snapshot-name etcd-snapshot-dir etcd-snapshot-retention etcd-snapshot-schedule-cron
    etcd-snapshot-reconcile-interval etcd-s3-endpoint etcd-s3-endpoint-ca etcd-s3-skip-ssl-verify etcd-s3-access-key
    etcd-s3-secret-key etcd-s3-bucket etcd-s3-region etcd-s3-folder etcd-s3-config-secret system-default-registry
    container-runtime-endpoint default-runtime helm-job-image log log-file v vmodule kine-tls nonroot-devices
    vpn-auth vpn-auth-file""".split()
)
# docs.k3s.io/cli/agent: an agent ends at any other key of its files.
AGENT: Final = frozenset(
    """v vmodule log alsologtostderr debug config token token-file server bind-address data-dir node-name with-node-id
    node-label node-taint image-credential-provider-bin-dir image-credential-provider-config selinux lb-server-port
    protect-kernel-defaults container-runtime-endpoint default-runtime pause-image snapshotter private-registry
    disable-default-registry-endpoint airgap-extra-registry nonroot-devices node-ip node-external-ip node-internal-dns
    node-external-dns resolv-conf flannel-iface flannel-conf flannel-cni-conf kubelet-arg kube-proxy-arg enable-pprof
    rootless prefer-bundled-bin docker vpn-auth vpn-auth-file disable-apiserver-lb""".split()
)
SHORT: Final = {"-t": "token", "-s": "server", "-c": "config", "-d": "data-dir", "-o": "write-kubeconfig"}
ENVIRONMENT: Final = {
    "K3S_TOKEN": "token",
    "K3S_TOKEN_FILE": "token-file",
    "K3S_AGENT_TOKEN": "agent-token",
    "K3S_AGENT_TOKEN_FILE": "agent-token-file",
    "K3S_URL": "server",
    "K3S_NODE_NAME": "node-name",
    "K3S_CLUSTER_INIT": "cluster-init",
    "K3S_DATA_DIR": "data-dir",
    "K3S_DATASTORE_ENDPOINT": "datastore-endpoint",
    "K3S_KUBECONFIG_OUTPUT": "write-kubeconfig",
    "K3S_KUBECONFIG_MODE": "write-kubeconfig-mode",
}
# Keys that every server of a cluster must agree on ("critical" in the docs page cli/server).
CRITICAL: Final = (
    "cluster-cidr",
    "cluster-dns",
    "cluster-domain",
    "disable",
    "disable-cloud-controller",
    "disable-helm-controller",
    "disable-kube-proxy",
    "disable-network-policy",
    "egress-selector-mode",
    "embedded-registry",
    "flannel-backend",
    "flannel-external-ip",
    "flannel-ipv6-masq",
    "secrets-encryption",
    "secrets-encryption-provider",
    "service-cidr",
)
DEFAULTS: Final[Mapping[str, Value]] = {
    "data-dir": "/var/lib/rancher/k3s",
    "cluster-cidr": ["10.42.0.0/16"],
    "service-cidr": ["10.43.0.0/16"],
    "cluster-dns": ["10.43.0.10"],
    "cluster-domain": "cluster.local",
    "service-node-port-range": "30000-32767",
    "secrets-encryption-provider": "aescbc",
    "egress-selector-mode": "agent",
    "flannel-backend": "vxlan",
    "write-kubeconfig-mode": "600",
    "https-listen-port": "6443",
    "lb-server-port": "6444",
    "etcd-snapshot-name": "etcd-snapshot",
    "etcd-snapshot-retention": "5",
    "etcd-snapshot-schedule-cron": "0 */12 * * *",
    "snapshotter": "overlayfs",
}


@dataclass
class Config:
    """The options in force, by their K3s names."""

    options: dict[str, Value] = field(default_factory=dict)

    def text(self, name: str) -> str:
        value = self.options.get(name, DEFAULTS.get(name, ""))
        if isinstance(value, list):
            return ",".join(value)
        return str(value).lower() if isinstance(value, bool) else value

    def flag(self, name: str) -> bool:
        return self.options.get(name, False) is True

    def values(self, name: str) -> list[str]:
        value = self.options.get(name, DEFAULTS.get(name, []))
        items = value if isinstance(value, list) else [str(value)]
        if name.endswith("-arg") or name in ("node-label", "node-taint"):
            return list(items)
        return [part for item in items for part in item.split(",") if part]

    def disabled(self, part: str) -> bool:
        return part in self.values("disable")

    def critical(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name in CRITICAL:
            if name in BOOLEANS:
                found[name] = self.flag(name)
            elif name in LISTS:
                found[name] = sorted(self.values(name))
            else:
                found[name] = self.text(name)
        return found

    def secret(self, name: str) -> str:
        """A token given in place or by file."""
        if given := self.text(name):
            return given.strip()
        if path := self.text(f"{name}-file"):
            try:
                return Path(path).read_text().strip()
            except OSError as fault:
                raise log.FatalError(f"open {path}: {fault.strerror}") from fault
        return ""


def known(name: str, verb: str = "server") -> bool:
    return (name in BOOLEANS or name in LISTS or name in TEXTS) and (verb != "agent" or name in AGENT)


def truth(value: object) -> bool:
    return str(value).lower() in ("true", "1", "yes", "t")


def _typed(name: str, value: object) -> Value:
    if name in BOOLEANS:
        return truth(value)
    if name in LISTS:
        return [_plain(item) for item in value] if isinstance(value, list) else [_plain(value)]
    if isinstance(value, list):
        raise log.FatalError(f'invalid value for flag "{name}": a list where one value is wanted')
    return _plain(value)


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def parse_flags(arguments: Sequence[str], verb: str = "server") -> dict[str, Value]:
    """Command line flags; a list flag may be repeated."""
    found: dict[str, Value] = {}
    items: Iterator[str] = iter(arguments)
    for item in items:
        flag, equals, value = item.partition("=")
        name = SHORT.get(flag, flag.lstrip("-"))
        if not flag.startswith("-") or not known(name, verb):
            raise log.FatalError(f"flag provided but not defined: -{name}")
        if name in BOOLEANS:
            found[name] = truth(value) if equals else True
            continue
        if not equals:
            following = next(items, None)
            if following is None:
                raise log.FatalError(f"flag needs an argument: -{name}")
            value = following
        if name in LISTS:
            earlier = found.get(name, [])
            found[name] = [*(earlier if isinstance(earlier, list) else []), value]
        else:
            found[name] = value
    return found


def read_files(main: Path, verb: str = "server") -> dict[str, Value]:
    """config.yaml, then config.yaml.d in alphabetical order: the later wins, `key+` appends."""
    files = [main, *sorted(Path(f"{main}.d").glob("*.y*ml"))]
    merged: dict[str, Value] = {}
    for path in files:
        if not path.exists():
            continue
        try:
            content = yaml.safe_load(path.read_text()) or {}
        except yaml.YAMLError as fault:
            raise log.FatalError(f"failed to parse {path}: {fault}") from fault
        if not isinstance(content, dict):
            raise log.FatalError(f"failed to parse {path}: not a map of options")
        merge(merged, content, str(path), verb)
    return merged


def merge(merged: dict[str, Value], content: Mapping[str, Any], origin: str, verb: str = "server") -> None:
    """A server skips a key that it does not know; for an agent the files are flags like those of its command line."""
    for key, value in content.items():
        name = str(key).removesuffix("+")
        if not known(name, verb):
            if verb == "agent":
                raise log.FatalError(f"flag provided but not defined: -{name}")
            log.warning(f"Unknown flag --{name} found in {origin}, skipping")
            continue
        if value is None:
            continue
        typed = _typed(name, value)
        earlier = merged.get(name)
        if str(key).endswith("+") and isinstance(earlier, list) and isinstance(typed, list):
            typed = [*earlier, *typed]
        merged[name] = typed


def load(arguments: Sequence[str], environment: Mapping[str, str], verb: str = "server") -> Config:
    flags = parse_flags(arguments, verb)
    main = Path(str(flags.get("config") or environment.get("K3S_CONFIG_FILE") or "/etc/rancher/k3s/config.yaml"))
    options: dict[str, Value] = {}
    for variable, name in ENVIRONMENT.items():
        if environment.get(variable) and known(name, verb):
            options[name] = _typed(name, environment[variable])
    options.update(read_files(main, verb))
    options.update(flags)
    return Config(options)


def component_flags(defaults: Mapping[str, str], extra: Sequence[str]) -> list[str]:
    """Flags of a component: an argument of the user replaces the default of that name."""
    merged = dict(defaults)
    order: dict[str, list[str]] = {name: [value] for name, value in merged.items()}
    given: set[str] = set()
    for argument in extra:
        name, _, value = argument.lstrip("-").partition("=")
        if name in given:
            order[name].append(value)
        else:
            order[name] = [value]
            given.add(name)
    return [f"--{name}={value}" if value else f"--{name}" for name, values in order.items() for value in values]
