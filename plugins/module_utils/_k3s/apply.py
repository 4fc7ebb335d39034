"""Doing the steps of a plan, and waiting until K3s serves."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping
from typing import Any

from . import diagnosis, evidence
from .errors import K3sError
from .fetch import fetch
from .host import Host, staged
from .model import Action, Artifact, Current, Desired, Paths
from .versions import printed

POLL_SECONDS = 0.25
TOOLS = ("/usr/local/bin", "/usr/bin", "/usr/sbin", "/usr/local/sbin")
LOOK_AGAIN_SECONDS = 2.0
PATIENCE_SECONDS = 3.0


def stage(host: Host, desired: Desired) -> None:
    """Fetch the binary beside the installed one, and let it say its version."""
    target = host.paths.at(staged(desired.binary.sha256))
    shutil.rmtree(host.paths.at(Paths.staging), ignore_errors=True)
    fetch(desired.binary, target, "k3s_common_sha256")
    code, out, err = host.run([str(target), "--version"])
    version = printed(out) if code == 0 else ""
    if version != desired.version:
        shutil.rmtree(host.paths.at(Paths.staging), ignore_errors=True)
        said = f"says it is {version}" if version else f"does not run here ({(err or out).strip()[:200]})"
        raise K3sError(
            f"the fetched K3s {said}, but k3s_common_version is {desired.version}; set k3s_common_version, "
            "k3s_common_urls and k3s_common_sha256 together. Nothing was replaced"
        )
    host.fetched(staged(desired.binary.sha256), desired.binary.sha256, version)


def _install(host: Host, desired: Desired) -> None:
    target = host.paths.at(Paths.binary)
    os.replace(host.paths.at(staged(desired.binary.sha256)), target)
    host.moved(staged(desired.binary.sha256), Paths.binary)
    shutil.rmtree(host.paths.at(Paths.staging), ignore_errors=True)
    for name in ("kubectl", "crictl", "ctr"):
        # A tool of the host's own containerd or kubectl keeps its name.
        places = [host.paths.at(f"{directory}/{name}") for directory in TOOLS]
        if not any(place.exists() or place.is_symlink() for place in places):
            target.with_name(name).symlink_to(target.name)


def _extra(host: Host, artifact: Artifact) -> None:
    fetch(artifact, host.paths.at(artifact.path), "the sha256 beside its address")


def perform(host: Host, desired: Desired, steps: list[Action]) -> None:
    files = {file.path: file for file in desired.files}
    extras = {extra.path: extra for extra in desired.extras}
    todo: dict[str, Callable[[str], None]] = {
        "fetch": lambda _target: stage(host, desired),
        "install": lambda _target: _install(host, desired),
        "extra": lambda target: _extra(host, extras[target]),
        "write": lambda target: host.write(target, files[target].content, files[target].mode),
        "mode": lambda target: host.paths.at(target).chmod(files[target].mode),
        "remove": host.remove,
        "sysctl": lambda target: _sysctl(host, target, desired.sysctls[target]),
        "reload": lambda _target: host.systemctl("daemon-reload"),
        "enable": lambda target: host.systemctl("enable", "--no-reload", target),
        "start": lambda target: host.systemctl("start", "--no-block", target),
        "restart": lambda target: host.systemctl("restart", "--no-block", target),
    }
    for step in steps:
        todo[step.kind](step.target)


def _sysctl(host: Host, name: str, value: str) -> None:
    code, _out, err = host.run(["sysctl", "-q", "-w", f"{name}={value}"])
    if code:
        raise K3sError(f"sysctl {name}={value} was refused: {err.strip()}")


def _serves(host: Host, params: Mapping[str, Any], desired: Desired) -> bool:
    if desired.role == "agent":
        return host.paths.at(f"{Paths.data}/agent/kubelet.kubeconfig").exists()
    if not host.ready():
        return False
    if not params["wait_voter"]:
        return True
    status, node = host.api(f"/api/v1/nodes/{params['name']}")
    conditions = node["status"].get("conditions", []) if status == 200 else []
    return any(one["type"] == "EtcdIsVoter" and one["status"] == "True" for one in conditions)


def wait(
    host: Host, params: Mapping[str, Any], join: Mapping[str, Any], desired: Desired, current: Current, restarted: bool
) -> None:
    """Until the new process serves; ends early when the evidence says that waiting is of no use."""
    began = time.monotonic()
    journal = evidence.Journal(host, desired.service, time.time() - 1, params["secrets"].values())
    last_look = began
    suspected = False
    while True:
        # First what costs no process of its own: this is asked four times a second, beside a K3s that starts.
        if _serves(host, params, desired):
            service = host.service(desired.service)
            if service.running and (not restarted or service.invocation != current.service.invocation):
                return
        now = time.monotonic()
        over = now - began > params["wait_timeout"]
        if over or (now - began > PATIENCE_SECONDS and now - last_look > LOOK_AGAIN_SECONDS):
            last_look = now
            seen = evidence.gather(host, params, join, desired.service, journal)
            sure = diagnosis.final(seen)
            if over or (sure and suspected):
                raise K3sError(
                    diagnosis.report(seen, params["name"], time.monotonic() - began),
                    causes=[cause.text for cause in diagnosis.causes(seen, params["name"])],
                    journal=list(seen.tail),
                )
            # Seen twice, since a process of before may have written its last line just now.
            suspected = suspected or sure
        time.sleep(POLL_SECONDS)
