"""The first look at both ends: facts, findings, the marker on the target."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass

from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration import preflight
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.errors import (
    RedisConnectError,
    RedisMoveError,
    RefusedError,
    ReplyError,
)
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.journal import Journal
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.keys import refusal, scan
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.model import (
    CACHE,
    MARKER,
    SKIP,
    STATE,
    Finding,
    Options,
    Server,
    shown,
)
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.server import functions, read_server
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.survey import Survey, survey
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.wire import Link


@dataclass(frozen=True)
class Look:
    """What was found. Nothing was changed."""

    source: Server
    target: Server
    survey: Survey
    findings: list[Finding]

    def refuse(self) -> None:
        """Raise when the move cannot be made, with every reason."""
        fatal = [str(finding) for finding in self.findings if finding.fatal]
        if fatal:
            raise RefusedError(fatal)

    @property
    def notices(self) -> list[str]:
        return [str(finding) for finding in self.findings if not finding.fatal]


def look(source: Endpoint, target: Endpoint, options: Options, journal: Journal) -> Look:
    with Link(source) as here:
        ours = read_server(here)
        libraries = functions(here) if "functions" in ours.can else []
        found = survey(here, ours, options.rules, options.big_bytes)
        found.functions = libraries
    with Link(target) as there:  # only now: a survey takes long, and a server may end a session that is silent for long
        theirs = read_server(there)
        content = target_content(there, theirs, options, journal.id)
    findings = preflight.check(ours, theirs, found, content, journal.id, options)
    findings += legs(source)
    if not options.share_token:
        findings += one_password(source, target)
    return Look(ours, theirs, found, findings)


def target_content(link: Link, server: Server, options: Options, move_id: str) -> preflight.TargetContent:
    marker = link.call("HGET", MARKER, "id")
    if marker:
        # A look at every key, as at the source; only a target with a limit has to be asked.
        ours = survey(link, server, options.rules, options.big_bytes).bytes if server.max_memory else Counter[str]()
        copied = ours[STATE] + ours[CACHE] if marker.decode() == move_id else 0
        return preflight.TargetContent(marker=marker.decode(), copied_bytes=copied)
    count = 0
    sample: list[str] = []
    for db in server.databases:
        with Link(link.where, db) as session:
            for _, keys in scan(session):
                foreign = [key for key in keys if options.rules.of(key) != SKIP]
                count += len(foreign)
                sample += [shown(key) for key in foreign[: 3 - len(sample)]] if len(sample) < 3 else []
    return preflight.TargetContent(foreign_keys=count, sample=tuple(sample))


def legs(source: Endpoint) -> list[Finding]:
    if source.tls:
        return []
    problem = f"the leg to the source {source.label} is neither encrypted nor verified"
    return [Finding("tls", problem, "move inside the private network only", fatal=False)]


def one_password(source: Endpoint, target: Endpoint) -> list[Finding]:
    """Applications that stay connected through the proxy send one password to either server."""
    if not target.password:
        return []
    try:
        Link(
            Endpoint(
                source.side, source.host, source.port, target.username, target.password, source.tls, source.ca_file
            )
        ).close()
    except RedisConnectError:
        problem = (
            "the source does not take the target's token, and applications log in through the proxy with one password"
        )
        mend = "share_token: true, then give applications the token before the cutover"
        return [Finding("token", problem, mend, fatal=False)]
    return []


def share_token(source: Endpoint, target: Endpoint) -> None:
    """Let the source take the target's token beside its own password."""
    if not target.password:
        return
    with Link(source) as link:
        try:
            link.call("ACL", "SETUSER", target.login, f">{target.password}")
        except ReplyError as error:
            raise RedisMoveError(refusal(link, error, "a second password for the applications' login")) from None


def claim(target: Endpoint, journal: Journal) -> None:
    """Mark the target as this move's."""
    with Link(target) as link:
        reply = link.ask(
            [("HSET", MARKER, "id", journal.id, "source", journal.entries["source"], "since", int(time.time()))]
        )[0]
        if isinstance(reply, ReplyError):
            raise RedisMoveError(refusal(link, reply, "the marker of this move"))
