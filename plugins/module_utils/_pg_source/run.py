"""Bringing a source to the state that a move by logical replication needs; and taking that back."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source import (
    apply,
    locate,
    probe,
    restart,
    server,
    settings,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source import container as description
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source import target as targets
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.apply import Work
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.container import Container
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.locate import Choice, Service
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.model import Blocker, Server, Wanted
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.record import Record
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.target import Admin, Surroundings

RELOAD_SECONDS = 10.0


def open_work(choice: Choice, admin: Admin, wanted: Wanted, check: bool) -> tuple[Container | Service, Work]:
    found = locate.locate(choice)
    place = targets.way_in(found, admin)
    now = server.look(place)
    targets.as_owner(found, place, now)
    record = Record(Path(wanted.folder) / now.identifier)
    if not check:
        record.make()
    return found, Work(place, now, wanted, record, check, apply.databases(now, wanted))


def prepare(choice: Choice, admin: Admin, wanted: Wanted, check: bool) -> dict[str, Any]:
    """Look, do what is missing, restart once if that is allowed, and say what is left."""
    found, work = open_work(choice, admin, wanted, check)
    if work.server.broken:
        raise PgError(
            f"the configuration of {work.place.label} has faults, a restart would fail: {'; '.join(work.server.broken)}. Mend: put them right"
        )
    around = targets.surroundings(found, work.server, wanted.address)
    work.outcome.blockers += around.blockers
    apply.keep_login(work)
    before = len(work.outcome.actions)
    ours, ca = apply.keep_certificate(work)
    if not ours and work.server.settings["ssl"].configured != "on":
        work.outcome.blockers.append(
            Blocker("ssl is off, and the certificate is not ours to choose. Mend: tls.mode own or given")
        )
    free = work.place.free_bytes()
    changes, blockers = settings.plan(work.server, settings.fitted(wanted, free), around.inside, ours, around.command)
    work.outcome.blockers += blockers
    apply.keep_settings(work, changes)
    if len(work.outcome.actions) > before:
        _reload(work, around, changes, ca if ours else "")
    _rules(work, changes)
    _dangers(found, work, around, free)
    pending = _pending(work, changes)
    announcement = []
    if pending:
        keeper = targets.keeper(found, work.place, work.server, wanted)
        shown = _with(work.server, changes) if check else work.server
        announcement = restart.announce(shown, pending, keeper.how)
        if wanted.restart and _may_restart(work, around):
            work.did(f"restart PostgreSQL for {', '.join(pending)}")
            if not check:
                work.outcome.restarted = restart.restart(
                    work.place, keeper, work.server, work.record, wanted.restart_timeout
                )
                work.server = server.look(work.place)
                pending = settings.waiting(work.server)
    verified = _judge(work, around, ca, bool(pending) or (check and bool(work.outcome.actions)))
    return _result(found, work, around, ca, verified, pending, announcement)


def _reload(work: Work, around: Surroundings, changes: list[settings.Change], ca: str) -> None:
    if work.check:
        return
    reload(work, changes)
    if ca:
        _served(around, work.wanted.address, ca)


def _rules(work: Work, changes: list[settings.Change]) -> None:
    """After TLS: without it the server calls its own lines for TLS faulty."""
    if work.server.settings["ssl"].running != "on" and not (work.check and any(one.name == "ssl" for one in changes)):
        work.outcome.notices.append(f"{work.server.hba_file} waits for TLS: nobody is let in without")
        return
    if apply.keep_rules(work) and not work.check:
        server.reload(work.place)


def reload(work: Work, changes: list[settings.Change]) -> None:
    """Told, and seen to have been heard: the server reads its files in its own time."""
    server.reload(work.place)
    left: list[str] = []

    def heard() -> bool:
        work.server = server.look(work.place)
        left[:] = [one.name for one in changes if not _taken(work.server, one)]
        return not left

    if not server.await_that(heard, RELOAD_SECONDS):
        raise PgError(
            f"{work.place.label} did not take {', '.join(left)} within {RELOAD_SECONDS:.0f} s. Mend: see its log"
        )


def _taken(now: Server, change: settings.Change) -> bool:
    if change.outdone:
        return True
    if change.needs_restart:
        return change.name in now.pending
    return now.settings[change.name].running != change.before


def _served(around: Surroundings, name: str, ca: str) -> None:
    """A certificate that the server does not take keeps it from starting again, so this is asked before any restart."""
    said: dict[str, str] = {}

    def good() -> bool:
        said.clear()
        for host, port in around.ways:
            said[f"{host}:{port}"] = probe.probe(host, port, name, ca)
        return "" in said.values() or all(text.startswith("Connection") for text in said.values())

    if not server.await_that(good, RELOAD_SECONDS):
        raise PgError(
            f"the server does not serve its new certificate ({said}). Mend: see its log, and do not restart it before"
        )


def _dangers(found: Container | Service, work: Work, around: Surroundings, free: int | None) -> None:
    """What a person should know of the container before touching it."""
    limit = work.wanted.slot_wal_limit
    if free is not None and free // 2 < limit:
        work.outcome.notices.append(
            f"{free // 1024**2} MiB are free beside the WAL, less than twice slot_wal_limit ({limit // 1024**2} MiB): where no limit was"
            f" set yet a slot keeps half of it, {max(free // 2 // 1024**2, settings.LEAST_WAL)} MiB; a limit that is set already stays, and"
            " may let a subscriber that stays away fill the disk"
        )
    if isinstance(found, Container):
        recreate = any(one.recreate for one in work.outcome.blockers)
        now = targets.tag_now(found) if recreate else ""
        work.outcome.blockers += description.hazards(found, work.server.data_directory, now, recreate)
        if targets.hides_clients(found):
            work.outcome.notices.append(
                "the engine runs without root: the server sees its port forwarder's address instead of the clients', so"
                " pg_hba cannot tell them apart. Mend: name that address in cidrs, and close the port to others by a firewall"
            )
    if around.unit:
        work.outcome.notices.append(
            f"{work.place.label} is kept by {around.unit}: its restart is 'systemctl restart {around.unit}'"
        )


def _pending(work: Work, changes: list[settings.Change]) -> list[str]:
    planned = [one.name for one in changes if one.needs_restart and not one.outdone] if work.check else []
    return sorted({*settings.waiting(work.server), *planned})


def _with(now: Server, changes: list[settings.Change]) -> Server:
    """The server as it would be told, for what is announced in check mode."""
    told = {one.name: asdict(now.settings[one.name]) | {"configured": one.value} for one in changes}
    return Server(
        **{
            **vars(now),
            "settings": now.settings | {name: type(now.settings[name])(**one) for name, one in told.items()},
        }
    )


def _may_restart(work: Work, around: Surroundings) -> bool:
    if around.unit:
        work.outcome.notices.append(
            f"not restarted: {around.unit} keeps the server, and might make it anew from another image"
        )
        return False
    if any(one.recreate for one in work.outcome.blockers):
        work.outcome.notices.append(
            "not restarted: what stands in the way is mended by making the container anew, and that is the one restart"
        )
        return False
    return True


def _judge(work: Work, around: Surroundings, ca: str, unfinished: bool) -> bool:
    """Ask at the address that subscribers will use. True when that was reached and verified."""
    if unfinished or around.blockers:
        return False
    where = around.publisher
    if not ca:
        work.outcome.notices.append(
            "the server's certificate was not verified: tls.ca names the authority of one that is kept"
        )
        return False
    said = probe.probe(where.host, where.port, where.host, ca)
    if said.startswith("its certificate"):
        work.outcome.blockers.append(
            Blocker(f"{where.host}:{where.port}: {said}. Mend: tls.mode own, or a certificate with that name")
        )
    elif said:
        work.outcome.notices.append(
            f"{where.host}:{where.port} was not reached from this host ({said}); ask from the subscriber's network"
        )
    return not said


def _result(
    found: Container | Service,
    work: Work,
    around: Surroundings,
    ca: str,
    verified: bool,
    pending: list[str],
    announcement: list[str],
) -> dict[str, Any]:
    outcome = work.outcome
    blockers = list(dict.fromkeys(one.text for one in outcome.blockers))
    ready = not pending and not blockers and not (work.check and outcome.actions)
    left = [*(["a restart is pending"] if pending else []), *([f"{len(blockers)} in the way"] if blockers else [])]
    return {
        "changed": bool(outcome.actions),
        "ready": ready,
        "actions": outcome.actions,
        "blockers": blockers,
        "notices": outcome.notices,
        "pending_restart": pending,
        "announcement": announcement,
        "clients": [asdict(one) for one in work.server.clients],
        "restart": outcome.restarted,
        "publisher": {
            **asdict(around.publisher),
            "username": work.wanted.login.username,
            "ca": ca,
            "verified": verified,
        },
        "where": {
            "label": found.label,
            "image": around.image,
            "data_directory": work.server.data_directory,
            "version": work.server.version,
            "databases": list(work.databases),
            "identifier": work.server.identifier,
        },
        "message": f"{found.label}: {'; '.join(outcome.actions) or 'nothing to do'}{f'. Left: {chr(44).join(left)}' if left else ''}",
        "diff": outcome.diff,
    }
