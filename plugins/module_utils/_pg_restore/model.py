"""What the restore knows about both servers, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

MARKER_SCHEMA = "platform_restore"

NEW, DUMPED, RESTORING, RESTORED, REJECTED, FINISHED = "new", "dumped", "restoring", "restored", "rejected", "finished"


@dataclass(frozen=True)
class Options:
    """What the caller chose."""

    jobs: int = 4
    maintenance_work_mem: str = "256MB"
    source_writes: str = "refuse"
    verify: str = "once"
    keep_dump: bool = False
    client_folder: str = ""
    lock_wait: int = 3600


@dataclass(frozen=True)
class Extension:
    name: str
    version: str
    schema: str


@dataclass(frozen=True)
class Offer:
    """An extension the target could install."""

    version: str
    trusted: bool
    installed: bool


@dataclass(frozen=True)
class Server:
    """What both sides are asked."""

    version: int  # server_version_num
    identity: str
    superuser: bool
    encoding: str
    collate: str
    ctype: str
    collation_version: str
    in_recovery: bool
    connections_free: int
    extensions: tuple[Extension, ...] = ()
    schemas: tuple[tuple[str, str], ...] = ()  # name, owner

    @property
    def major(self) -> int:
        return self.version // 10000


@dataclass(frozen=True)
class Source:
    server: Server
    table_bytes: int
    large_objects: int = 0
    unreadable: tuple[str, ...] = ()
    hidden_by_policy: tuple[str, ...] = ()
    policy_roles: tuple[str, ...] = ()
    prepared: tuple[str, ...] = ()
    event_triggers: tuple[str, ...] = ()
    publications: tuple[str, ...] = ()
    writers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Marker:
    """What an earlier run left on the target."""

    move: str
    source: str
    identity: str
    phase: str
    runner: str
    finished: str = ""
    report: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Target:
    server: Server
    offers: dict[str, Offer] = field(default_factory=dict)
    roles: frozenset[str] = frozenset()
    may_create_schema: bool = True
    may_create_in_public: bool = True
    rds_superuser: bool = False
    objects: tuple[str, ...] = ()
    marker: Marker | None = None


@dataclass(frozen=True)
class Runner:
    """The machine the copy goes through."""

    client_major: int
    free_bytes: int
    folder: str


@dataclass(frozen=True)
class Finding:
    subject: str
    problem: str
    mend: str
    fatal: bool = True

    def __str__(self) -> str:
        return f"{self.subject}: {self.problem}. Mend: {self.mend}"


@dataclass
class Manifest:
    """Everything a copy must have, small enough to keep: counts and digests, no data."""

    major: int
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)  # name -> rows, hash, method
    objects: dict[str, dict[str, str]] = field(default_factory=dict)  # kind -> name -> definition's digest
    sequences: dict[str, str] = field(default_factory=dict)
    extensions: dict[str, str] = field(default_factory=dict)
    large_objects: dict[str, Any] = field(default_factory=dict)
    unpopulated: list[str] = field(default_factory=list)
    invalid: list[str] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return sum(int(table["rows"]) for table in self.tables.values())
