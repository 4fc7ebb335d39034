"""Whether etcd keeps its majority while one server restarts."""

from __future__ import annotations

from collections.abc import Mapping

from .host import Host
from .members import is_voter, summary

SERVERS = "/api/v1/nodes?labelSelector=node-role.kubernetes.io/etcd"


def fault(me: str, voters: Mapping[str, bool]) -> str | None:
    """What forbids a restart of `me`, of voters that answer or not. Where all answer there is none to wait for."""
    silent = sorted(name for name, answers in voters.items() if name != me and not answers)
    others = len(voters) - len(silent) - (me in voters)
    majority = len(voters) // 2 + 1
    if not silent or others >= majority:
        return None
    return (
        f"a restart of {me} would take etcd's majority: {', '.join(silent)} does not answer, and {others} of "
        f"{len(voters)} voters would be left, where {majority} are needed. Start it again first (systemctl start k3s "
        "there), or, if it is gone for good, take its vote: k3s kubectl delete node <name>"
    )


def look(host: Host) -> dict[str, bool]:
    """Every voter of etcd, and whether it serves; asked at its own API, since the Node tells of the past."""
    status, answer = host.api(SERVERS)
    voters = [summary(node) for node in answer["items"] if is_voter(node)] if status == 200 else []
    return {voter["name"]: host.ready(voter["internal"]) for voter in voters}
