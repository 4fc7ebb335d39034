"""The agent: container runtime, kubelet, kube-proxy and pod network of one node."""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import yaml

from . import containerd, layout, log, node, supervisor, tokens
from .api import Client
from .config import Config, component_flags
from .join import JoinError, Supervisor
from .layout import Layout, write
from .network import Network
from .processes import Processes, notify, wait_for

NODE_CONFIG: Final = "node-config.json"
RETRY_SECONDS: Final = 0.3
REJECTED_SECONDS: Final = 5.0
REPEATED_SECONDS: Final = 2.0


def kubeconfig(server: str, ca: Path, certificate: Path, key: Path) -> str:
    def inline(path: Path) -> str:
        return base64.b64encode(path.read_bytes()).decode()

    cluster = {"server": server, "certificate-authority-data": inline(ca)}
    user = {"client-certificate-data": inline(certificate), "client-key-data": inline(key)}
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "default", "cluster": cluster}],
            "users": [{"name": "default", "user": user}],
            "contexts": [{"name": "default", "context": {"cluster": "default", "user": "default"}}],
            "current-context": "default",
            "preferences": {},
        }
    )


def kubelet_configuration(paths: Layout, cluster: Mapping[str, Any], config: Config) -> dict[str, Any]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": "0.0.0.0",  # noqa: S104 - the kubelet serves logs and metrics to the API server
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True, "cacheTTL": "2m0s"},
            "x509": {"clientCAFile": str(paths.agent / "client-ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": "cgroupfs",
        "clusterDNS": cluster["clusterDNS"],
        "clusterDomain": cluster["clusterDomain"],
        "containerRuntimeEndpoint": f"unix://{layout.CONTAINERD_SOCKET}",
        "evictionHard": {"imagefs.available": "1%", "nodefs.available": "1%"},
        "evictionMinimumReclaim": {"imagefs.available": "1%", "nodefs.available": "1%"},
        "failSwapOn": False,
        "healthzBindAddress": "127.0.0.1",
        "protectKernelDefaults": config.flag("protect-kernel-defaults"),
        "resolvConf": config.text("resolv-conf") or "/etc/resolv.conf",
        "serializeImagePulls": False,
        "staticPodPath": str(paths.agent / "pod-manifests"),
        "tlsCertFile": str(paths.agent / "serving-kubelet.crt"),
        "tlsPrivateKeyFile": str(paths.agent / "serving-kubelet.key"),
    }


def kubelet_flags(config: Config, paths: Layout, name: str, address: str) -> list[str]:
    defaults = {
        "config": str(paths.agent / "etc" / "kubelet.yaml"),
        "config-dir": str(paths.agent / "etc" / "kubelet.conf.d"),
        "kubeconfig": str(paths.agent / "kubelet.kubeconfig"),
        "hostname-override": name,
        "node-ip": ",".join(config.values("node-ip")) or address,
        "root-dir": "/var/lib/kubelet",
    }
    if labels := config.values("node-label"):
        defaults["node-labels"] = ",".join(labels)
    if taints := config.values("node-taint"):
        defaults["register-with-taints"] = ",".join(taints)
    provider = Path(config.text("image-credential-provider-config") or layout.CREDENTIAL_PROVIDER / "config.yaml")
    binaries = config.text("image-credential-provider-bin-dir") or str(layout.CREDENTIAL_PROVIDER / "bin")
    if provider.exists() and Path(binaries).is_dir():
        defaults["image-credential-provider-config"] = str(provider)
        defaults["image-credential-provider-bin-dir"] = binaries
    return component_flags(defaults, config.values("kubelet-arg"))


def proxy_flags(config: Config, paths: Layout, cluster: Mapping[str, Any], name: str) -> list[str]:
    defaults = {
        "kubeconfig": str(paths.agent / "kubeproxy.kubeconfig"),
        "hostname-override": name,
        "cluster-cidr": cluster["clusterCIDR"],
        "proxy-mode": "iptables",
        "healthz-bind-address": "127.0.0.1:10256",
        # The kernel's connection table is not ours to resize inside a container.
        "conntrack-max-per-core": "0",
        "conntrack-tcp-timeout-established": "0s",
        "conntrack-tcp-timeout-close-wait": "0s",
    }
    return component_flags(defaults, config.values("kube-proxy-arg"))


class Agent:
    """One node. `server_url` is where it reaches the API: a server asks itself, an agent its load balancer."""

    def __init__(self, config: Config, paths: Layout, processes: Processes, server_url: str) -> None:
        self.config = config
        self.paths = paths
        self.processes = processes
        self.url = server_url
        self.name = node.name(config)
        self.address = node.address(config)

    def start_runtime(self) -> None:
        self.paths.images.mkdir(parents=True, exist_ok=True)
        self.processes.start("containerd", ["--config", str(containerd.prepare(self.config, self.paths))])

    def start(self, joined: Supervisor, pause_image: Path) -> None:
        cluster = self._retrieve(joined)
        self._write_configuration(cluster)
        self.processes.wait_for(_answers, 30, "containerd")
        containerd.import_image(pause_image)
        self.processes.start("kubelet", kubelet_flags(self.config, self.paths, self.name, self.address))
        threading.Thread(target=containerd.import_images, args=(self.paths,), daemon=True, name="images").start()
        if not self.config.flag("disable-kube-proxy"):
            self.processes.start("kube-proxy", proxy_flags(self.config, self.paths, cluster, self.name))
        agent = self.paths.agent
        host = urlsplit(self.url)
        api = Client(
            host.hostname or "",
            host.port or 6443,
            agent / "server-ca.crt",
            agent / "client-kube-proxy.crt",
            agent / "client-kube-proxy.key",
        )
        Network(api, self.name, self.paths.cni, cluster["clusterCIDR"], self._balanced()).start()

    def _balanced(self) -> Path | None:
        return servers_file(self.paths) if self.url.endswith(f":{self.config.text('lb-server-port')}") else None

    def _retrieve(self, joined: Supervisor) -> dict[str, Any]:
        """Ask for certificates until a server gives them; say why not, when the reason changes and every few seconds."""
        last, said = "", 0.0
        while True:
            try:
                return self._certificates(joined)
            except (JoinError, log.FatalError) as fault:
                if str(fault) != last or time.monotonic() - said > REPEATED_SECONDS:
                    last, said = str(fault), time.monotonic()
                    log.error(f"Waiting to retrieve agent configuration; server is not ready: {last}")
            time.sleep(RETRY_SECONDS if last != node.REJECTED else REJECTED_SECONDS)
            self.processes.check()

    def _certificates(self, joined: Supervisor) -> dict[str, Any]:
        agent = self.paths.agent
        cluster: dict[str, Any] = joined.get_json("/v1-k3s/config")
        identity = {
            supervisor.NODE_NAME: self.name,
            supervisor.NODE_PASSWORD: node.password(),
            supervisor.NODE_ADDRESS: ",".join([self.address, *self.config.values("node-external-ip")]),
        }
        write(agent / "server-ca.crt", joined.certificate_authority(), 0o644)
        write(agent / "client-ca.crt", joined.get("/v1-k3s/client-ca.crt"), 0o644)
        for name in ("client-kubelet", "serving-kubelet", "client-kube-proxy"):
            certificate, key = split_pem(joined.get(f"/v1-k3s/{name}.crt", identity))
            write(agent / f"{name}.key", key)
            write(agent / f"{name}.crt", certificate, 0o644)
        return cluster

    def _write_configuration(self, cluster: Mapping[str, Any]) -> None:
        agent = self.paths.agent
        for name, identity in (("kubelet", "client-kubelet"), ("kubeproxy", "client-kube-proxy")):
            content = kubeconfig(
                self.url, agent / "server-ca.crt", agent / f"{identity}.crt", agent / f"{identity}.key"
            )
            write(agent / f"{name}.kubeconfig", content)
        (agent / "etc" / "kubelet.conf.d").mkdir(parents=True, exist_ok=True)
        (agent / "pod-manifests").mkdir(parents=True, exist_ok=True)
        write(agent / "etc" / "kubelet.yaml", yaml.safe_dump(kubelet_configuration(self.paths, cluster, self.config)))
        write(agent / "etc" / NODE_CONFIG, json.dumps(dict(cluster)))


def split_pem(text: bytes) -> tuple[bytes, bytes]:
    """Certificates first, then the key, as the supervisor sends them."""
    marker = b"-----BEGIN EC PRIVATE KEY-----"
    certificate, found, key = text.partition(marker)
    if not found:
        raise JoinError("the server sent no key")
    return certificate, found + key


def _answers() -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(layout.CONTAINERD_SOCKET)) == 0


def servers_file(paths: Layout) -> Path:
    return paths.agent / "etc" / "servers"


def run(config: Config, processes: Processes, pause_image: Path) -> None:
    """`k3s agent`: everything goes through the client load balancer, as in K3s."""
    url = config.text("server")
    if not url:
        raise log.FatalError("--server is required")
    text = config.secret("token")
    if not text:
        raise log.FatalError("--token is required")
    paths = Layout(Path(config.text("data-dir")))
    token = tokens.parse(text)
    joined = Supervisor(url, token, tokens.NODE)
    parts = urlsplit(joined.url)
    servers = servers_file(paths)
    known = servers.read_text().split() if servers.exists() else []
    write(servers, "\n".join(dict.fromkeys([parts.netloc, *known])) + "\n")
    port = config.text("lb-server-port")
    processes.start("balancer", [f"--listen=127.0.0.1:{port}", f"--servers={servers}"])
    log.info(f"Running load balancer k3s-agent-load-balancer 127.0.0.1:{port} -> {servers.read_text().split()}")
    local = f"https://127.0.0.1:{port}"
    agent = Agent(config, paths, processes, local)
    agent.start_runtime()
    wait_for(lambda: processes.alive("balancer"), 5, "the load balancer")
    agent.start(Supervisor(local, token, tokens.NODE), pause_image)
    log.info("k3s agent is up and running")
    notify("READY=1")
    processes.supervise()
