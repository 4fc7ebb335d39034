"""What makes a move long, and nothing else: for whoever wants to say how long before it is begun. Read only, and quick."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import facts, object_digests, view_reach
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import Settings
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.preflight import estimate, queries
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.preflight.model import Content

if TYPE_CHECKING:
    import psycopg


def read(source: psycopg.Connection[Any]) -> Content:
    _, objects, object_bytes, sequences, index_bytes = source.execute(queries.COUNTS).fetchone() or (0,) * 5
    late = view_reach.late(source)
    return Content(
        tables=tuple(facts.read_tables(source)),
        unlogged_bytes=sum(table.bytes for table in facts.read_unlogged(source)),
        large_objects=objects,
        large_object_bytes=object_bytes,
        late_views=tuple(sorted(late.items())),
        late_view_bytes=sum(size for name, size in source.execute(queries.VIEWS).fetchall() if name in late),
        index_bytes=index_bytes,
        sequences=sequences,
    )


def estimated(source: psycopg.Connection[Any], settings: Settings) -> dict[str, Any]:
    """As the preflight says it."""
    return estimate.of_content(read(source), object_digests.readable(source), settings)
