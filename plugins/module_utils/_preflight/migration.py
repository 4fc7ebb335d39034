"""What an argument specification cannot say of a move: keys that need one another, and the one verb of a run."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.args import peer_faults
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.model import Fault

# An empty dictionary is a choice; one that is begun needs these.
NEEDS: Mapping[str, Mapping[str, str]] = {
    "postgres_migration_pooler": {
        "database": "the name of the database in PgBouncer",
        "active_file": "the file of role pgbouncer that says where it leads, such as /etc/pgbouncer/databases.ini",
    },
    "postgres_migration_redis": {
        "source_secret": "the name of the secret of the source in Secrets Manager",
        "target": "the target, as in redis_facts",
    },
}
PEERS = {"postgres_migration_publisher": "publisher", "postgres_migration_returner": "returner"}

SOURCES = "migration_sources"
# Playbooks that without that group would make what they need, and then end as if all were well.
OF_A_MOVE = ("migrate_postgres.yml", "retire_stores.yml")


def check_sources(playbook: str, groups: Mapping[str, Sequence[str]]) -> Iterator[Fault]:
    """Check that a playbook of the move has something to move: an inventory may be that of another stage."""
    if playbook in OF_A_MOVE and not groups.get(SOURCES):
        yield Fault(
            f"group {SOURCES}",
            f"has no hosts, so {playbook} has nothing to do",
            "name the inventory of the stage that the data moves to, such as -i inventories/managed",
        )


def check(name: str, value: Any) -> Iterator[Fault]:
    """Yield what lacks; keys that are unknown or of a wrong type are others' to name."""
    if not isinstance(value, Mapping) or not value:
        return
    for key, what in NEEDS.get(name, {}).items():
        if not value.get(key):
            yield Fault(f"{name}.{key}", "is missing", f"set it to {what}")
    if name in PEERS:
        for text in peer_faults(PEERS[name], value):
            yield Fault(name, text, "give both, or leave both out to connect as the data runner does")


def check_verb(tags: Collection[str], given: Mapping[str, Any], verbs: Collection[str]) -> Iterator[Fault]:
    """Check that a run is asked for one verb: as a tag (playbook migrate_postgres), or by these variables."""
    chosen = [verb for verb in verbs if verb in tags]
    if len(chosen) > 1:
        yield Fault(
            "--tags",
            f"names the verbs {', '.join(chosen)}, and a run does one",
            "give one of them; or none, and -e postgres_migration_until=verify to stop where users have not noticed anything",
        )
    for name, value in given.items():
        if chosen and value not in chosen:
            yield Fault(
                name, f"is {value}, but --tags asks for {chosen[0]}", f"leave one of them out, --tags or {name}"
            )
