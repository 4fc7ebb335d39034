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
# Read by the default of an option, so that it is in no argument specification itself.
INDIRECT = ("service_overrides",)
# Variables of playbooks, for a survey or a command line, and the option of a role that takes each.
SURVEY: Mapping[str, str] = {"migration_step": "postgres_migration_step"}
FOREIGN = ("ansible_", "aws_", "_", "inventory_", "role_", "discovered_")
MAGIC = frozenset({"environment", "group_names", "groups", "hostvars", "omit", "play_hosts", "playbook_dir", "vars"})
ALMOST = 0.85  # a slip of a letter or two, not another name


def of_the_user(names: Iterable[str]) -> list[str]:
    """Leave out what Ansible, the inventory plugin and the roles themselves set."""
    return sorted(n for n in names if not n.startswith(FOREIGN) and not n.endswith("_facts") and n not in MAGIC)


def misspelt(names: Iterable[str], known: Collection[str], roles: Collection[str]) -> Iterator[Fault]:
    """Yield names that carry a prefix of ours, leave out a part of an option or nearly are a known name, and that nothing takes."""
    everything = {*known, *PLATFORM, *INDIRECT}
    prefixes = (*tuple(f"{role}_" for role in roles), "platform_", "migration_")
    for name in of_the_user(names):
        if name in everything:
            continue
        near = get_close_matches(name, everything, n=1, cutoff=0.6)
        almost = get_close_matches(name, everything, n=1, cutoff=ALMOST)
        whole = _whole(name, known, roles)
        if whole and not almost:
            yield Fault(name, "is not an option of any role", f"did you mean {' or '.join(whole)}?")
        elif name.startswith(prefixes):
            mend = f"did you mean {near[0]}?" if near else "remove it; the options of each role are in its README"
            yield Fault(name, "is not an option of any role", mend)
        elif almost:
            yield Fault(name, "is not an option of any role", f"did you mean {near[0]}?")


def unread(names: Iterable[str], known: Collection[str], roles: Collection[str]) -> Iterator[str]:
    """Yield names that start as a role does and that no role takes: perhaps the user's own, so no fault."""
    names = of_the_user(names)
    wrong = {fault.object for fault in misspelt(names, known, roles)}
    taken = {*known, *PLATFORM, *INDIRECT, *wrong}
    first = _first_words(roles)
    yield from (name for name in names if name not in taken and name.partition("_")[0] in first)


def _first_words(roles: Collection[str]) -> set[str]:
    return {role.partition("_")[0] for role in roles}


def _whole(name: str, known: Collection[str], roles: Collection[str]) -> list[str]:
    """Return the options that a name is a part of: `k3s_version` leaves out a word of the role in `k3s_common_version`.

    Only names that start with a word that a role starts with: those are this collection's (docs/contracts.md).
    """
    start, _, rest = name.partition("_")
    if not rest or start not in _first_words(roles):
        return []
    owners = [role for role in roles if start in role.split("_") and role != start]
    return sorted({f"{role}_{rest}" for role in owners} & set(known))
