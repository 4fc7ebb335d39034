"""The logs of the sandbox's parts."""

from __future__ import annotations

from sandbox import aws, engine, ministack
from sandbox.engine import Engine
from sandbox.errors import SandboxError
from sandbox.settings import MINISTACK_LABEL, Paths

KNOWN = "aws, engine, the name of a host (legacy, server-1, ...), an instance id, or part of a container's name"


def show(paths: Paths, what: str, lines: int) -> str:
    found = engine.find(paths)
    if found is None:
        raise SandboxError("there is no container engine", "python -m sandbox doctor")
    if what == "engine":
        log = found.socket.with_suffix(".log")
        if found.kind != "podman" or not log.exists():
            raise SandboxError("the engine keeps no log of its own here")
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    container = ministack.CONTAINER if what == "aws" else _container(found, what)
    done = found.run("logs", "--tail", str(lines), container, check=False)
    return done.stdout + done.stderr


def _container(found: Engine, what: str) -> str:
    wanted = _instance(what) or what
    names = found.output("ps", "--all", "--filter", f"label={MINISTACK_LABEL}", "--format", "{{.Names}}").split()
    matching = [name for name in names if wanted in name]
    if len(matching) != 1:
        raise SandboxError(f"{what} names {len(matching)} containers: {', '.join(matching) or 'none'}", f"use {KNOWN}")
    return matching[0]


def _instance(host: str) -> str:
    if not ministack.healthy():
        return ""
    filters = [{"Name": "tag:InventoryHost", "Values": [host]}, {"Name": "instance-state-name", "Values": ["running"]}]
    reservations = aws.client("ec2").describe_instances(Filters=filters)["Reservations"]
    return str(reservations[0]["Instances"][0]["InstanceId"]) if reservations else ""
