"""The steps that change a source, each with what it would do in words and as a diff."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source import hba, login, server, settings, tls
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.keeper import AUTO
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.model import (
    CERTIFICATE,
    KEY,
    Outcome,
    Server,
    Wanted,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.place import Place
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.record import Record

SNAKEOIL = "snakeoil"  # Debian's certificate that nobody can verify
NO_TLS = "SSL is disabled"  # a line that starts to count with the TLS that we switch on
EXISTS = '[ -s "$1" ] && [ -s "$2" ]'


@dataclass
class Work:
    """What every step is given."""

    place: Place
    server: Server
    wanted: Wanted
    record: Record
    check: bool
    databases: tuple[str, ...]
    outcome: Outcome = field(default_factory=Outcome)

    def did(self, words: str) -> None:
        self.outcome.actions.append(words)


def databases(now: Server, wanted: Wanted) -> tuple[str, ...]:
    """Those that were named, else every one that users made."""
    absent = sorted(set(wanted.databases) - set(now.databases))
    if absent:
        raise PgError(f"database {', '.join(absent)} is not on this server (there are {', '.join(now.databases)})")
    return wanted.databases or tuple(one for one in now.databases if one != "postgres") or now.databases


def keep_login(work: Work) -> None:
    role = _keep_login(work)
    if role.excess and not work.check:
        _keep_login(work)  # a superuser lacks nothing; only now the server can say what the login does


def _keep_login(work: Work) -> login.Role:
    who = work.wanted.login
    role = server.role(work.place, who)
    missing = {} if who.existing else server.missing(work.place, who, work.databases)
    statements, blockers = login.plan(role, who, missing)
    work.outcome.blockers += blockers
    for words in dict.fromkeys(one.why for one in statements):
        if words not in work.outcome.actions:
            work.did(words)
    if statements and not work.check:
        server.run(work.place, statements, who)
    return role


def _own_wanted(work: Work) -> bool:
    """Whether the certificate is ours to make or to put there."""
    now, mode = work.server.settings, work.wanted.tls.mode
    if mode != "auto":
        return mode in ("own", "given")
    if now["ssl"].fixed or now["ssl_cert_file"].fixed:
        return False
    file = now["ssl_cert_file"].configured
    return now["ssl"].configured != "on" or SNAKEOIL in file or file == CERTIFICATE


def keep_certificate(work: Work) -> tuple[bool, str]:
    """The files beside the data. Returns whether they are ours, and the authority that signs them (none: not known)."""
    chosen, folder = work.wanted.tls, work.record.folder
    if not _own_wanted(work):
        return False, chosen.ca
    paths = [f"{work.server.data_directory}/{name}" for name in (CERTIFICATE, KEY)]
    there = work.place.shell(EXISTS, *paths).code == 0
    certificate = work.place.read(paths[0]) if there else ""
    if chosen.mode == "given":
        if certificate.strip() == chosen.certificate.strip():
            return True, chosen.ca
        pair = (chosen.certificate, chosen.key)
    else:
        wanted = work.wanted
        names = list(dict.fromkeys(one for one in (wanted.address, *wanted.names, "localhost", "127.0.0.1") if one))
        if certificate and tls.good(folder, certificate, names):
            return True, _ca(folder)
        pair = ("", "")
    work.did(
        "put the given certificate beside the data"
        if pair[0]
        else f"make a certificate for {wanted.address} and its authority"
    )
    if work.check:
        return True, chosen.ca or _ca(folder)
    if pair[0]:
        tls.check_given(folder, chosen)
    else:
        tls.ensure_authority(folder, f"platform_source {work.server.identifier}")
        pair = tls.issue(folder, names)
    work.place.write(paths[1], pair[1])
    work.place.write(paths[0], pair[0])
    return True, chosen.ca if chosen.mode == "given" else _ca(folder)


def _ca(folder: Path) -> str:
    path = folder / "ca.pem"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def keep_settings(work: Work, changes: list[settings.Change]) -> None:
    for one in changes:
        work.did(one.words)
    work.outcome.diff.append(
        {
            "before_header": "settings",
            "after_header": "settings",
            "before": settings.lines(work.server, changes, after=False),
            "after": settings.lines(work.server, changes, after=True),
        }
    )
    if changes and not work.check:
        auto = work.place.read(f"{work.server.data_directory}/{AUTO}")
        work.record.note(auto, {one.name: one.value for one in changes})
        server.alter(work.place, changes)


def keep_rules(work: Work, remove: bool = False) -> bool:
    """Lines of pg_hba.conf: written, read by the server's own eyes, and put back when it does not like them. Returns whether they changed."""
    file, who = work.server.hba_file, work.wanted.login
    before = work.place.read(file)
    if hba.open_ended(before):
        raise PgError(
            f"{file} in {work.place.label} has a line '{hba.BEGIN}' without its end. Mend: take our lines out by hand"
        )
    lines = [] if remove else hba.render(who, work.databases, work.wanted.cidrs)
    after = hba.apply(before, lines)
    work.outcome.diff.append({"before_header": file, "after_header": file, "before": before, "after": after})
    if after == before:
        return False
    if bad := [f"line {one.line}: {one.error}" for one in work.server.rules if one.error and NO_TLS not in one.error]:
        raise PgError(
            f"{file} in {work.place.label} has faults, the server would not load it: {'; '.join(bad)}. Mend: put them right"
        )
    work.did(
        f"take our lines out of {file}"
        if remove
        else f"let {who.username} in from {', '.join(work.wanted.cidrs)} ({file})"
    )
    if work.check:
        return True
    work.place.write(file, after)
    if faults := hba.faults(server.read_rules(work.place), who, len(lines)):
        work.place.write(file, before)
        raise PgError(
            f"{file} in {work.place.label} was put back as it was: with our lines the server says {'; '.join(faults)}"
        )
    return True
