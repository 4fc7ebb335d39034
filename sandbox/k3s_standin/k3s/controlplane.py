"""Certificates and flags of the Kubernetes control plane of one server."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Final

from .config import Config, component_flags
from .layout import SUPERVISOR_SOCKET, Layout
from .pki import Store

IDENTITIES: Final = {
    "admin": ("system:admin", ("system:masters",)),
    "controller": ("system:kube-controller-manager", ()),
    "scheduler": ("system:kube-scheduler", ()),
    "supervisor": ("system:k3s-supervisor", ("system:masters",)),
}
ENVIRONMENT: Final = {"K3S_SUPERVISOR_SOCKET": str(SUPERVISOR_SOCKET)}


def certificates(store: Store, config: Config, node: str, addresses: Sequence[str]) -> None:
    first_service = str(next(ipaddress.ip_network(config.values("service-cidr")[0]).hosts()))
    domain = config.text("cluster-domain")
    names = [
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        f"kubernetes.default.svc.{domain}",
        "localhost",
        "127.0.0.1",
        first_service,
        node,
        *addresses,
        *config.values("node-external-ip"),
        *config.values("tls-san"),
    ]
    store.ensure("serving-kube-apiserver", "server-ca", "kube-apiserver", names=names)
    for name, (user, groups) in IDENTITIES.items():
        store.ensure(f"client-{name}", "client-ca", user, groups)
    store.ensure("client-kube-apiserver", "client-ca", "system:apiserver", ("system:masters",))
    store.ensure("client-auth-proxy", "request-header-ca", "system:auth-proxy")


def apiserver(config: Config, store: Store, paths: Layout, address: str) -> list[str]:
    def crt(name: str) -> str:
        return str(store.path(name))

    def key(name: str) -> str:
        return str(store.path(name, "key"))

    issuer = f"https://kubernetes.default.svc.{config.text('cluster-domain')}"
    defaults = {
        "advertise-address": config.text("advertise-address") or address,
        "allow-privileged": "true",
        "anonymous-auth": "false",
        "authorization-mode": "Node,RBAC",
        "bind-address": config.text("bind-address") or "0.0.0.0",  # noqa: S104 - the one port of a server
        "client-ca-file": crt("client-ca"),
        "enable-admission-plugins": "NodeRestriction",
        "enable-bootstrap-token-auth": "true",
        "etcd-servers": "https://127.0.0.1:2379",
        "etcd-cafile": crt("etcd/server-ca"),
        "etcd-certfile": crt("etcd/client"),
        "etcd-keyfile": key("etcd/client"),
        "kubelet-certificate-authority": crt("server-ca"),
        "kubelet-client-certificate": crt("client-kube-apiserver"),
        "kubelet-client-key": key("client-kube-apiserver"),
        "kubelet-preferred-address-types": "InternalIP,ExternalIP,Hostname",
        "profiling": "false",
        "proxy-client-cert-file": crt("client-auth-proxy"),
        "proxy-client-key-file": key("client-auth-proxy"),
        "requestheader-allowed-names": "system:auth-proxy",
        "requestheader-client-ca-file": crt("request-header-ca"),
        "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        "requestheader-group-headers": "X-Remote-Group",
        "requestheader-username-headers": "X-Remote-User",
        "secure-port": config.text("https-listen-port"),
        "service-account-issuer": issuer,
        "api-audiences": f"{issuer},k3s",
        "service-account-key-file": key("service"),
        "service-account-signing-key-file": key("service"),
        "service-cluster-ip-range": config.text("service-cidr"),
        "service-node-port-range": config.text("service-node-port-range"),
        "tls-cert-file": crt("serving-kube-apiserver"),
        "tls-private-key-file": key("serving-kube-apiserver"),
    }
    encryption = paths.cred / "encryption-config.json"
    if encryption.exists():
        defaults["encryption-provider-config"] = str(encryption)
        defaults["encryption-provider-config-automatic-reload"] = "true"
    return component_flags(defaults, config.values("kube-apiserver-arg"))


def controller_manager(config: Config, store: Store, paths: Layout) -> list[str]:
    kubeconfig = str(paths.cred / "controller.kubeconfig")
    defaults = {
        "kubeconfig": kubeconfig,
        "authentication-kubeconfig": kubeconfig,
        "authorization-kubeconfig": kubeconfig,
        "allocate-node-cidrs": "true",
        "bind-address": "127.0.0.1",
        "cluster-cidr": config.text("cluster-cidr"),
        "cluster-signing-cert-file": str(store.path("client-ca")),
        "cluster-signing-key-file": str(store.path("client-ca", "key")),
        "configure-cloud-routes": "false",
        "controllers": "*,tokencleaner",
        # At the default rate the making of its own service accounts alone takes five seconds.
        "kube-api-burst": "300",
        "kube-api-qps": "200",
        "leader-elect": "true",
        "profiling": "false",
        "root-ca-file": str(store.path("server-ca")),
        "service-account-private-key-file": str(store.path("service", "key")),
        "service-cluster-ip-range": config.text("service-cidr"),
        "use-service-account-credentials": "true",
    }
    return component_flags(defaults, config.values("kube-controller-manager-arg"))


def scheduler(config: Config, paths: Layout) -> list[str]:
    kubeconfig = str(paths.cred / "scheduler.kubeconfig")
    defaults = {
        "kubeconfig": kubeconfig,
        "authentication-kubeconfig": kubeconfig,
        "authorization-kubeconfig": kubeconfig,
        "bind-address": "127.0.0.1",
        "leader-elect": "true",
        "profiling": "false",
    }
    return component_flags(defaults, config.values("kube-scheduler-arg"))
