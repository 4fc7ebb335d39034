"""One visit to a node: look, refuse or plan, do, wait."""

from __future__ import annotations

import platform
import time
from collections.abc import Mapping
from typing import Any

from . import apply, evidence, names, plan, quorum, tokens
from .desired import SERVICES, build
from .errors import fail_on
from .host import Host
from .model import Action, Artifact, Current, Desired, Paths

ARCHES = {"x86_64": "amd64", "aarch64": "arm64"}
NOWHERE: dict[str, Any] = {
    "mode": "keep",
    "url": "",
    "ca_hash": "",
    "ca_pem": "",
    "known": [],
    "all_known": False,
    "skew": 0.0,
}


def told(params: Mapping[str, Any], current: Current, restart: bool = False) -> dict[str, Any]:
    """What the other hosts and the next tasks may know of this node."""
    return {
        "name": params["name"],
        "role": params["role"],
        "address": params["address"],
        "url": url(params["address"]),
        "version": current.version,
        "alive": current.alive,
        "data": current.data,
        "ca_hash": current.ca_hash,
        "ca_pem": current.ca_pem,
        "skew": params["skew"],
        "restart": restart,
        "labels": params.get("node_labels", {}),
        "taints": params.get("node_taints", []),
    }


def url(address: str) -> str:
    return f"https://[{address}]:6443" if ":" in address else f"https://{address}:6443"


def _skew(params: Mapping[str, Any]) -> float:
    return time.time() - params["controller_time"] if params.get("controller_time") else 0.0


def _faults(params: Mapping[str, Any], desired: Desired, current: Current) -> list[str]:
    found = plan.faults(desired, current, Paths.config)
    if abs(params["skew"]) > params["max_clock_skew"]:
        found.append(
            f"the clock is {params['skew']:+.0f} s off the controller's (at most {params['max_clock_skew']} s, "
            "k3s_common_max_clock_skew); start chrony or systemd-timesyncd"
        )
    if fault := names.node_fault(params["name"]):
        found.append(f"k3s_common_node_name {fault}")
    if not current.binary_sha256:
        found += evidence.clashes(current.addresses, evidence.ranges(params))
    return found


def _secret_faults(params: Mapping[str, Any], join: Mapping[str, Any], current: Current, check: bool) -> list[str]:
    secrets = params["secrets"]
    found = tokens.faults(params["role"], secrets.get("token", ""), secrets.get("agent_token", ""))
    if params["role"] == "server" and (fault := plan.token_fault(current, secrets.get("token", ""))):
        found.append(fault)
    if join["mode"] == "join" and not join["ca_hash"] and not check:
        found.append("no server of group k3s_servers lives that could be joined; bring up the servers first")
    return found


def visit(host: Host, given: Mapping[str, Any], check: bool) -> dict[str, Any]:
    """`staged` looks and fetches the binary beside the old one; `started` brings the node to its desired state."""
    began = time.monotonic()
    params = {**given, "skew": _skew(given), "secrets": given.get("secrets") or {}}
    join = {**NOWHERE, **(given.get("join") or {})}
    arch = ARCHES.get(platform.machine(), platform.machine())
    desired = build(params, join, arch, host.text(Paths.config) or "", host.text(Paths.token) or "")
    current = host.look(desired)
    faults = _faults(params, desired, current)
    if params["state"] == "started":
        faults += _secret_faults(params, join, current, check)
    fail_on(faults, f"{params['name']} cannot become a K3s {params['role']}; nothing was touched:")
    steps = plan.stage(desired, current) if params["state"] == "staged" else plan.plan(desired, current)
    if current.alive and params["wait_voter"] and any(step.kind == "restart" for step in steps):
        fault = quorum.fault(params["name"], quorum.look(host))
        fail_on([fault] if fault else [], f"{params['name']} is not restarted; nothing was touched:")
    restart = plan.restarts(desired, current)
    looked = time.monotonic()
    result: dict[str, Any] = {
        "changed": bool(steps),
        "actions": [f"{step.kind} {step.target}" for step in steps],
        "diff": plan.diff(steps),
    }
    if not check:
        result["timings"] = _do(host, params, join, desired, current, steps)
        if steps and params["state"] == "started":
            current = host.look(desired)
        host.remember_look()
    result["timings"] = {"look": round(looked - began, 2), **result.get("timings", {})}
    return {**result, "node": told(params, current, restart)}


def _do(
    host: Host,
    params: Mapping[str, Any],
    join: Mapping[str, Any],
    desired: Desired,
    current: Current,
    steps: list[Action],
) -> dict[str, float]:
    began = time.monotonic()
    apply.perform(host, desired, steps)
    host.remember_look()
    performed = time.monotonic()
    if params["state"] == "staged":
        return {"fetch": round(performed - began, 2)}
    kinds = {step.kind for step in steps}
    # Known from here on: a run that is cut short while it waits need not restart K3s the next time.
    host.remember(applied=desired.digest())
    if kinds or not current.alive:
        apply.wait(host, params, join, desired, current, "restart" in kinds)
    return {"steps": round(performed - began, 2), "wait": round(time.monotonic() - performed, 2)}


def info(host: Host, name: str, address: str, controller_time: float) -> dict[str, Any]:
    """What other hosts need to know of a server, with nothing asked of its settings."""
    desired = Desired(
        role="server", service=SERVICES["server"], version="", binary=Artifact(Paths.binary, "", ()), files=()
    )
    current = host.look(desired)
    params = {"name": name, "role": "server", "address": address, "skew": _skew({"controller_time": controller_time})}
    return told(params, current)
