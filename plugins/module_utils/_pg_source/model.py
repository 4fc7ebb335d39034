"""What is known of a source and what is wanted of it, as plain data. The data flow: locate, look, plan, apply, restart."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

APPLICATION = "platform_source"  # application_name of our own sessions
CERTIFICATE = "platform_server.crt"  # beside the data, where a container keeps it too
KEY = "platform_server.key"


@dataclass(frozen=True)
class Setting:
    """One parameter of the server. `configured` is what the files say, which a restart may still have to bring into effect."""

    name: str
    running: str
    configured: str
    context: str = "sighup"
    source: str = "default"
    written: str | None = None  # in the files, word for word

    @property
    def needs_restart(self) -> bool:
        return self.context == "postmaster"

    @property
    def fixed(self) -> bool:
        """Set from outside the files, which wins over ALTER SYSTEM."""
        return self.source in ("command line", "environment variable", "override")


@dataclass(frozen=True)
class Rule:
    """One line of pg_hba.conf as the server reads it."""

    line: int
    kind: str = ""
    databases: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    method: str = ""
    error: str = ""


@dataclass(frozen=True)
class Client:
    """Sessions of one application."""

    user: str
    application: str
    address: str
    sessions: int
    busy_seconds: float = 0.0  # of the longest open transaction


@dataclass(frozen=True)
class Server:
    """What the server says of itself."""

    version: int
    superuser: bool
    standby: bool
    identifier: str
    data_directory: str
    hba_file: str
    port: int
    started: float
    start_seconds: int  # how long the last start took, rounded up
    settings: dict[str, Setting]
    pending: tuple[str, ...] = ()  # everything that waits for a restart, whoever set it
    broken: tuple[str, ...] = ()  # faults of the configuration files, which a restart would stumble over
    rules: tuple[Rule, ...] = ()
    senders_used: int = 0
    slots_used: int = 0
    clients: tuple[Client, ...] = ()
    databases: tuple[str, ...] = ()
    log_file: str = ""


@dataclass(frozen=True)
class Login:
    """Who the subscriber logs in as."""

    username: str
    password: str = field(repr=False)
    existing: bool = False  # somebody else's role: looked at, never changed


@dataclass(frozen=True)
class Tls:
    """`auto` keeps a certificate that somebody chose, `own` makes one, `given` takes the files, `keep` touches nothing."""

    mode: str = "auto"
    certificate: str = ""  # PEM
    key: str = field(default="", repr=False)  # PEM
    ca: str = ""  # PEM of the authority of a certificate that is kept or given


@dataclass(frozen=True)
class Wanted:
    login: Login
    cidrs: tuple[str, ...]
    databases: tuple[str, ...] = ()  # none: every database of users
    address: str = ""  # where subscribers find this host
    names: tuple[str, ...] = ()  # further names in a certificate of our own
    tls: Tls = field(default_factory=Tls)
    max_wal_senders: int = 10
    max_replication_slots: int = 10
    max_worker_processes: int = 8
    max_logical_replication_workers: int = 4
    slot_wal_limit: int = 10 * 1024**3  # bytes
    restart: bool = False
    restart_timeout: float = 120.0
    stop_timeout: int = 120
    folder: str = "/var/lib/platform_source"


@dataclass(frozen=True)
class Blocker:
    """What stands in the way and is not ours to change, with its mend."""

    text: str
    recreate: bool = False  # its mend makes the container anew, which is a restart in itself


@dataclass(frozen=True)
class Publisher:
    """Where subscribers reach the server."""

    host: str
    port: int


@dataclass
class Outcome:
    """What was found and done, in the words of the result."""

    actions: list[str] = field(default_factory=list)
    blockers: list[Blocker] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    diff: list[dict[str, str]] = field(default_factory=list)
    restarted: dict[str, Any] = field(default_factory=dict)
