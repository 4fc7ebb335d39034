"""What is to be uploaded, removed and invalidated, and in which order; without any I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from urllib.parse import quote

from .files import LocalFile
from .retired import Retired, retire

INDEX = "index.html"
EVERYTHING = ["/*"]
IMMUTABLE = "immutable"


@dataclass(frozen=True)
class Remote:
    """An object as S3 has it. The digest is one that an earlier run has left; "" for an object of another hand."""

    size: int
    sha256: str = ""
    content_type: str = ""
    cache_control: str = ""


@dataclass(frozen=True)
class Plan:
    """Uploads come wave after wave, so that no page names an asset that is not there yet; removals come last."""

    waves: tuple[tuple[LocalFile, ...], ...]
    overwritten: tuple[str, ...]
    removals: tuple[str, ...]
    stale: tuple[str, ...]  # of the removals: those that caches may be asked for again
    reasons: Mapping[str, str]
    retired: Retired = field(default_factory=Retired)
    retires: bool = False  # what is to be written down about them differs

    @property
    def uploads(self) -> list[LocalFile]:
        return [file for wave in self.waves for file in wave]

    def __bool__(self) -> bool:
        return bool(self.waves or self.removals or self.retires)


@dataclass(frozen=True)
class Keeping:
    """How long files stay that no build has any more and whose name no other content ever takes."""

    days: float = 0
    now: float = 0
    known: Mapping[str, float] = field(default_factory=dict)  # since when, as the last run wrote it down


def plan(
    local: Sequence[LocalFile], remote: Mapping[str, Remote], delete: bool, keeping: Keeping | None = None
) -> Plan:
    reasons = {file.key: why for file in local if (why := reason(file, remote.get(file.key)))}
    uploads = [file for file in local if file.key in reasons]
    orphans = set(remote) - {file.key for file in local} if delete else set()
    keep = keeping or Keeping()
    # A page that is open somewhere loads such a file when it needs it, which may be days later.
    lasting = sorted(key for key in orphans if IMMUTABLE in remote[key].cache_control)
    retired = retire(lasting, keep.known, keep.days, keep.now)
    removals = sorted(orphans - retired.held.keys())
    waves: dict[int, list[LocalFile]] = {}
    for file in uploads:
        waves.setdefault(wave(file), []).append(file)
    return Plan(
        waves=tuple(tuple(waves[number]) for number in sorted(waves)),
        overwritten=tuple(file.key for file in uploads if file.key in remote),
        removals=tuple(removals),
        stale=tuple(key for key in removals if IMMUTABLE not in remote[key].cache_control),
        reasons=reasons,
        retired=retired,
        retires=retired.differs(keep.known),
    )


def reason(file: LocalFile, remote: Remote | None) -> str:
    """Why a file is to be uploaded; empty when it is there as it shall be."""
    if remote is None:
        return "new"
    if (remote.size, remote.sha256) != (file.size, file.sha256):
        return "content"
    if remote.content_type != file.content_type:
        return "content type"
    return "" if remote.cache_control == file.cache_control else "cache control"


def wave(file: LocalFile) -> int:
    """Assets, then what names them (pages, and what caches must ask for each time), then the page of the whole site."""
    if file.key == INDEX:
        return 3
    if file.key.endswith(".html") or "no-cache" in file.cache_control or "no-store" in file.cache_control:
        return 2
    return 1


def paths(keys: Sequence[str], most: int) -> list[str]:
    """Paths to be invalidated for these keys; everything where they are more than `most`."""
    found = dict.fromkeys(f"/{quote(key)}" for key in keys)
    for key in keys:
        if PurePosixPath(key).name == INDEX:
            found[f"/{quote(key.removesuffix(INDEX))}"] = None
    return EVERYTHING if len(found) > most else sorted(found)
