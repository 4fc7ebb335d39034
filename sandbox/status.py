"""What of the sandbox is there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from sandbox import aws, engine, ministack, podman_service
from sandbox.engine import Engine
from sandbox.settings import ENDPOINT, NAME, Paths


@dataclass(frozen=True)
class Line:
    what: str
    good: bool
    text: str


def look(paths: Paths) -> list[Line]:
    found = engine.find(paths)
    if found is None:
        return [Line("container engine", False, "none")]
    lines = [Line("container engine", True, f"{found.kind} {found.version}")]
    if found.kind == "podman":
        answers = podman_service.answers(found.socket)
        lines.append(Line("engine service", answers, str(found.socket) if answers else "does not answer"))
    lines.append(_network(found))
    healthy = ministack.healthy()
    lines.append(Line("MiniStack", healthy, ENDPOINT if healthy else "does not answer"))
    lines.append(Line("env", paths.env.exists() and paths.vars.exists(), str(paths.env)))
    if healthy:
        lines += _contents()
    return lines


def _network(found: Engine) -> Line:
    there = found.inspect("network", NAME) is not None
    return Line("network", there, NAME if there else "missing")


def _contents() -> Iterable[Line]:
    try:
        yield from _hosts(aws.client("ec2").describe_instances()["Reservations"])
        for cluster in aws.client("rds").describe_db_clusters()["DBClusters"]:
            yield _store(f"Aurora {cluster['DBClusterIdentifier']}", cluster["Status"], cluster["Endpoint"])
        for group in aws.client("elasticache").describe_replication_groups()["ReplicationGroups"]:
            address = (group.get("NodeGroups") or [{}])[0].get("PrimaryEndpoint", {}).get("Address", "")
            yield _store(f"Redis {group['ReplicationGroupId']}", group["Status"], address)
    except (BotoCoreError, ClientError) as error:
        yield Line("contents", False, str(error))


def _hosts(reservations: list[dict[str, Any]]) -> Iterable[Line]:
    for instance in (instance for reservation in reservations for instance in reservation["Instances"]):
        state = instance["State"]["Name"]
        if state != "terminated":
            tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])}
            name = tags.get("Name") or instance["InstanceId"]
            yield Line(f"host {name}", state == "running", f"{instance['PrivateIpAddress']} {state}")


def _store(name: str, state: str, address: str) -> Line:
    return Line(name, state == "available", f"{address} {state}")
