"""What can be known before the first byte moves: findings, each with its mend. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.model import (
    FINISHED,
    Finding,
    Options,
    Runner,
    Source,
    Target,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.plan import sessions

# Text in a dump can be larger than its compressed (TOASTed) form in the table.
DUMP_FACTOR = 1.5
GIB = 1024**3
OLDEST = 14


def check_target_content(target: Target, journal: Mapping[str, Any]) -> list[Finding]:
    """The target must be empty, or hold what this very journal began."""
    marker = target.marker
    if marker is not None and marker.phase == FINISHED:
        return [
            Finding(
                "target",
                f"it holds the finished move of another database ({marker.source}, {marker.finished})",
                "give the name of a database that is still empty",
            )
        ]
    if marker is not None and marker.move != journal.get("id"):
        return [
            Finding(
                "target",
                f"a half-made copy of {marker.source}, begun on {marker.runner}, is there and its journal is not here",
                f"run on {marker.runner}, or drop and create the target database",
            )
        ]
    if marker is None and target.objects:
        shown = ", ".join(target.objects[:5]) + (
            f" and {len(target.objects) - 5} more" if len(target.objects) > 5 else ""
        )
        return [
            Finding(
                "target",
                f"it is not empty ({shown}) and this move did not fill it",
                "give the name of an empty database; nothing is ever overwritten",
            )
        ]
    return []


def check(source: Source, target: Target, runner: Runner, same: bool, options: Options) -> list[Finding]:
    """Everything that can be known before the first byte moves, all at once."""
    found: list[Finding] = []
    if same:
        found.append(Finding("target", "it is the same database as the source", "give another target database"))
    if target.server.in_recovery:
        found.append(Finding("target", "it is a read-only standby", "give the writer's endpoint, not the reader's"))
    found += versions(source, target, runner)
    found += extensions(source, target)
    found += text(source, target)
    found += rights(source, target)
    found += _room(source, target, runner, options)
    found += _left_behind(source)
    return found


def versions(source: Source, target: Target, runner: Runner) -> list[Finding]:
    found = []
    if source.server.major < OLDEST:
        found.append(
            Finding(
                "source",
                f"PostgreSQL {source.server.major} has no row hashes to prove the copy with",
                f"upgrade it to {OLDEST} or newer first",
            )
        )
    if target.server.major < source.server.major:
        found.append(
            Finding(
                "target",
                f"PostgreSQL {target.server.major} is older than the source's {source.server.major}",
                f"create the target with engine version {source.server.major}.x or newer",
            )
        )
    if runner.client_major != target.server.major:
        have = f"client {runner.client_major}" if runner.client_major else "no client"
        found.append(
            Finding(
                "runner",
                f"it has {have} of PostgreSQL, the target is {target.server.major}",
                f"set data_runner_postgres_major: {target.server.major} and run role data_runner",
            )
        )
    return found


def extensions(source: Source, target: Target) -> list[Finding]:
    found = []
    for extension in source.server.extensions:
        offer = target.offers.get(extension.name)
        if offer is None:
            found.append(
                Finding(
                    f"extension {extension.name}",
                    "the target does not offer it",
                    "drop it on the source if unused, or choose a target that has it",
                )
            )
        elif not (offer.installed or offer.trusted or target.server.superuser or target.rds_superuser):
            found.append(
                Finding(
                    f"extension {extension.name}",
                    "the target's login may not create it (it is not a trusted one)",
                    f"have an administrator run CREATE EXTENSION {extension.name} on the target, or use the master login",
                )
            )
    return found


def text(source: Source, target: Target) -> list[Finding]:
    a, b = source.server, target.server
    found = []
    if a.encoding != b.encoding and (b.encoding != "UTF8" or a.encoding == "SQL_ASCII"):
        found.append(
            Finding(
                "target",
                f"its encoding is {b.encoding}, the source's is {a.encoding}",
                f"create the target database with ENCODING '{a.encoding}' TEMPLATE template0",
            )
        )
    if (a.collate, a.ctype, a.collation_version) != (b.collate, b.ctype, b.collation_version):
        found.append(
            Finding(
                "collation",
                f"{a.collate} {a.collation_version} on the source, {b.collate} {b.collation_version} on the target",
                "indexes are built anew, so nothing breaks, but text may sort in another order",
                fatal=False,
            )
        )
    return found


def rights(source: Source, target: Target) -> list[Finding]:
    found = [
        Finding(
            f"source {name}", "the source's login may not read it", f"GRANT SELECT ON {name} to it, or use its owner"
        )
        for name in source.unreadable
    ]
    found += [
        Finding(
            f"source table {name}",
            "row level security hides rows from the source's login",
            "use the table's owner, or a login with BYPASSRLS",
        )
        for name in source.hidden_by_policy
    ]
    found += [
        Finding(
            f"role {role}",
            "a policy of the source names it, the target has no such role",
            f"CREATE ROLE {role} on the target",
        )
        for role in source.policy_roles
        if role not in target.roles
    ]
    if not target.may_create_schema:
        found.append(
            Finding(
                "target", "its login may not create schemas", "GRANT CREATE ON DATABASE to it, or use the owner's login"
            )
        )
    if not target.may_create_in_public:
        found.append(
            Finding("target", "its login may not create in schema public", "GRANT CREATE ON SCHEMA public to it")
        )
    return found


def _room(source: Source, target: Target, runner: Runner, options: Options) -> list[Finding]:
    found = []
    needed = int(source.table_bytes * DUMP_FACTOR) + 64 * 1024**2
    if runner.free_bytes < needed:
        found.append(
            Finding(
                f"runner {runner.folder}",
                f"the dump needs up to {needed / GIB:.1f} GiB, {runner.free_bytes / GIB:.1f} GiB are free",
                "set postgres_restore_folder to a larger disk, or free some space",
            )
        )
    for side, free in (("source", source.server.connections_free), ("target", target.server.connections_free)):
        if free < sessions(options.jobs):
            found.append(
                Finding(
                    side,
                    f"{free} connections are free, {options.jobs} jobs need {sessions(options.jobs)}",
                    "lower postgres_restore_jobs, or raise max_connections",
                )
            )
    if source.prepared:
        found.append(
            Finding(
                "source",
                f"prepared transactions are open ({', '.join(source.prepared)}): their rows would be left behind",
                "COMMIT PREPARED or ROLLBACK PREPARED each",
            )
        )
    return found


def _left_behind(source: Source) -> list[Finding]:
    found = [
        Finding(f"{kind} {name}", "it is not moved (it needs a superuser on the target)", mend, fatal=False)
        for kind, names, mend in (
            ("event trigger", source.event_triggers, "create it on the target by hand, if it is still wanted"),
            ("publication", source.publications, "create it on the target by hand, if it is still wanted"),
        )
        for name in names
    ]
    if source.writers:
        found.append(
            Finding(
                "source",
                f"others are connected ({', '.join(source.writers)}): what they write after the dump is not moved",
                "stop the writers first; a write is found by the verification and fails it",
                fatal=False,
            )
        )
    return found
