"""What both servers must be and allow. Pure: facts in, findings out."""

from __future__ import annotations

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import Settings
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.preflight import estimate
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.preflight.model import Facts, Side
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore import preflight as restore
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.model import Finding

GIB = 1024**3
MIB = 1024**2
# Sessions besides the workers: the look of the verb, the holder of the snapshot, the watch, the journal.
BESIDES = 5
SLOTS_ON_SOURCE = 2  # the subscription's and the comparison's
ORIGINS_ON_SOURCE = 1  # of the return leg; it counts against the same limit
LEAST_SEGMENTS = 4  # of WAL, kept for a slot: it begins somewhere in one of them
JOURNAL_BYTES = 256 * MIB
OLDEST = 15  # disable_on_error; before it an apply error repeats for ever


def check(facts: Facts, settings: Settings) -> list[Finding]:
    found = []
    if facts.same:
        found.append(Finding("target", "it is the same database as the source", "give another target database"))
    for name, server in (("source", facts.source.server), ("target", facts.target.server)):
        if server.in_recovery:
            found.append(Finding(name, "it is a read-only standby", "give the primary (the writer's endpoint)"))
    found += restore.versions(facts.source, facts.target, facts.runner)
    if facts.target.server.major < OLDEST:
        found.append(
            Finding(
                "target",
                f"PostgreSQL {facts.target.server.major} cannot stop a subscription at an error",
                f"create it with engine version {OLDEST} or newer",
            )
        )
    found += restore.extensions(facts.source, facts.target)
    found += restore.text(facts.source, facts.target)
    found += _order(facts)
    found += restore.rights(facts.source, facts.target)
    found += _logical("source", facts.here, slots=SLOTS_ON_SOURCE + ORIGINS_ON_SOURCE, senders=2, workers=1)
    found += _logical("target", facts.there, slots=2, senders=1, workers=1)
    found += _logins(facts)
    found += _roles(facts, settings)
    found += _sessions(facts, settings)
    found += _disk(facts, settings)
    return found


def _parameter(side: Side, name: str, value: str, restart: bool = True) -> str:
    if side.managed:
        parameter = "rds.logical_replication=1" if name == "wal_level" else f"{name}={value}"
        return f"set {parameter} in the cluster's parameter group" + (" and reboot" if restart else "")
    if not restart:
        return f"ALTER SYSTEM SET {name} TO '{value}'; SELECT pg_reload_conf()"
    return f"ALTER SYSTEM SET {name} TO {value}, and restart the server once (in a container: its command line, and recreate it)"


def _logical(name: str, side: Side, slots: int, senders: int, workers: int) -> list[Finding]:
    """Both servers publish and subscribe: the target for the way back."""
    found = []
    if side.settings.get("wal_level") != "logical":
        why = "changes cannot be read from it" if name == "source" else "the way back cannot be armed"
        found.append(
            Finding(
                name, f"wal_level is {side.settings.get('wal_level')}: {why}", _parameter(side, "wal_level", "logical")
            )
        )
    limits = (
        ("max_replication_slots", max(side.slots_used, side.origins_used), slots),
        ("max_wal_senders", side.senders_used, senders),
    )
    for parameter, used, wanted in limits:
        limit = side.number(parameter)
        if limit - used < wanted:
            found.append(
                Finding(
                    name,
                    f"{parameter} is {limit}, {used} are in use and the move needs {wanted}",
                    _parameter(side, parameter, str(used + wanted + 5)),
                )
            )
    subscribers, all_workers = side.number("max_logical_replication_workers"), side.number("max_worker_processes")
    if subscribers < workers:
        found.append(
            Finding(
                name,
                f"max_logical_replication_workers is {subscribers}: nothing would apply the changes",
                _parameter(side, "max_logical_replication_workers", "4"),
            )
        )
    if all_workers - side.workers_used < workers:
        found.append(
            Finding(
                name,
                f"max_worker_processes is {all_workers}, {side.workers_used} are in use: the worker that applies changes finds no place",
                _parameter(side, "max_worker_processes", str(side.workers_used + 8)),
            )
        )
    return found


def _logins(facts: Facts) -> list[Finding]:
    found = []
    here, there = facts.here, facts.there
    for name, side, what in (
        ("target", there, "the subscription"),
        ("source", here, "the subscription of the way back"),
    ):
        if not side.makes_subscriptions:
            found.append(
                Finding(
                    f"{name} login {side.login}",
                    f"it may not create {what}",
                    "use a superuser (on RDS and Aurora: the master user, or GRANT rds_superuser)",
                )
            )
    for name, side in (("source", here), ("target", there)):
        if not (side.replication or side.managed_superuser):
            found.append(
                Finding(
                    f"{name} login {side.login}",
                    "it may not create replication slots",
                    f"ALTER ROLE {side.login} REPLICATION (on RDS and Aurora: GRANT rds_replication)",
                )
            )
    if not (here.superuser or here.managed_superuser):
        found.append(
            Finding(
                f"source login {here.login}",
                "it may not create the event trigger that refuses changes of the schema during the move",
                "use a superuser of the source",
            )
        )
    bound = [label for label, forced in facts.content.policies if forced and not there.bypasses_policies]
    for label in bound:
        found.append(
            Finding(
                f"table {label}",
                f"FORCE ROW LEVEL SECURITY binds {there.login} on the target: changes could not be applied",
                f"use a target login with BYPASSRLS, or ALTER TABLE {label} NO FORCE ROW LEVEL SECURITY for the time of the move",
            )
        )
    return found


def _roles(facts: Facts, settings: Settings) -> list[Finding]:
    """Who is shut out while nobody may write."""
    found = []
    own = {facts.here.login: "source", facts.there.login: "target"}
    for role in settings.application_roles:
        if role in own:
            found.append(
                Finding(
                    f"application role {role}",
                    f"it is the login that the move itself uses on the {own[role]}",
                    "give the applications a login of their own",
                )
            )
        for name, side, fatal in (("source", facts.here, True), ("target", facts.there, True)):
            if role not in side.roles:
                found.append(
                    Finding(
                        f"application role {role}",
                        f"the {name} has no such role",
                        f"create it on the {name} (role postgres_access), or take it out of application_roles",
                        fatal,
                    )
                )
        if facts.here.roles.get(role, (False, True))[0]:
            found.append(
                Finding(
                    f"application role {role}",
                    "it is a superuser of the source: it can write to a read-only database if it wants to",
                    f"ALTER ROLE {role} NOSUPERUSER; applications need none",
                    fatal=False,
                )
            )
    if not settings.application_roles:
        found.append(
            Finding(
                "application_roles",
                "none is named: in the freeze writers are held back by a default that a session may override",
                "name the logins of the applications",
                fatal=False,
            )
        )
    return found


def _sessions(facts: Facts, settings: Settings) -> list[Finding]:
    wanted = settings.jobs + BESIDES
    return [
        Finding(
            name,
            f"{side.free_connections} connections are free, {settings.jobs} jobs need {wanted}",
            "lower jobs, stop other clients, or raise max_connections",
        )
        for name, side in (("source", facts.here), ("target", facts.there))
        if side.free_connections < wanted
    ]


def _disk(facts: Facts, settings: Settings) -> list[Finding]:
    found = []
    keep = facts.here.number("max_slot_wal_keep_size") if "max_slot_wal_keep_size" in facts.here.settings else -1
    limit = keep * MIB if keep >= 0 else settings.slot_wal_limit
    if keep == -1:
        who = "the move sets it" if facts.here.superuser else "an administrator has to set it"
        found.append(
            Finding(
                "source disk",
                f"max_slot_wal_keep_size is not set: a target that stays away would fill the disk; {who} to {limit / GIB:.1f} GiB",
                f"have {limit / GIB:.1f} GiB free beside the {facts.content.wal_bytes / GIB:.1f} GiB of WAL that are there (SQL cannot see the"
                " disk), or choose a smaller slot_wal_limit",
                fatal=False,
            )
        )
    if facts.there.settings.get("max_slot_wal_keep_size") == "-1":
        found.append(
            Finding(
                "target disk",
                "max_slot_wal_keep_size is not set: from the cutover until finish the target keeps all WAL for a source that stays away",
                f"{_parameter(facts.there, 'max_slot_wal_keep_size', f'{limit // MIB}MB', restart=False)}; or finish as soon as nobody will go back",
                fatal=False,
            )
        )
    found += _wal(facts, settings, limit, keep >= 0)
    hours = limit / facts.content.wal_rate / 3600 if facts.content.wal_rate else 0.0
    if hours and hours < 1:
        found.append(
            Finding(
                "source WAL",
                f"{facts.content.wal_rate / MIB:.1f} MiB a second are written on average: {limit / GIB:.1f} GiB last for {hours * 60:.0f} minutes"
                " if the target stays away, then the slot is lost",
                "raise slot_wal_limit if the disk allows it",
                fatal=False,
            )
        )
    if facts.runner.free_bytes < JOURNAL_BYTES:
        found.append(
            Finding(
                f"runner {facts.runner.folder}",
                f"{facts.runner.free_bytes / MIB:.0f} MiB are free for the journal and the changed keys",
                f"free {JOURNAL_BYTES // MIB} MiB, or set another folder",
            )
        )
    return found


def _wal(facts: Facts, settings: Settings, limit: int, chosen: bool) -> list[Finding]:
    """What is written from the slot on until the copy is complete has to be kept: only then the target begins to fetch it."""
    seconds = estimate.of(facts, settings)["seed_seconds"]
    expected = facts.content.wal_rate * seconds
    least = LEAST_SEGMENTS * (facts.here.number("wal_segment_size") or 16 * MIB)
    if limit >= max(2 * expected, least):
        return []
    mend = (
        _parameter(facts.here, "max_slot_wal_keep_size", f"{max(4 * expected, least) / MIB:.0f}MB", restart=False)
        if chosen
        else f"slot_wal_limit: {max(4 * expected, least):.0f}, if the disk allows it"
    )
    if limit < least:
        return [
            Finding(
                "source WAL",
                f"{limit / MIB:.0f} MiB may be kept for a slot, less than {LEAST_SEGMENTS} segments: it would be lost at once",
                mend,
            )
        ]
    return [
        Finding(
            "source WAL",
            f"{limit / MIB:.0f} MiB may be kept for a slot; in the {seconds:.0f} s of the seed about {expected / MIB:.0f} MiB are written, at the"
            " average rate so far"
            + (": the slot would be lost before the target can follow" if limit < expected else ""),
            mend,
            fatal=limit < expected,
        )
    ]


def _order(facts: Facts) -> list[Finding]:
    """Whatever the versions say: do both sides sort alike?"""
    if facts.here.sorted_sample == facts.there.sorted_sample:
        return []
    return [
        Finding(
            "collation",
            "a sample of words is sorted differently by both sides"
            if facts.here.sorted_sample and facts.there.sorted_sample
            else "a sample of words cannot be written in the encoding of one side: whether both sort alike is not known",
            "nothing breaks (indexes are built anew); results with ORDER BY change, and text keys are compared by a slower way",
            fatal=False,
        )
    ]
