"""From evidence to the likely cause, named first. No I/O here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

CLOCK_SECONDS = 30
DISK_MB = 500
MEMORY_MB = 100


@dataclass(frozen=True)
class Evidence:
    """What was seen on a host whose K3s did not come up."""

    service: str
    role: str
    joining: bool = True
    server: str = ""
    ports: Mapping[str, str] = field(default_factory=dict)
    tls: str = ""
    status: int = 0
    clock_difference: float = 0.0
    disk_mb: int = 1 << 20
    memory_mb: int = 1 << 20
    clashes: tuple[str, ...] = ()
    journal: tuple[str, ...] = ()
    news: tuple[str, ...] = ()  # of these, what came since the look before
    tail: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cause:
    """`final`: waiting cannot mend it, so the wait ends as soon as it is seen."""

    text: str
    final: bool = False


_REFUSED = "the server {server} refuses the token ({how}): {secret} on this host is not the one of the cluster"
_SECRETS = {"agent": "k3s_common_agent_token", "server": "k3s_common_token"}
_ANOTHER_CA = (
    "{server} has another CA than the one pinned in the token: it belongs to a rebuilt or a different cluster. "
    "Check that the address is the server you mean; if it was rebuilt, empty /var/lib/rancher/k3s/agent here"
)
# A server writes this when it refuses someone else; it says nothing of the server's own start.
_ANSWER = re.compile(r"\bresponse to\b")
# What K3s itself writes, the cause, and whether waiting is of no use.
_JOURNAL: tuple[tuple[str, str, bool], ...] = (
    (r"token CA hash does not match", _ANOTHER_CA, True),
    (
        r"[Nn]ode password rejected|duplicate hostname",
        "duplicate node password: a node of this name is registered already, by another or an earlier host. Give the "
        "host its own name, or remove the old one: k3s kubectl delete node {name} (K3s drops its password secret)",
        True,
    ),
    (
        r"duplicate node name found",
        "the cluster still counts the earlier host of this name, and its vote. If it is gone for good, remove it on "
        "another server, then run again: k3s kubectl delete node {name}",
        True,
    ),
    (
        r"bootstrap data already found and encrypted with different token",
        "the data of this server is encrypted with another token; put the old k3s_common_token back",
        True,
    ),
    (
        r"critical configuration (value )?mismatch",
        "a setting that must be equal on all servers differs: {settings}. Set it here as the other servers have it",
        True,
    ),
    (
        r"unknown flag|flag provided but not defined|not a valid (option|flag)",
        "K3s does not know a setting: see the journal, and look for it in k3s_common_config, k3s_common_server_config and "
        "k3s_common_agent_config",
        True,
    ),
    (r"no space left on device", "the disk is full", False),
    (r"address already in use", "another process holds a port of K3s (6443, 10250 or 2379-2380)", False),
    (r"failed to find memory cgroup", "the kernel has no memory cgroup; boot with cgroup_enable=memory", True),
    (r"certificate has expired or is not yet valid", "the clocks of this host and the server differ", False),
    (r"overlaps|overlapping", "an address range of the cluster overlaps another network", False),
)
# Only who joins can be refused: a server on its own data writes these words about others.
_JOINING = (r"not authorized|401 Unauthorized|[Ii]nvalid token|status.?401", _REFUSED, True)
_MISMATCHED = re.compile(r"critical configuration mismatched: ([\w.-]+)")
_ANY_CRITICAL = "cluster-cidr, service-cidr, disable or secrets-encryption"


def _network(seen: Evidence) -> list[Cause]:
    words = {
        "refused": "nothing listens there: K3s on the server is down",
        "timeout": "packets are dropped: a security group or firewall is closed for this host",
        "unreachable": "there is no route to it",
        "unresolved": "the name does not resolve",
    }
    return [
        Cause(f"port closed: {address} does not answer this host ({state}); {words[state]}")
        for address, state in seen.ports.items()
        if state in words
    ]


def _identity(seen: Evidence, name: str) -> list[Cause]:
    found = []
    if seen.status == 401:
        found.append((_REFUSED, True))
    if seen.tls == "another CA":
        found.append((_ANOTHER_CA, True))
    text = "\n".join(line for line in seen.journal if not _ANSWER.search(line))
    patterns = (*_JOURNAL, _JOINING) if seen.joining else _JOURNAL
    found += [(cause, final) for pattern, cause, final in patterns if re.search(pattern, text)]
    values = {
        "server": seen.server or "the server",
        "secret": _SECRETS[seen.role],
        "how": "401",
        "name": name,
        "settings": ", ".join(dict.fromkeys(_MISMATCHED.findall(text))) or _ANY_CRITICAL,
    }
    return [Cause(text.format(**values), final) for text, final in dict(found).items()]


def causes(seen: Evidence, name: str = "<name>") -> list[Cause]:
    """All likely causes, the likeliest first."""
    found = _identity(seen, name)
    if abs(seen.clock_difference) > CLOCK_SECONDS:
        found.append(
            Cause(
                f"the clock of this host is {seen.clock_difference:+.0f} s off the server's; certificates are then not "
                "valid. Start chrony or systemd-timesyncd",
                True,
            )
        )
    found += [Cause(f"address clash: {clash}", True) for clash in seen.clashes]
    found += _network(seen)
    if seen.disk_mb < DISK_MB:
        found.append(Cause(f"only {seen.disk_mb} MB are free under /var/lib/rancher"))
    if seen.memory_mb < MEMORY_MB:
        found.append(Cause(f"only {seen.memory_mb} MB of memory are available"))
    return found


def final(seen: Evidence) -> bool:
    """Whether waiting is of no use. A line of the journal says so once, when it is new: K3s that fails writes it again."""
    return any(cause.final for cause in causes(replace(seen, journal=seen.news)))


def report(seen: Evidence, name: str, waited: float) -> str:
    """The message for a person: the likely cause, then the rest, then what was looked at."""
    found = causes(seen, name) or [Cause("no known cause matches; the journal below is the best trace")]
    lines = [f"K3s did not come up on {name} within {waited:.0f} s. Likely cause: {found[0].text}"]
    lines += [f"  also: {cause.text}" for cause in found[1:]]
    looked = [f"unit {seen.service}"]
    looked += [f"{address} {state}" for address, state in seen.ports.items()]
    if seen.tls:
        looked.append(f"TLS with the pinned CA: {seen.tls}")
    if seen.status:
        looked.append(f"token asked at the server: {seen.status}")
    looked += [f"clock {seen.clock_difference:+.1f} s", f"{seen.disk_mb} MB disk", f"{seen.memory_mb} MB memory"]
    return "\n".join([*lines, "Looked at: " + ", ".join(looked), "Last lines of the journal:", *_tail(seen)])


def _tail(seen: Evidence) -> list[str]:
    return [f"  {line}" for line in seen.tail] or ["  (empty)"]
