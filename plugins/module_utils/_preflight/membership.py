"""Groups that no play runs on, and hosts that nothing makes and nobody found."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._preflight.model import Fault

Groups = Mapping[str, Sequence[str]]
CLUSTERS = ("k3s_servers", "eks")  # what ends with the facts that services are deployed by
FOUND = (
    "legacy_hosts",
    "data_runners",
    "migration_sources",
    "compose_hosts",
)  # their hosts may be made by another stage
ALMOST = 0.85  # a slip of a letter or two, not another name


def check_names(groups: Groups, known: Collection[str]) -> Iterator[Fault]:
    """Yield groups that are nearly called as one that a play runs on, which for want of hosts would be left out."""
    for name in sorted(set(groups) - set(known)):
        near = [group for group in get_close_matches(name, known, n=3, cutoff=ALMOST) if not groups.get(group)]
        if groups[name] and near:
            yield Fault(f"group {name}", "is one that no play runs on", f"did you mean {near[0]}?")


def check_cluster(groups: Groups) -> Iterator[Fault]:
    """Check that services have a cluster to run on."""
    if groups.get("services") and not any(groups.get(cluster) for cluster in CLUSTERS):
        yield Fault(
            "group services",
            "has hosts, but no cluster has any, so there is nowhere to deploy to",
            "add a host to k3s_servers, or remove the group services",
        )


def check_found(groups: Groups, variables: Mapping[str, Collection[str]], values: Mapping[str, Any]) -> Iterator[Fault]:
    """Check that a host which this stage uses but does not make is there; waiting for it would be in vain."""
    made = set(groups.get("ec2_hosts", []))
    for host in sorted({host for group in FOUND for host in groups.get(group, [])} - made):
        # Where AWS refused the inventory, nobody knows which hosts are there.
        if {"ansible_host", "ansible_connection", "inventory_refused"} & set(variables.get(host, ())):
            continue
        uses = ", ".join(group for group in FOUND if host in groups.get(group, []))
        tags = f"Project={values.get('platform_project', '...')}, InventoryHost={host}"
        yield Fault(
            f"host {host}",
            f"of {uses} is not in ec2_hosts, so it is not made, and no running instance of it was found",
            f"give the instance the tags {tags}, Stage (one that aws_ec2.yml names) and SshHostKey, or the host ansible_host; "
            "or leave it out. docs/stages.md tells both: Your old host",
        )
