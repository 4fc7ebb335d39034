"""What a move without downtime knows, as plain data. The data flow: preflight, seed, follow, verify, cutover, then finish or rollback."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import Endpoint

MARKER_SCHEMA = "platform_migration"

# Where a move stands. A phase is written before the work that it names and replaced after it.
NEW = "new"
SEEDING = "seeding"  # the slot exists; parts are being copied
SEEDED = "seeded"  # every row of the snapshot and every index is there
FOLLOWING = "following"  # the subscription applies what came after the snapshot
CUTTING = "cutting"  # between freeze and open; the journal's `cutover` says how far
SWITCHED = "switched"  # applications write to the target, the return leg carries it back
RETURNING = "returning"  # rollback between freeze and open
RETURNED = "returned"  # applications write to the source again
FINISHED = "finished"  # nothing of the move is left but its report
ABANDONED = "abandoned"  # finished before a cutover: the source never stopped being the one

PHASES = (NEW, SEEDING, SEEDED, FOLLOWING, CUTTING, SWITCHED, RETURNING, RETURNED, FINISHED, ABANDONED)

# For a person, who gives them to the module or to the role.
# As an option of the module, and as a playbook takes it.
CLEAN = """clean_target=true (-e '{"postgres_migration_clean_target": true}')"""
RESTART = """restart=true (-e '{"postgres_migration_restart": true}')"""
ANEW = f"finish with {CLEAN}, then seed with {RESTART}"


@dataclass(frozen=True)
class Names:
    """Every object that a move makes on a server. `short` tells moves of one server apart."""

    short: str

    @property
    def slot(self) -> str:
        """Logical slot on the source that the seed's snapshot and the subscription share."""
        return f"platform_move_{self.short}"

    @property
    def verify_slot(self) -> str:
        """Logical slot on the source that says which rows changed since the online verification began."""
        return f"platform_verify_{self.short}"

    @property
    def publication(self) -> str:
        return f"platform_move_{self.short}"

    @property
    def subscription(self) -> str:
        """On the target."""
        return f"platform_move_{self.short}"

    @property
    def return_publication(self) -> str:
        """On the target, for what is written after the cutover."""
        return f"platform_return_{self.short}"

    @property
    def return_subscription(self) -> str:
        """On the source; its slot on the target has the same name."""
        return f"platform_return_{self.short}"

    @property
    def guard(self) -> str:
        """Event trigger on the source that refuses DDL; its function is `platform_migration.<guard>()`."""
        return f"platform_guard_{self.short}"

    @property
    def application(self) -> str:
        """application_name of our own sessions: they are never terminated by the freeze."""
        return f"platform_migration/{self.short}"


@dataclass(frozen=True)
class Pooler:
    """PgBouncer in front of both servers, on the runner. Empty `database` is none."""

    database: str = ""  # name of the pool as applications know it
    admin_socket: str = "/var/run/postgresql"  # folder of the unix socket of the admin console
    admin_port: int = 6432
    active_file: str = ""  # the include file that says which server is active
    pause_timeout: float = 5.0  # seconds that running transactions get to end


@dataclass(frozen=True)
class Settings:
    """What the caller chose. Seconds and bytes unless said otherwise."""

    jobs: int = 4
    part_bytes: int = 256 * 1024**2  # tables above are copied in ranges of pages of this size
    maintenance_work_mem: str = "256MB"
    rate_limit: int = 0  # bytes a second of all workers together; 0: none
    source_latency_limit: float = (
        0.0  # seconds that a trivial commit on the source may take before copying pauses; 0: none
    )
    max_lag: int = 16 * 1024**2  # bytes behind the source at which a cutover may begin
    follow_timeout: float = 3600.0
    freeze_budget: float = 30.0  # the source is opened again when the freeze would last longer
    verify: str = "changed"  # what is compared inside the freeze: `changed` rows, or `full`
    sequence_margin: int = 1000
    application_roles: tuple[str, ...] = ()  # logins that are shut out while nobody may write
    left_extension_tables: tuple[str, ...] = ()  # of extensions: an operator carries their rows over by hand
    slot_wal_limit: int = 10 * 1024**3  # max_slot_wal_keep_size on the source: a lost slot beats a full disk
    lock_wait: float = 0.0
    client_folder: str = ""
    folder: str = "/var/lib/platform_migration"
    run_folder: str = "/run/platform_migration"  # a tmpfs: what a worker needs to connect, for its lifetime
    pooler: Pooler = field(default_factory=Pooler)
    attach: float = 0.0  # seconds to wait for a long verb, which goes on without us; 0: until it ends
    restart: bool = False  # seed: give up the slot, the snapshot and what was copied, and begin anew
    rehearse: bool = False  # cutover: everything up to the verdict, then the source is opened again
    clean_target: bool = False  # finish before a cutover: drop what was copied


@dataclass(frozen=True)
class Peer:
    """How one server reaches the other for a subscription; not the way this runner takes."""

    host: str
    port: int
    username: str
    password: str = field(repr=False)
    sslmode: str = "require"
    ca_file: str = ""  # a path on the subscriber's machine

    @property
    def verified(self) -> bool:
        return self.sslmode == "verify-full"


@dataclass(frozen=True)
class Ends:
    """Both databases as this runner reaches them, and as they reach each other."""

    source: Endpoint
    target: Endpoint
    publisher: Peer  # the source, as the target's subscription reaches it
    returner: Peer  # the target, as the source's subscription reaches it


@dataclass(frozen=True)
class Table:
    """A table that holds rows: ordinary tables and leaf partitions. Names unquoted."""

    schema: str
    name: str
    label: str  # regclass text: quoted where needed, with its schema
    pages: int
    bytes: int
    rows: int  # the planner's guess
    key: tuple[str, ...] = ()  # columns of the replica identity: primary key, else a chosen unique index
    identity: str = "d"  # relreplident


@dataclass
class Progress:
    """What a person wants to see of a long phase; kept as progress.json."""

    step: str
    began: float
    done_bytes: int = 0
    total_bytes: int = 0
    done_rows: int = 0
    total_rows: int = 0
    rate: float = 0.0  # bytes a second, over the last seconds
    eta: float | None = None
    lag_bytes: int | None = None
    note: str = ""
    extra: dict[str, Any] = field(default_factory=dict)
