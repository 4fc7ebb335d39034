"""What a move of Redis knows and decides upon, as plain data."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

NEW, COPYING, COPIED, VERIFIED = "new", "copying", "copied", "verified"
SWITCHING, SWITCHED, FINISHED = "switching", "switched", "finished"

STATE, CACHE, SKIP = "state", "cache", "skip"
MARKER = b"platform:redis-migration"  # on the target: whose move this is
TYPES = frozenset({b"string", b"list", b"set", b"zset", b"hash", b"stream"})
GONE = b"none"
# Hashes whose fields end one by one (Redis 7.4, Valkey 9), and Dragonfly's hashes and sets whose members do.
MEMBER_EXPIRY_FORMATS = frozenset({22, 23, 24, 25, 31, 32})
MEMBERS = (b"hash", b"set")  # types whose members can end one by one


def shown(key: bytes) -> str:
    """A key for a person, without loss."""
    return key.decode("utf-8", "backslashreplace")


@dataclass(frozen=True)
class Rules:
    """Which keys are state, which are cache, which are none of our business; what nobody declared is state."""

    declared: tuple[tuple[str, str], ...] = ()
    _compiled: tuple[tuple[re.Pattern[bytes], str], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        compiled = tuple((re.compile(fnmatch.translate(glob).encode()), kind) for glob, kind in self.declared)
        object.__setattr__(self, "_compiled", compiled)

    def of(self, key: bytes) -> str:
        if key == MARKER:
            return SKIP
        return next((kind for pattern, kind in self._compiled if pattern.match(key)), STATE)

    def with_cache_as_state(self) -> Rules:
        return Rules(tuple((glob, STATE if kind == CACHE else kind) for glob, kind in self.declared))

    def wanted(self, keys: Iterable[bytes]) -> list[bytes]:
        """The keys that are moved and compared."""
        return [key for key in keys if self.of(key) == STATE]


def rules(given: Iterable[Mapping[str, str]], copy_cache: bool) -> Rules:
    """The first rule that matches holds."""
    made = Rules(tuple((entry["keys"], entry["kind"]) for entry in given))
    return made.with_cache_as_state() if copy_cache else made


@dataclass(frozen=True)
class Options:
    """What the caller chose."""

    rules: Rules = field(default_factory=Rules)
    batch_keys: int = 4000
    batch_bytes: int = 4 * 1024**2
    big_bytes: int = 1024**2
    ttl_tolerance: int = 1000  # milliseconds
    lock_wait: float = 60.0
    freeze_limit: float = 60.0  # seconds after which a freeze is given up
    share_token: bool = False


@dataclass(frozen=True)
class Server:
    """What both sides are asked."""

    product: str
    version: tuple[int, ...]
    run_id: str
    role: str
    cluster: bool
    databases: Mapping[int, int]  # number -> keys
    used_memory: int
    max_memory: int  # 0 is no limit
    policy: str
    evicted: int
    clock: float  # milliseconds ahead of the runner
    can: frozenset[str]  # what was tried and is there

    @property
    def keys(self) -> int:
        return sum(self.databases.values())

    @property
    def ends_members(self) -> bool:
        """Whether fields of a hash or members of a set can have expiries of their own there, whatever this login may ask."""
        return self.product == "dragonfly" or self.version >= {"redis": (7, 4), "valkey": (9,)}[self.product]

    @property
    def words(self) -> str:
        return f"{self.product} {'.'.join(map(str, self.version))}"


@dataclass(frozen=True)
class Finding:
    subject: str
    problem: str
    mend: str
    fatal: bool = True

    def __str__(self) -> str:
        return f"{self.subject}: {self.problem}. Mend: {self.mend}"


@dataclass(frozen=True)
class Difference:
    db: int
    key: bytes
    what: str  # missing, extra, different
    detail: str = ""

    def __str__(self) -> str:
        where = f"key {shown(self.key)}" + (f" of database {self.db}" if self.db else "")
        return f"{where}: {self.what}" + (f" ({self.detail})" if self.detail else "")


@dataclass
class Tally:
    """What a pass did."""

    keys: int = 0
    bytes: int = 0
    written: int = 0
    deleted: int = 0
    rebuilt: int = 0  # by commands, because the target does not take the payload
    pieces: int = 0  # big keys
    compared: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
