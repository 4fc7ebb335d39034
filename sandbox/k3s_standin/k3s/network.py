"""The pod network: a bridge on each node and a route to every other node's pods."""

from __future__ import annotations

import http.client
import json
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from . import log
from .api import ApiError, Client
from .layout import write

# Our routes carry a number of their own, so that those left behind are known.
PROTOCOL: Final = "84"
RETRY_SECONDS: Final = 0.3


@dataclass(frozen=True)
class Route:
    """Where the pods of another node are."""

    cidr: str
    via: str


def bridge(pod_cidr: str) -> str:
    """Pods of one node share a bridge; addresses leave it unchanged inside the cluster."""
    ipam = {"type": "host-local", "subnet": pod_cidr, "routes": [{"dst": "0.0.0.0/0"}]}
    plugins = [
        {"type": "bridge", "bridge": "cni0", "isGateway": True, "hairpinMode": True, "ipMasq": False, "ipam": ipam},
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ]
    return json.dumps({"cniVersion": "0.4.0", "name": "cbr0", "plugins": plugins}, indent=2)


def route_of(node: dict[str, Any]) -> Route | None:
    cidr = node.get("spec", {}).get("podCIDR", "")
    addresses = node.get("status", {}).get("addresses", [])
    via = next((item["address"] for item in addresses if item["type"] == "InternalIP"), "")
    return Route(cidr, via) if cidr and via else None


def api_address(node: dict[str, Any]) -> str:
    """Where a server's API is; nothing for a node that is no server."""
    if "node-role.kubernetes.io/control-plane" not in node["metadata"].get("labels", {}):
        return ""
    addresses = node.get("status", {}).get("addresses", [])
    found = next((item["address"] for item in addresses if item["type"] == "InternalIP"), "")
    return f"{found}:6443" if found else ""


class Network(threading.Thread):
    """Follows the Nodes for as long as K3s runs."""

    def __init__(self, api: Client, node: str, cni: Path, cluster_cidr: str, servers: Path | None) -> None:
        super().__init__(daemon=True, name="network")
        self._api = api
        self._node = node
        self._cni = cni
        self._cluster_cidr = cluster_cidr
        self._servers = servers
        self._routes: dict[str, Route] = {}
        self._apis: dict[str, str] = {}
        self.configured = threading.Event()

    def run(self) -> None:
        while True:
            try:
                for kind, found in self._api.watch("/api/v1/nodes"):
                    if kind == "SYNCED":
                        self._forget_stale()
                    else:
                        self._apply(kind, found)
            except (ApiError, OSError, http.client.HTTPException, ValueError) as fault:
                log.warning(f"network: watch of nodes ended: {fault}")
                time.sleep(RETRY_SECONDS)

    def _apply(self, kind: str, node: dict[str, Any]) -> None:
        name = node["metadata"]["name"]
        self._balance(kind, name, node)
        if name == self._node:
            if cidr := node.get("spec", {}).get("podCIDR", ""):
                self._configure(cidr)
            return
        route = None if kind == "DELETED" else route_of(node)
        known = self._routes.get(name)
        if route == known:
            return
        if known is not None:
            _run("ip", "route", "del", known.cidr, "proto", PROTOCOL)
            del self._routes[name]
        if route is not None:
            _run("ip", "route", "replace", route.cidr, "via", route.via, "proto", PROTOCOL)
            self._routes[name] = route

    def _balance(self, kind: str, name: str, node: dict[str, Any]) -> None:
        """Keep the load balancer's list: every server there is, whichever the agent joined by."""
        if self._servers is None:
            return
        address = "" if kind == "DELETED" else api_address(node)
        if self._apis.get(name, "") == address:
            return
        self._apis[name] = address
        found = sorted(filter(None, self._apis.values()))
        if found:
            first = self._servers.read_text().split()[:1]
            write(self._servers, "\n".join(dict.fromkeys([*first, *found])) + "\n")

    def _forget_stale(self) -> None:
        """Routes of an earlier cluster, or of nodes deleted while K3s did not run, lead astray."""
        wanted = {route.cidr for route in self._routes.values()}
        listed = subprocess.run(["ip", "-j", "route", "show", "proto", PROTOCOL], capture_output=True, check=False)
        for entry in json.loads(listed.stdout or "[]"):
            if entry["dst"] not in wanted:
                _run("ip", "route", "del", entry["dst"], "proto", PROTOCOL)

    def _configure(self, cidr: str) -> None:
        rule = ["POSTROUTING", "-s", cidr, "!", "-d", self._cluster_cidr, "-j", "MASQUERADE"]
        if not self.configured.is_set():
            if not _run("iptables", "-w", "-t", "nat", "-C", *rule, quiet=True):
                _run("iptables", "-w", "-t", "nat", "-A", *rule)
            for direction in ("-s", "-d"):
                accept = ["FORWARD", direction, self._cluster_cidr, "-j", "ACCEPT"]
                if not _run("iptables", "-w", "-C", *accept, quiet=True):
                    _run("iptables", "-w", "-A", *accept)
            _run("ip", "route", "del", cidr, "proto", PROTOCOL, quiet=True)
        write(self._cni / "10-flannel.conflist", bridge(cidr), 0o644)
        self.configured.set()


def keep_inside(service_cidr: str) -> None:
    """Refuse connections to service addresses that kube-proxy has not translated.

    Without this the API server's first look at an aggregated API, made before kube-proxy runs, leaves by the default
    route; where something out there accepts it, that connection is kept and used for ever.
    """
    for cidr in service_cidr.split(","):
        rule = ["OUTPUT", "-d", cidr, "-j", "REJECT"]
        if not _run("iptables", "-w", "-C", *rule, quiet=True):
            _run("iptables", "-w", "-A", *rule)


def _run(*command: str, quiet: bool = False) -> bool:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and not quiet:
        log.warning(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.returncode == 0
