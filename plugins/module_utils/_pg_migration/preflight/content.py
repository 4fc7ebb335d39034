"""What of the source's content needs a decision, or a word. Pure."""

from __future__ import annotations

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import (
    ANEW,
    MARKER_SCHEMA,
    Settings,
    Table,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.preflight import applying, extensions
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.preflight.estimate import (
    APPLY_SCAN_RATE,
    OBJECT_RATE,
    hash_seconds,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.preflight.model import Facts
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.preflight.queries import TOO_LONG
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.model import Finding

MIB = 1024**2
LONG_TRANSACTION = 300.0  # seconds; a younger one is waited for
KEYLESS_SLOW = 64 * MIB  # from here on an update storm on a table without key is felt on the target


def check(facts: Facts, settings: Settings) -> list[Finding]:
    found = _target(facts)
    for table in facts.content.tables:
        found += _identity(table)
    found += _not_carried(facts)
    found += _waiting(facts)
    found += _sequences(facts, settings)
    found += _oversize(facts)
    found += [
        Finding(whose, "the source has it, the target not or otherwise", f"on the target, {statement}", fatal=False)
        for whose, statement in facts.unset
    ]
    found += [Finding("application role", one.problem, one.mend, one.fatal) for one in facts.lacks]
    found += extensions.check(facts.content.extension_rows, settings)
    found += applying.check(facts.content.firing, facts.content.unequal)
    found += [
        Finding(
            f"table {label}",
            "row level security is on: rows are read with row_security=off, which fails rather than leaves rows out",
            "nothing, unless the source's login is neither its owner nor has BYPASSRLS",
            fatal=False,
        )
        for label, _ in facts.content.policies
    ]
    return found


def _target(facts: Facts) -> list[Finding]:
    objects = [one for one in facts.target.objects if MARKER_SCHEMA not in one]  # what an ended move left
    if not facts.fresh or not objects:
        return []
    shown = ", ".join(objects[:5])
    more = len(objects) - 5
    return [
        Finding(
            "target",
            f"it is not empty ({shown}{f' and {more} more' if more > 0 else ''}) and this move did not fill it",
            f"give the name of an empty database, or drop that by hand; nothing is ever overwritten. Where a move is still to be ended, {ANEW}",
        )
    ]


def _identity(table: Table) -> list[Finding]:
    """What will be done with a table whose rows are not told apart by a primary key."""
    if table.identity == "f" or not table.key:
        if table.key:
            return []
        scan = table.bytes / APPLY_SCAN_RATE
        cost = f"each UPDATE or DELETE costs the target a look through the table, {scan * 1000:.0f} ms" + (
            "; a storm of them will fall behind" if table.bytes > KEYLESS_SLOW else ""
        )
        return [
            Finding(
                f"table {table.label}",
                f"it has no key: REPLICA IDENTITY FULL is set for the time of the move; {cost};"
                f" it is compared as a whole in the freeze if it changes, {hash_seconds(table.bytes):.1f} s",
                "add a primary key first, if that is too much",
                fatal=False,
            )
        ]
    if table.identity == "n":
        return [
            Finding(
                f"table {table.label}",
                "its replica identity is NOTHING: it is changed for the time of the move, and put back",
                "nothing",
                fatal=False,
            )
        ]
    return []


def _not_carried(facts: Facts) -> list[Finding]:
    content, source = facts.content, facts.source
    found = []
    if content.large_objects:
        found.append(
            Finding(
                "large objects",
                f"{content.large_objects} ({content.large_object_bytes / MIB:.1f} MiB): replication does not carry them, they are copied and"
                " compared while users work, and what changed since in the freeze; all of it where a login may not read pg_largeobject",
                "delete orphans first (vacuumlo)",
                fatal=False,
            )
        )
    if content.unlogged:
        found.append(
            Finding(
                f"unlogged tables {', '.join(content.unlogged)}",
                f"replication does not carry them: they are empty on the target until their rows ({content.unlogged_bytes / MIB:.1f} MiB) are"
                f" copied in the freeze, about {content.unlogged_bytes / OBJECT_RATE:.1f} s, and they are not compared",
                "empty them first, or ALTER TABLE ... SET LOGGED before the move, if that is too long",
                fatal=False,
            )
        )
    if content.temporary:
        found.append(
            Finding(
                "temporary tables",
                f"{content.temporary} are in use: they end with their sessions",
                "nothing, if applications make them anew",
                fatal=False,
            )
        )
    if content.views:
        found.append(
            Finding(
                "materialised views",
                f"{', '.join(content.views)} are refreshed on the target before the freeze; one that is refreshed on the source after that is"
                " refreshed in the freeze once more",
                "let no job refresh them for the time of the cutover",
                fatal=False,
            )
        )
    found += [
        Finding(
            f"materialised view {name}",
            f"it is refreshed in the freeze: {why}",
            "nothing; the rehearsal measures it",
            fatal=False,
        )
        for name, why in content.late_views
    ]
    found += [
        Finding(f"{kind} {name}", problem, "create it on the target by hand, if it is still wanted", fatal=False)
        for kind, names, problem in (
            ("event trigger", source.event_triggers, "it is not moved"),
            ("publication", source.publications, "it is not moved; its subscribers stay with the source"),
            (
                "subscription",
                content.subscriptions,
                "it is not moved; what it brings flows on to the target until the cutover",
            ),
        )
        for name in names
        if not name.startswith("platform_")
    ]
    return found


def _waiting(facts: Facts) -> list[Finding]:
    """A new slot waits for every transaction that writes."""
    found = []
    for name, side, slot in (
        ("source", facts.here, "the slot"),
        ("target", facts.there, "that of the way back, which the cutover makes,"),
    ):
        if side.prepared:
            shown = ", ".join(f"{gid} in database {database}" for gid, database in side.prepared)
            found.append(
                Finding(
                    name,
                    f"prepared transactions are open ({shown}): {slot} would wait for them for ever, also for those of another database",
                    "; ".join(
                        f"in database {database}, COMMIT PREPARED {gid} or ROLLBACK PREPARED {gid}"
                        for gid, database in side.prepared
                    ),
                    fatal=side is facts.here,
                )
            )
    for one in facts.content.waiting:
        found.append(
            Finding(
                "source",
                f"transaction of {one.user} (process {one.pid}, {one.application or 'no name'}) has been writing for {one.seconds:.0f} s:"
                " the slot has to wait for it",
                f"let it end, or SELECT pg_terminate_backend({one.pid})",
                fatal=one.seconds > LONG_TRANSACTION,
            )
        )
    return found


def _sequences(facts: Facts, settings: Settings) -> list[Finding]:
    found = []
    for label, left, step in facts.content.near_end:
        needed = settings.sequence_margin * max(step, 1)
        found.append(
            Finding(
                f"sequence {label}",
                f"{left} values are left" + (f", the margin of {needed} does not fit" if left <= needed else ""),
                "lower sequence_margin, or make it a bigint" if left <= needed else "make it a bigint in time",
                fatal=left <= needed,
            )
        )
    return found


def _oversize(facts: Facts) -> list[Finding]:
    found = [
        Finding(
            f"table {label}",
            f"its text is {size / MIB:.0f} MiB long at least; a row whose text passes 1 GiB can be neither copied nor replicated",
            "store its long values as files or large objects",
            fatal=size >= TOO_LONG,
        )
        for label, size in facts.content.oversize
    ]
    return found + [
        Finding(
            f"table {label}",
            "whether it holds values of hundreds of MiB could not be seen in time",
            "a row whose text passes 1 GiB can be neither copied nor replicated: look at max(octet_length(...))",
            fatal=False,
        )
        for label in facts.content.oversize_unknown
    ]
