"""Which settings a publisher needs, and what is to be changed for them. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.model import (
    CERTIFICATE,
    KEY,
    Blocker,
    Server,
    Wanted,
)

MIB = 1024**2
SPARE = 4  # senders and slots that one move takes: subscription, snapshot holder, verification, and one for luck
TIMEOUT = (10_000, 300_000)  # milliseconds; 0 keeps WAL for a subscriber that is gone without a word
METHOD = "scram-sha-256"
LEAST_WAL = 64  # MiB that a slot may keep at any rate
EVERY_ADDRESS = ("*", "0.0.0.0", "::")  # noqa: S104 - words that are looked for in a configuration

NAMES = (
    "wal_level", "max_wal_senders", "max_replication_slots", "max_worker_processes", "max_logical_replication_workers",
    "max_slot_wal_keep_size", "wal_sender_timeout", "password_encryption", "listen_addresses", "ssl", "ssl_cert_file", "ssl_key_file",
)  # fmt: skip


LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Change:
    """One ALTER SYSTEM."""

    name: str
    before: str
    value: str
    needs_restart: bool
    outdone: bool = False  # by the command line, until that is mended

    @property
    def words(self) -> str:
        return f"set {self.name} to {self.value} (was {self.before})"


def listens_on(value: str, address: str) -> bool:
    """Whether listen_addresses covers an address; an empty one asks for all."""
    parts = [part.strip() for part in value.split(",")]
    if "localhost" in parts and address in LOOPBACK:
        return True
    return any(part in parts for part in EVERY_ADDRESS) or (bool(address) and address in parts)


def _listen(current: str, address: str) -> str:
    return ",".join(part for part in (current.strip(), address) if part) if address else "*"


def _needs(server: Server, wanted: Wanted, inside: str, own_certificate: bool) -> Iterator[tuple[str, bool, str]]:
    """Name, whether its value will do, and the value that would."""
    value = {name: setting.configured for name, setting in server.settings.items()}
    yield "wal_level", value["wal_level"] == "logical", "logical"
    least = {
        "max_wal_senders": max(wanted.max_wal_senders, server.senders_used + SPARE),
        "max_replication_slots": max(wanted.max_replication_slots, server.slots_used + SPARE),
        "max_worker_processes": wanted.max_worker_processes,
        "max_logical_replication_workers": wanted.max_logical_replication_workers,
    }
    for name, number in least.items():
        yield name, int(value[name]) >= number, str(number)
    limit = max(wanted.slot_wal_limit // MIB, LEAST_WAL)
    yield "max_slot_wal_keep_size", int(value["max_slot_wal_keep_size"]) != -1, f"{limit}MB"
    yield "wal_sender_timeout", TIMEOUT[0] <= int(value["wal_sender_timeout"]) <= TIMEOUT[1], "60s"
    yield "password_encryption", value["password_encryption"] == METHOD, METHOD
    yield "listen_addresses", listens_on(value["listen_addresses"], inside), _listen(value["listen_addresses"], inside)
    if own_certificate:
        yield "ssl_cert_file", value["ssl_cert_file"] == CERTIFICATE, CERTIFICATE
        yield "ssl_key_file", value["ssl_key_file"] == KEY, KEY
    yield "ssl", value["ssl"] == "on", "on"


def fitted(wanted: Wanted, free: int | None) -> Wanted:
    """A limit that the disk has no room for is none: half of what is free stays for everything else."""
    return wanted if free is None else replace(wanted, slot_wal_limit=min(wanted.slot_wal_limit, free // 2))


def plan(
    server: Server, wanted: Wanted, inside: str, own_certificate: bool, command: str = ""
) -> tuple[list[Change], list[Blocker]]:
    """`inside` is the address to listen on (none: all); `command` is how the server was started, for messages."""
    changes: list[Change] = []
    blockers: list[Blocker] = []
    for name, will_do, value in _needs(server, wanted, inside, own_certificate):
        if will_do:
            continue
        setting = server.settings[name]
        if setting.fixed:
            where = f"the {setting.source}{f' ({command})' if command else ''}"
            text = (
                f"{name} is {setting.running} by {where}, which wins over ALTER SYSTEM; {value} is needed."
                f" Mend: take '-c {name}={setting.running}' out of it, or make it '-c {name}={value}'"
            )
            blockers.append(Blocker(text, recreate=True))
            if setting.written != value:  # so that it counts with the restart that mends the command line
                changes.append(Change(name, setting.written or "not set", value, setting.needs_restart, outdone=True))
        else:
            changes.append(Change(name, setting.configured, value, setting.needs_restart))
    return changes, blockers


def waiting(server: Server) -> list[str]:
    """Settings of ours that the files have and the server takes with its next start, unless its command line says otherwise."""
    return sorted(name for name in NAMES if name in server.pending and not server.settings[name].fixed)


def lines(server: Server, changes: list[Change], after: bool) -> str:
    """The settings as text, for a diff."""
    new = {change.name: change for change in changes} if after else {}
    shown = []
    for name in NAMES:
        if name not in server.settings:
            continue
        change = new.get(name)
        note = "  # from the next restart on" if change and (change.needs_restart or change.outdone) else ""
        shown.append(f"{name} = {change.value if change else server.settings[name].configured}{note}\n")
    return "".join(shown)
