"""Embedded etcd: how its members join, are promoted and leave."""

from __future__ import annotations

import base64
import http.client
import json
import secrets
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from . import log
from .layout import Layout, private_directory, write
from .pki import Store

CLIENT_PORT: Final = 2379
PEER_PORT: Final = 2380
REMOVED: Final = "permanently removed from the cluster"
LOCAL: Final = f"https://127.0.0.1:{CLIENT_PORT}"


class EtcdError(Exception):
    """etcd refused a request or did not answer."""


@dataclass(frozen=True)
class Member:
    """A member as the cluster sees it; one that was added but never started has no name."""

    id: str
    name: str
    peer_urls: tuple[str, ...]
    learner: bool = False

    @property
    def node(self) -> str:
        return node_of(self.name)

    @property
    def address(self) -> str:
        return urlsplit(self.peer_urls[0]).hostname or "" if self.peer_urls else ""


@dataclass(frozen=True)
class Join:
    """What a joining server has to do: be added first, or only start."""

    add: bool
    cluster: str


def node_of(member_name: str) -> str:
    """A member is called <node>-<8 hex digits>."""
    node, hyphen, _ = member_name.rpartition("-")
    return node if hyphen else member_name


def plan_join(members: Sequence[Member], name: str, node: str, address: str) -> Join:
    """Decide a join; a second member for the same node is refused, since it would cost the cluster a vote."""
    add = True
    cluster: list[str] = []
    for member in members:
        own_name = member.name or (name if member.address == address else "")
        if own_name == name and member.address == address:
            add = False
        elif node_of(own_name) == node:
            raise log.FatalError(
                "etcd cluster join failed: duplicate node name found, please choose a unique name for this node"
            )
        if own_name:
            cluster.append(f"{own_name}={member.peer_urls[0]}")
    if add:
        cluster.append(f"{name}=https://{address}:{PEER_PORT}")
    return Join(add, ",".join(cluster))


def members_to_remove(members: Sequence[Member], deleted_nodes: Mapping[str, str], own: str) -> list[Member]:
    """Members of Nodes that are being deleted, found by the member name in the Node's annotation; never our own."""
    names = set(deleted_nodes.values())
    return [member for member in members if member.name in names and member.name != own]


class Gateway:
    """etcd's own JSON gateway, by the client certificate of the API server."""

    def __init__(self, store: Store, endpoint: str = LOCAL) -> None:
        self._address = urlsplit(endpoint).netloc
        self._context = ssl.create_default_context(cafile=str(store.path("etcd/server-ca")))
        self._context.load_cert_chain(store.path("etcd/client"), store.path("etcd/client", "key"))

    def call(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        connection = http.client.HTTPSConnection(self._address, timeout=5, context=self._context)
        try:
            connection.request("POST", f"/v3/{path}", json.dumps(body or {}))
            response = connection.getresponse()
            answer: dict[str, Any] = json.loads(response.read() or b"{}")
        except (OSError, http.client.HTTPException, ValueError) as fault:
            raise EtcdError(str(fault)) from fault
        finally:
            connection.close()
        if response.status != 200:
            raise EtcdError(str(answer.get("message") or answer.get("error") or response.status))
        return answer

    def members(self) -> list[Member]:
        # The local view is enough, and it is the only one a learner or a server without quorum can give.
        found = self.call("cluster/member/list", {"linearizable": False}).get("members", [])
        return [
            Member(item["ID"], item.get("name", ""), tuple(item.get("peerURLs", [])), bool(item.get("isLearner")))
            for item in found
        ]

    def add_learner(self, address: str) -> None:
        self.call("cluster/member/add", {"peerURLs": [f"https://{address}:{PEER_PORT}"], "isLearner": True})

    def promote(self, member: Member) -> None:
        self.call("cluster/member/promote", {"ID": member.id})

    def remove(self, member: Member) -> None:
        self.call("cluster/member/remove", {"ID": member.id})

    def status(self) -> dict[str, Any]:
        return self.call("maintenance/status")

    def serves(self) -> bool:
        """Started, a voter, and in a cluster that has a leader."""
        try:
            status = self.status()
        except EtcdError:
            return False
        return not status.get("isLearner") and status.get("leader", "0") != "0" and not status.get("errors")

    def leads(self) -> bool:
        status = self.status()
        return bool(status.get("leader") == status["header"]["member_id"])

    def read(self, prefix: str) -> dict[str, bytes]:
        last = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        found = self.call("kv/range", {"key": _b64(prefix.encode()), "range_end": _b64(last.encode())}).get("kvs", [])
        return {base64.b64decode(kv["key"]).decode(): base64.b64decode(kv.get("value", "")) for kv in found}

    def put(self, key: str, value: bytes) -> None:
        self.call("kv/put", {"key": _b64(key.encode()), "value": _b64(value)})

    def delete(self, key: str) -> None:
        self.call("kv/deleterange", {"key": _b64(key.encode())})


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def has_data(layout: Layout) -> bool:
    return (layout.etcd / "member" / "wal").is_dir()


def tombstone(layout: Layout) -> Path:
    """Left by a member that was removed from its cluster: its data must not be started again."""
    return layout.etcd / "tombstone"


def member_name(layout: Layout, node: str) -> str:
    path = layout.etcd / "name"
    if path.exists():
        return path.read_text().strip()
    name = f"{node}-{secrets.token_hex(4)}"
    private_directory(layout.etcd)
    write(path, name)
    return name


def certificates(store: Store, node: str, addresses: Sequence[str]) -> None:
    names = ["localhost", "127.0.0.1", "::1", node, *addresses]
    store.ensure("etcd/client", "etcd/server-ca", "etcd-client")
    store.ensure("etcd/server-client", "etcd/server-ca", "etcd-server", names=names)
    store.ensure("etcd/peer-server-client", "etcd/peer-ca", "etcd-peer", names=names)


def flags(layout: Layout, store: Store, name: str, address: str, exposed: bool) -> dict[str, str]:
    """A server that no other may join keeps its datastore to itself."""
    own = f"https://{address}:{CLIENT_PORT}"
    peer = f"https://{address if exposed else '127.0.0.1'}:{PEER_PORT}"
    return {
        "name": name,
        "data-dir": str(layout.etcd),
        "listen-client-urls": f"{LOCAL},{own}" if exposed else LOCAL,
        "advertise-client-urls": own if exposed else LOCAL,
        "listen-peer-urls": f"{peer},https://127.0.0.1:{PEER_PORT}" if exposed else peer,
        "initial-advertise-peer-urls": f"https://{address}:{PEER_PORT}",
        "cert-file": str(store.path("etcd/server-client")),
        "key-file": str(store.path("etcd/server-client", "key")),
        "trusted-ca-file": str(store.path("etcd/server-ca")),
        "client-cert-auth": "",
        "peer-cert-file": str(store.path("etcd/peer-server-client")),
        "peer-key-file": str(store.path("etcd/peer-server-client", "key")),
        "peer-trusted-ca-file": str(store.path("etcd/peer-ca")),
        "peer-client-cert-auth": "",
        "heartbeat-interval": "200",
        "election-timeout": "2000",
        "snapshot-count": "10000",
        "listen-metrics-urls": "http://127.0.0.1:2381",
        "log-level": "warn",
        # The hosts are containers on one disk: a sync a write costs all of them time, and only protects
        # from the crash of that one machine.
        "unsafe-no-fsync": "true",
    }
