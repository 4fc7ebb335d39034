"""The disk of the target, which SQL cannot see: how much of it the move needs. Pure."""

from __future__ import annotations

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.preflight.model import Content, Facts
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.model import Finding

MIB = 1024**2
SPARE = 1.2  # what grows while it is copied, sorting for the indexes, and WAL until the next checkpoint


def needed(content: Content) -> int:
    """Bytes on the target."""
    tables = sum(table.bytes for table in content.tables)
    return int(SPARE * (tables + content.index_bytes + content.unlogged_bytes + content.large_object_bytes))


def check(facts: Facts) -> list[Finding]:
    """Nothing to say where this move has filled it already."""
    if not facts.fresh:
        return []
    mend = (
        "nothing on Aurora, whose volume grows by itself; on another managed server, storage autoscaling or that much FreeStorageSpace"
        if facts.there.managed
        else "compare with df on that server"
    )
    words = f"about {needed(facts.content) / MIB:.0f} MiB have to be free there for tables and indexes (a fifth more than on the source)"
    return [Finding("target disk", f"{words}; SQL cannot see the disk", mend, fatal=False)]
