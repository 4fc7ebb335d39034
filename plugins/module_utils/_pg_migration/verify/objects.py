"""What is not a row: constraints, indexes, views, functions, extensions, owners, materialised views. (Large objects: large_objects.py.)"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import facts
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore import catalog, compare
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.model import Manifest

if TYPE_CHECKING:
    import psycopg

OWNERS = f"""
SELECT c.oid::regclass::text, pg_get_userbyid(c.relowner)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND {facts.USER_SCHEMA}
"""  # noqa: S608 - a constant of ours
LARGE_OBJECTS = "SELECT count(*) FROM pg_catalog.pg_largeobject_metadata"


@dataclass(frozen=True)
class Inventory:
    """One side, as definitions and names."""

    manifest: Manifest
    owners: dict[str, str] = field(default_factory=dict)


def ours_left_out(query: str) -> str:
    """The move's own schema is on both sides, and not the same; nor is the replica identity that it chose."""
    return query.replace(catalog.USER_SCHEMA, facts.USER_SCHEMA).replace(", i.indisreplident", "")


def read(session: psycopg.Connection[Any]) -> Inventory:
    def rows(query: str) -> list[tuple[Any, ...]]:
        return session.execute(ours_left_out(query)).fetchall()

    manifest = Manifest(
        major=session.info.server_version // 10000,
        objects={
            kind: {str(name): hashlib.sha256(str(text or "").encode()).hexdigest()[:16] for name, text in rows(query)}
            for kind, query in catalog.OBJECTS.items()
        },
        sequences={row[0]: "" for row in rows(catalog.SEQUENCES)},  # where they stand is set in the freeze
        extensions={row[0]: row[1] for row in rows(catalog.EXTENSIONS)},
        unpopulated=[row[0] for row in rows(catalog.UNPOPULATED)],
        invalid=[row[0] for row in rows(catalog.INVALID)],
    )
    return Inventory(manifest, {row[0]: row[1] for row in rows(OWNERS)})


def differences(source: Inventory, target: Inventory) -> list[str]:
    """What must be the same at any time, in words."""
    a, b = source.manifest, target.manifest
    found = compare.sequences(a, b) + compare.objects(a, b)
    found += [
        f"extension {name} is missing on the target" for name in sorted(a.extensions.keys() - b.extensions.keys())
    ]
    return found + [f"{what} on the target" for what in sorted(set(b.invalid) - set(a.invalid))]


def notices(source: Inventory, target: Inventory) -> list[str]:
    """What differs by its nature until the freeze, and what is worth a line."""
    a, b = source.manifest, target.manifest
    found = compare.notes(a, b)
    found += [
        f"materialised view {name} is not populated on the target yet; it is refreshed in the freeze"
        for name in sorted(set(b.unpopulated) - set(a.unpopulated))
    ]
    changed = [name for name, owner in source.owners.items() if target.owners.get(name, owner) != owner]
    if changed:
        before = ", ".join(sorted({source.owners[name] for name in changed}))
        after = ", ".join(sorted({target.owners[name] for name in changed}))
        found.append(
            f"{len(changed)} tables, views and sequences belong to {after} on the target, to {before} on the source"
        )
    return found


def carried(here: psycopg.Connection[Any], there: psycopg.Connection[Any]) -> list[str]:
    """What the freeze itself has to have brought to the target; asked by number only, since what brings it compares it."""
    counts = [session.execute(LARGE_OBJECTS).fetchall()[0][0] for session in (here, there)]
    found = [] if counts[0] == counts[1] else [f"large objects: {counts[0]} on the source, {counts[1]} on the target"]
    empty = [{row[0] for row in session.execute(ours_left_out(catalog.UNPOPULATED))} for session in (here, there)]
    return found + [f"materialised view {name} is not populated on the target" for name in sorted(empty[1] - empty[0])]
