"""From what is and what shall be to the steps between. Nothing here touches a host."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from . import tokens, versions
from .model import MARKER, Action, Current, Desired, File

# Set when the cluster is formed; K3s refuses to start, or loses addresses, when they change later.
FIXED = ("cluster-cidr", "service-cidr", "cluster-domain", "secrets-encryption")
MEMORY_MB = {"server": 1700, "agent": 450}
DISK_MB = 2048
# A new K3s is kept beside the old one, and unpacks itself beside what that unpacked.
UPGRADE_DISK_MB = 1024
_SECRET_LINE = re.compile(
    r"^(\s*(?:- )?\S*(?:password|token|secret|auth|key)(?!\S*-file)\S*:\s*)(?!true|false)\S.*$", re.I | re.M
)


def setting(config: str, key: str) -> str | None:
    """A scalar of a config.yaml that this role wrote, as it stands there."""
    found = re.search(rf"^{re.escape(key)}: (.+)$", config, re.M)
    return found.group(1).strip('"') if found else None


def _shown(file: File, text: str) -> str:
    if file.secret:
        return f"(secret of {len(text)} characters)\n" if text else ""
    return _SECRET_LINE.sub(r"\1********", text)


def _foreign(file: File, current: Current) -> str | None:
    there = current.files.get(file.path)
    if not file.marked or there is None or there.startswith(MARKER) or not there.strip():
        return None
    return (
        f"{file.path} was not written by this role and is left alone. Move its settings into the role's variables "
        f"and the file away, or put this as its first line to hand it over: {MARKER}\n"
        f"    The role would write:\n{_indent(_shown(file, file.content))}"
    )


def _indent(text: str) -> str:
    return "\n".join(f"      {line}" for line in text.splitlines())


def _fixed(desired: Desired, current: Current, config_path: str) -> list[str]:
    old = current.files.get(config_path, "")
    new = next((file.content for file in desired.files if file.path == config_path), "")
    if not current.data or not old.startswith(MARKER):
        return []
    pairs = [(key, setting(old, key), setting(new, key)) for key in FIXED]
    return [
        f"{key} is {was} since the cluster was formed and cannot become {shall}; set it back, or build a new cluster"
        for key, was, shall in pairs
        if was != shall
    ]


def faults(desired: Desired, current: Current, config_path: str) -> list[str]:
    """What forbids this change on this host; asked before anything is touched."""
    found = [fault for file in desired.files if (fault := _foreign(file, current))]
    version = versions.guard(current.version, desired.version)
    if version:
        found.append(version)
    found += _fixed(desired, current, config_path)
    fresh = not current.binary_sha256
    if fresh and current.memory_mb < MEMORY_MB[desired.role]:
        found.append(
            f"{current.memory_mb} MB of memory; a K3s {desired.role} needs {MEMORY_MB[desired.role]} MB, "
            "take a bigger instance type"
        )
    if fresh and current.disk_mb < DISK_MB:
        found.append(f"{current.disk_mb} MB free under /var/lib/rancher; K3s needs {DISK_MB} MB, make room")
    if not fresh and needs_binary(desired, current) and current.disk_mb < UPGRADE_DISK_MB:
        found.append(
            f"{current.disk_mb} MB free under /var/lib/rancher; another K3s beside this one needs {UPGRADE_DISK_MB} MB, make room"
        )
    found += [
        f"{path} is not on this host, and k3s_common_credential_provider has no urls to fetch it from; the kubelet "
        "would refuse to start. Give urls and sha256 there, or put the binary into the host's image"
        for path in current.lacks
    ]
    if not current.memory_cgroup:
        found.append("the kernel has no memory cgroup; boot with cgroup_enable=memory")
    return found


def token_fault(current: Current, password: str) -> str | None:
    """The token also encrypts the bootstrap data: a server with data starts with no other one."""
    if not current.data or not current.server_token or tokens.password(current.server_token) == password:
        return None
    return (
        "k3s_common_token is not the token this cluster was formed with; K3s would refuse to start. "
        "Put the old one back, or change it in the cluster first with: k3s token rotate"
    )


def needs_binary(desired: Desired, current: Current) -> bool:
    return current.binary_sha256 != desired.binary.sha256


def stage(desired: Desired, current: Current) -> list[Action]:
    """What can be fetched beforehand on all hosts at once, beside what runs."""
    if not needs_binary(desired, current) or current.staged_sha256 == desired.binary.sha256:
        return []
    return [Action("fetch", desired.binary.path, "", f"{desired.version} beside the installed binary\n")]


def _files(desired: Desired, current: Current) -> list[Action]:
    steps = []
    for file in desired.files:
        before = current.files.get(file.path)
        if before != file.content:
            steps.append(
                Action("write", file.path, _shown(file, before or ""), _shown(file, file.content), file.secret)
            )
        elif current.modes.get(file.path) != file.mode:
            steps.append(Action("mode", file.path, f"{current.modes.get(file.path, 0):04o}", f"{file.mode:04o}"))
    for path in desired.absent:
        # A file of another owner is not this role's to remove.
        if current.files.get(path, "").startswith(MARKER):
            steps.append(Action("remove", path, "(present)\n", ""))
    return steps


def restarts(desired: Desired, current: Current) -> bool:
    """Whether a process that runs will be restarted, as far as it can be told without tokens and servers."""
    changed = any(file.restart and current.files.get(file.path) != file.content for file in desired.files)
    extras = any(current.extras.get(extra.path) != extra.sha256 for extra in desired.extras)
    return current.service.up and (needs_binary(desired, current) or changed or extras)


def plan(desired: Desired, current: Current) -> list[Action]:
    steps = stage(desired, current)
    # What has to be fetched comes before what replaces something: an address that does not answer leaves all as it is.
    for extra in desired.extras:
        if current.extras.get(extra.path) != extra.sha256:
            steps.append(Action("extra", extra.path, current.extras.get(extra.path, "") + "\n", extra.sha256 + "\n"))
    if needs_binary(desired, current):
        steps.append(Action("install", desired.binary.path, f"{current.version}\n", f"{desired.version}\n"))
    files = _files(desired, current)
    steps += files
    for name, value in desired.sysctls.items():
        if current.sysctls.get(name) != value:
            steps.append(Action("sysctl", name, f"{current.sysctls.get(name, '')}\n", f"{value}\n"))
    if not current.service.enabled:
        steps.append(Action("enable", desired.service, "disabled\n", "enabled\n"))
    # systemd reads its units once, after all that is said about them; a run that was killed may have left that to this one.
    written = any(step.target.startswith("/etc/systemd/") for step in files)
    if written or current.service.outdated or not (current.service.loaded and current.service.enabled):
        steps.append(Action("reload", "systemd"))
    if not current.service.up:
        steps.append(Action("start", desired.service, f"{current.service.active}\n", "active\n"))
    elif current.applied != desired.digest():
        steps.append(Action("restart", desired.service, "", "restarted: the binary or a setting changed\n"))
    return steps


def diff(steps: list[Action]) -> list[Mapping[str, Any]]:
    return [
        {
            "before_header": f"{step.kind} {step.target}",
            "after_header": f"{step.kind} {step.target}",
            "before": step.before,
            "after": step.after if step.before != step.after else f"{step.after}(changed)\n",
        }
        for step in steps
        if step.secret or step.before != step.after
    ]
