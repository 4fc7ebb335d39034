"""Who forms the cluster, who joins whom, and in which order the servers take their turn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .errors import K3sError

# What k3s_node and k3s_node_info say of a server under `node`; None for a server that could not be asked.
Looks = Mapping[str, "Mapping[str, Any] | None"]


def _seen(looks: Looks) -> dict[str, Mapping[str, Any]]:
    return {host: look for host, look in looks.items() if look}


def faults(looks: Looks) -> list[str]:
    """Servers that do not belong together, or too little known to form a cluster."""
    seen = _seen(looks)
    hashes = {host: str(look["ca_hash"]) for host, look in seen.items() if look["data"] and look["ca_hash"]}
    found = []
    if len(set(hashes.values())) > 1:
        told = ", ".join(f"{host} {value[:12]}" for host, value in hashes.items())
        found.append(
            f"the servers belong to different clusters (CA hashes: {told}); stop, keep the one with the data "
            "you want, and empty /var/lib/rancher/k3s/server on the others"
        )
    unseen = [host for host in looks if host not in seen]
    if unseen and not any(look["alive"] or look["data"] for look in seen.values()):
        found.append(
            f"no server lives, and {', '.join(unseen)} could not be asked whether data is there; a new cluster "
            "beside it would split the data. Make it reachable, or take it out of group k3s_servers"
        )
    return found


def order(looks: Looks) -> list[str]:
    """Stopped ones with data first, then living ones, then empty ones; else as in the inventory.

    A living one may restart in its turn, and until every stopped vote is back that could take etcd's majority.
    """
    seen = _seen(looks)
    return sorted(seen, key=lambda host: (seen[host]["alive"], False) if seen[host]["data"] else (True, True))


def _way(mode: str, look: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    told = {key: look[key] for key in ("url", "ca_hash", "ca_pem", "skew")}
    return {"mode": mode, **known, **told}


def join(looks: Looks, me: str, role: str = "server") -> dict[str, Any]:
    """How this host comes in: keeps its data, forms the cluster, or joins the first living server."""
    problems = faults(looks)
    if problems:
        raise K3sError("; ".join(problems))
    seen = _seen(looks)
    known = {"known": [str(look["url"]) for look in seen.values()], "all_known": len(seen) == len(looks)}
    if role == "server" and seen[me]["data"]:
        return _way("keep", seen[me], known)
    living = [host for host in seen if host != me and seen[host]["alive"]]
    if living:
        return _way("join", seen[living[0]], known)
    first = order(looks)[0]
    if role == "server" and me == first:
        return _way("init", seen[me], known)
    # Only check mode gets this far: the server it would join does not exist yet.
    return _way("join", {**seen[first], "ca_hash": "", "ca_pem": ""}, known)
