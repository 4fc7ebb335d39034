"""What stands in the way of a move: every finding at once, from what was read. No question is asked here."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.model import (
    CACHE,
    STATE,
    Finding,
    Options,
    Server,
)
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.survey import Survey

MIB = 1024**2
CLOCK_WARN, CLOCK_FATAL = 500, 30_000  # milliseconds
NEEDED = {"scan": "SCAN", "dump": "DUMP"}
# Keys and bytes in a second, measured with both servers and the runner on two shared cores.
KEY_RATE, BYTE_RATE = 15_000, 30 * MIB


@dataclass(frozen=True)
class TargetContent:
    """What is on the target before the move: whose marker, and the keys that are none of ours."""

    marker: str = ""  # id of the move that made what is there
    foreign_keys: int = 0
    sample: tuple[str, ...] = ()
    copied_bytes: int = 0  # what this move has put there already; it is written again in its place


def check(
    source: Server, target: Server, found: Survey, there: TargetContent, move_id: str, options: Options
) -> list[Finding]:
    return [
        *_servers(source, target),
        *_source_rights(source),
        *_data(found, target),
        *_memory(found, target, there),
        *_content(there, move_id),
        *_notes(source, target, found, options),
    ]


def _servers(source: Server, target: Server) -> list[Finding]:
    found = []
    if source.run_id and source.run_id == target.run_id:
        found.append(Finding("target", "it is the same server as the source", "give the address of the new server"))
    for side, server in (("source", source), ("target", target)):
        if server.cluster:
            found.append(
                Finding(side, "cluster mode is on, which this move does not know", "a group with cluster mode disabled")
            )
        if server.product != "dragonfly" and server.version < (6,):
            found.append(Finding(side, f"{server.words} is older than 6.0", "upgrade it first"))
    if target.role != "master":
        found.append(Finding("target", "this is a replica", "give the address of the primary"))
    if source.role != "master":
        found.append(Finding("source", "this is a replica; writers are at another server", "give that one's address"))
    skew = abs(source.clock - target.clock)
    if skew > CLOCK_WARN:
        problem = f"the clocks of the servers are {skew / 1000:.1f} s apart; keys with an expiry end by so much too early or late"
        found.append(Finding("clocks", problem, "synchronise both hosts (chrony)", fatal=skew > CLOCK_FATAL))
    return found


def _source_rights(source: Server) -> list[Finding]:
    missing = [words for trial, words in NEEDED.items() if trial not in source.can]
    found = []
    if "scan" not in source.can:
        found.append(Finding("source", "SCAN is refused to this login", "give the login +@read +scan"))
    if "dump" in NEEDED and "DUMP" in missing:
        found.append(
            Finding("source", "DUMP is refused; every key is read by commands", "give the login +dump", fatal=False)
        )
    if not source.can & {"acl", "config"}:
        problem = "neither ACL nor CONFIG may be used, so it cannot be made to refuse writes for good after a cutover"
        found.append(Finding("source", problem, "give the login +acl, or stop the server after it", fatal=False))
    return found


def _data(found: Survey, target: Server) -> list[Finding]:
    findings = []
    if found.foreign_count:
        names = ", ".join(found.foreign) + (" ..." if found.foreign_count > len(found.foreign) else "")
        problem = f"{found.foreign_count} keys are of types that the target does not know: {names}"
        findings.append(Finding("keys", problem, "remove them, or declare their prefixes as cache or skip"))
    if found.ending:
        problem = (
            f"members of hashes or sets have expiries of their own: {', '.join(found.ending[:5])}. A target that does not know them"
            " refuses these keys, and the copy stops there"
        )
        mend = "a target of the source's product and version, or declare the prefixes as cache"
        findings.append(Finding("keys", problem, mend, fatal=False))
    if found.functions:
        problem = f"function libraries are not moved: {', '.join(found.functions)}"
        findings.append(Finding("functions", problem, "let the application load them at the target", fatal=False))
    if target.policy and target.policy != "noeviction" and found.keys[STATE]:
        problem = f"its maxmemory-policy {target.policy} may throw away state when memory is short"
        findings.append(Finding("target", problem, "noeviction in its parameter group", fatal=False))
    return findings


def _memory(found: Survey, target: Server, there: TargetContent) -> list[Finding]:
    needed, free = found.bytes[STATE], target.max_memory - target.used_memory + there.copied_bytes
    if not target.max_memory or needed * 1.1 <= free:
        return []
    problem = f"{needed / MIB:.0f} MiB are to be moved and {max(free, 0) / MIB:.0f} MiB are free"
    return [Finding("target", problem, "a bigger node type, or declare more prefixes as cache")]


def _content(there: TargetContent, move_id: str) -> list[Finding]:
    if there.marker and there.marker != move_id:
        problem = f"it carries the marker of another move ({there.marker})"
        mend = "run on the host that has that move's journal, or empty the target"
        return [Finding("target", problem, mend)]
    if not there.marker and there.foreign_keys:
        problem = f"it is not empty: {there.foreign_keys} keys, such as {', '.join(there.sample)}"
        return [Finding("target", problem, "give an empty server, or declare these prefixes as skip")]
    return []


def _notes(source: Server, target: Server, found: Survey, options: Options) -> list[Finding]:
    notes = []
    if source.evicted:
        problem = f"it has evicted {source.evicted} keys (policy {source.policy}): it is used as a cache"
        notes.append(Finding("source", problem, "declare what is cache, and size the target for the rest", fatal=False))
    if found.big_count:
        names = ", ".join(f"{name} ({size // MIB} MiB)" for name, size in found.big[:5])
        problem = f"{found.big_count} keys are above {options.big_bytes // 1024} KiB and go by pieces: {names}"
        notes.append(Finding("keys", problem, "nothing to do", fatal=False))
    if found.keys[CACHE]:
        problem = f"{found.keys[CACHE]} keys are declared as cache and stay behind"
        notes.append(Finding("keys", problem, "nothing to do: they fill again", fatal=False))
    others = [number for number in source.databases if number]
    if others:
        problem = f"databases {', '.join(map(str, others))} are in use, which a cluster never has"
        notes.append(Finding("source", problem, "nothing to do for a group without cluster mode", fatal=False))
    return notes


def estimate(found: Survey) -> int:
    """Seconds of a first pass."""
    return max(1, round(max(found.keys[STATE] / KEY_RATE, found.bytes[STATE] / BYTE_RATE)))
