"""The containers of the hosts: the local AWS goes on calling a host running whose container is gone or has stopped."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sandbox.engine import Engine
from sandbox.settings import MINISTACK_LABEL

INSTANCE_LABEL = "instance_id"


@dataclass(frozen=True)
class Lost:
    """A host that the API calls running; `container` is what stopped, or empty where there is none any more."""

    instance: str
    name: str
    container: str


def lost(ec2: Any, engine: Engine) -> list[Lost]:
    """Hosts that are called running and are not."""
    containers = _containers(engine)
    found = []
    for instance in _called_running(ec2):
        identity, running = containers.get(instance["InstanceId"], ("", False))
        if not running:
            tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])}
            found.append(Lost(instance["InstanceId"], tags.get("Name") or instance["InstanceId"], identity))
    return found


def mend(ec2: Any, engine: Engine) -> list[str]:
    """Start what stopped; tell the API of what is gone, so that the next run of site.yml makes it anew. What was done, a line each."""
    done = []
    for host in lost(ec2, engine):
        if host.container and engine.run("start", host.container, check=False).returncode == 0:
            done.append(f"{host.name} had stopped: started")
        else:
            ec2.terminate_instances(InstanceIds=[host.instance])
            done.append(f"{host.name} is gone: terminated, the next site.yml makes it anew")
    return done


def _called_running(ec2: Any) -> list[dict[str, Any]]:
    named = [{"Name": "instance-state-name", "Values": ["running"]}]
    pages = ec2.get_paginator("describe_instances").paginate(Filters=named)
    return [one for page in pages for reservation in page["Reservations"] for one in reservation["Instances"]]


def _containers(engine: Engine) -> dict[str, tuple[str, bool]]:
    """By instance: the container's id and whether it runs."""
    ids = engine.ids("ps", "--all", "--quiet", "--filter", f"label={MINISTACK_LABEL}=ec2")
    if not ids:
        return {}
    # A container that goes meanwhile makes the command fail; what it says of the others holds.
    said = engine.run("container", "inspect", *ids, check=False).stdout
    return {
        one["Config"]["Labels"][INSTANCE_LABEL]: (one["Id"], bool(one["State"]["Running"]))
        for one in json.loads(said or "[]")
        if INSTANCE_LABEL in one["Config"]["Labels"]
    }
