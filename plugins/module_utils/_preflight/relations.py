"""What a type cannot say: groups, address ranges, files, and options that need one another."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import combinations
from pathlib import Path
from stat import S_IRWXG, S_IRWXO
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._foundation.hosts import is_public_key
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.model import Fault

Network = IPv4Network | IPv6Network
ADMIN = "network_admin_cidrs"
KEY_BYTES = 64  # of a file that may be anything: enough to know a key by


def check_groups(
    groups: Mapping[str, Sequence[str]], played: Collection[str], addressed: Collection[str]
) -> Iterator[Fault]:
    """Check which groups have hosts, and that each host can come into being."""
    if not groups.get("platform"):
        yield Fault(
            "group platform",
            "is missing or empty, so no play would run",
            "name an inventory: -i inventories/k3s; its hosts.yml holds the host account in this group",
        )
        return
    for group in sorted(set(played) & set(groups)):
        if not groups[group]:
            yield Fault(
                f"group {group}", "has no hosts", "add a host in hosts.yml, or remove the group to leave out its play"
            )
    servers, agents = groups.get("k3s_servers", []), groups.get("k3s_agents", [])
    if servers and len(servers) % 2 == 0:
        yield Fault(
            "group k3s_servers",
            f"has {len(servers)} hosts; etcd loses its quorum sooner with an even number than with one fewer",
            "use 1, 3 or 5 servers",
        )
    if agents and not servers:
        yield Fault("group k3s_agents", "has hosts, but k3s_servers has none to join", "add a host to k3s_servers")
    if groups.get("legacy_hosts") and not groups.get("data_runners"):
        yield Fault(
            "group data_runners", "is empty, so nothing can move the data of legacy_hosts", "put the legacy host in it"
        )
    for host in sorted({*servers, *agents} - set(groups.get("ec2_hosts", [])) - set(addressed)):
        yield Fault(
            f"host {host}", "is not in ec2_hosts and has no address", "put it in ec2_hosts, or give it ansible_host"
        )
    for host in sorted(set(servers) & set(agents)):
        yield Fault(f"host {host}", "is both in k3s_servers and in k3s_agents", "leave it in one of them")


def check_ranges(values: Mapping[str, Any]) -> Iterator[Fault]:
    """Check every option named *_cidr or *_cidrs, and that no two single ranges overlap."""
    single: dict[str, Network] = {}
    parsed: dict[str, Network]
    for name, value in values.items():
        if name.endswith("_cidr") and isinstance(value, str) and value:
            yield from _parse(name, value, single)
        elif name.endswith("_cidrs") and isinstance(value, Sequence) and not isinstance(value, str):
            for index, item in enumerate(value):
                if isinstance(item, str):
                    yield from _parse(f"{name}[{index}]", item, parsed := {})
                    if name == ADMIN and any(network.prefixlen == 0 for network in parsed.values()):
                        yield Fault(
                            f"{name}[{index}]",
                            f'"{item}" is the whole internet: it would reach SSH and the Kubernetes API of every host',
                            'list your own addresses, such as "203.0.113.7/32"; users come in by network_web_cidrs',
                        )
    for (first, one), (second, two) in combinations(sorted(single.items()), 2):
        if one == two and {_vpc(first), _vpc(second)} == {True}:
            continue  # two roles that are told the same VPC
        if one.version == two.version and one.overlaps(two):
            yield Fault(f"{first}, {second}", f"{one} and {two} overlap", f"move {second} to a range of its own")


def _vpc(name: str) -> bool:
    return name == "network_cidr" or name.endswith("_vpc_cidr")


def _parse(name: str, value: str, into: dict[str, Network]) -> Iterator[Fault]:
    if "/" not in value:
        # A bare address would pass as a network of one.
        yield Fault(name, f'"{value}" is not a network', "write it as address/bits, such as 10.0.0.0/16")
        return
    try:
        into[name] = ip_network(value)
    except ValueError as error:
        try:
            nearest = str(ip_network(value, strict=False))
        except ValueError:
            yield Fault(name, f'"{value}" is not a network', "write it as address/bits, such as 10.0.0.0/16")
            return
        reason = "has host bits set" if "host bits" in str(error) else str(error)
        yield Fault(name, f'"{value}" {reason}', f"write {nearest}")


def check_hosts(values: Mapping[str, Any], hosts_wanted: bool) -> Iterator[Fault]:
    """Check what is needed to make and reach EC2 hosts."""
    if not hosts_wanted:
        return
    if values.get("ec2_host_connect") == "public" and not values.get(ADMIN):
        yield Fault(
            ADMIN,
            "is empty, but ec2_host_connect is public: no SSH connection would reach a host",
            'list your own address, such as ["203.0.113.7/32"], or connect over a VPN with ec2_host_connect: private',
        )
    if values.get("ec2_host_connect") == "public" and values.get("ec2_host_subnet_tier") != "public":
        yield Fault("ec2_host_subnet_tier", "is not public, but ec2_host_connect is", "set both to the same")
    for name in ("ec2_host_public_key_file", "ec2_host_private_key_file"):
        yield from _check_key(name, values.get(name))


def _check_key(name: str, value: Any) -> Iterator[Fault]:
    path = Path(str(value)).expanduser()
    if not path.is_file():
        yield Fault(
            name, f"{value} is not there", f"make a pair with ssh-keygen -t ed25519, or give {name} the path of yours"
        )
        return
    first = path.read_bytes()[:KEY_BYTES].decode(errors="replace")
    if "public" in name and not is_public_key(first):
        yield Fault(name, f"{value} holds no SSH public key", "give the path of a file such as ~/.ssh/id_ed25519.pub")
    if "private" in name and "PRIVATE KEY" not in first:
        yield Fault(name, f"{value} holds no private key", "give the path of a file such as ~/.ssh/id_ed25519")
    elif "private" in name and path.stat().st_mode & (S_IRWXG | S_IRWXO):
        yield Fault(name, f"{value} can be read by others, so ssh refuses it", f"chmod 600 {path}")
