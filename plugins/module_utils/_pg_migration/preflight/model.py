"""What the preflight looks at, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.memberships import Lack
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import Table
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.model import Runner, Source, Target


@dataclass(frozen=True)
class Side:
    """What both servers are asked about replication, and about our login there."""

    settings: Mapping[str, str] = field(default_factory=dict)  # of pg_settings, in its units
    slots_used: int = 0
    senders_used: int = 0
    origins_used: int = 0
    workers_used: int = 0  # background workers of any kind
    login: str = ""
    superuser: bool = False
    replication: bool = False  # REPLICATION, or a superuser
    bypasses_policies: bool = False
    managed_superuser: bool = False  # a member of rds_superuser
    makes_subscriptions: bool = False
    free_connections: int = 0
    sorted_sample: str = ""
    prepared: tuple[tuple[str, str], ...] = ()  # transactions of any database: their name, and it
    roles: Mapping[str, tuple[bool, bool]] = field(default_factory=dict)  # the named ones: superuser, may log in

    def number(self, name: str) -> int:
        return int(self.settings.get(name, "0") or 0)

    @property
    def managed(self) -> bool:
        """A service (RDS, Aurora): its parameters are set in a parameter group, never by SQL."""
        return "rds.extensions" in self.settings or "rds.logical_replication" in self.settings


@dataclass(frozen=True)
class Waiting:
    """A transaction that a new slot would have to wait for."""

    pid: int
    user: str
    application: str
    seconds: float


@dataclass(frozen=True)
class ExtensionRows:
    """A table of an extension with rows that are its users'. `rows`: None where they may not be read."""

    extension: str
    table: str
    rows: int | None
    unwritable: bool = False  # it is on the target already, and our login there may not change it


@dataclass(frozen=True)
class Firing:
    """A trigger that fires where changes are applied. `mode`: A(lways) or R(eplica)."""

    table: str
    trigger: str
    mode: str


@dataclass(frozen=True)
class Unequal:
    """A table without a key, and the columns of it that have no equality; how often rows of it were changed."""

    table: str
    columns: tuple[str, ...]
    changes: int


@dataclass(frozen=True)
class Content:
    """What of the source's content needs a word."""

    tables: tuple[Table, ...] = ()
    unlogged: tuple[str, ...] = ()
    unlogged_bytes: int = 0
    temporary: int = 0
    policies: tuple[tuple[str, bool], ...] = ()  # tables with row level security, and whether their owner is bound too
    large_objects: int = 0
    large_object_bytes: int = 0
    views: tuple[str, ...] = ()
    late_views: tuple[tuple[str, str], ...] = ()  # refreshed in the freeze, and why
    late_view_bytes: int = 0
    index_bytes: int = 0
    sequences: int = 0
    near_end: tuple[tuple[str, int, int], ...] = ()  # sequence, values left, increment: over 80 % used up
    waiting: tuple[Waiting, ...] = ()
    oversize: tuple[tuple[str, int], ...] = ()  # table and row, bytes of its text
    oversize_unknown: tuple[str, ...] = ()
    subscriptions: tuple[str, ...] = ()
    extension_rows: tuple[ExtensionRows, ...] = ()
    firing: tuple[Firing, ...] = ()
    unequal: tuple[Unequal, ...] = ()
    wal_bytes: int = 0
    wal_rate: float = 0.0


@dataclass(frozen=True)
class Facts:
    """Everything of one look."""

    source: Source
    target: Target
    here: Side
    there: Side
    content: Content
    runner: Runner
    same: bool
    fresh: bool  # nothing of this move is there yet
    lacks: tuple[Lack, ...] = ()  # memberships and rights to call functions that the target's roles do not have
    unset: tuple[
        tuple[str, str], ...
    ] = ()  # settings of database and logins that the target lacks, and the statement for each
