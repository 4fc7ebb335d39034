"""Variables that nobody reads, mostly because they are misspelt."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches

from ansible_collections.tiketi.platform.plugins.module_utils._preflight.model import Fault

PLATFORM = (
    "platform_project",
    "platform_stage",
    "platform_data_stage",
    "platform_region",
    "platform_state_dir",
    "platform_services_dir",
)
# Variables of playbooks, for a survey or a command line, and the option of a role that takes each.
SURVEY: Mapping[str, str] = {"migration_step": "postgres_migration_step"}
FOREIGN = ("ansible_", "aws_", "_", "inventory_", "role_", "discovered_")
MAGIC = frozenset({"environment", "group_names", "groups", "hostvars", "omit", "play_hosts", "playbook_dir", "vars"})
ALMOST = 0.85  # a slip of a letter or two, not another name


def of_the_user(names: Iterable[str]) -> list[str]:
    """Leave out what Ansible, the inventory plugin and the roles themselves set."""
    return sorted(n for n in names if not n.startswith(FOREIGN) and not n.endswith("_facts") and n not in MAGIC)


def misspelt(names: Iterable[str], known: Collection[str], roles: Collection[str]) -> Iterator[Fault]:
    """Yield names that carry a prefix of ours, or nearly are a known name, and that nothing takes."""
    everything = {*known, *PLATFORM}
    prefixes = (*tuple(f"{role}_" for role in roles), "platform_", "migration_")
    for name in of_the_user(names):
        if name in everything:
            continue
        near = [f"postgres_{name}"] if f"postgres_{name}" in everything else []
        near = near or get_close_matches(name, everything, n=1, cutoff=0.6)
        if name.startswith(prefixes):
            mend = f"did you mean {near[0]}?" if near else "remove it; the options of each role are in its README"
            yield Fault(name, "is not an option of any role", mend)
        elif get_close_matches(name, everything, n=1, cutoff=ALMOST):
            yield Fault(name, "is not an option of any role", f"did you mean {near[0]}?")
