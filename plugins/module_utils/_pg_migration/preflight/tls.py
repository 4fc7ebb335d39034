"""Certificates: is the CA file one, is it valid today, and what exactly is wrong when a server is not accepted."""

from __future__ import annotations

import contextlib
import ssl
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg import certificate
from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import Peer
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.model import Finding

with contextlib.suppress(ImportError):  # the module says it in words
    import psycopg

if TYPE_CHECKING:
    import psycopg

SOON = 14 * 86400.0  # seconds; a move and its soak may take days
AT_RUNNER = "copy the current one (role data_runner), and see the runner's clock"
AT_SERVER = "copy the current one to that server, and see its clock"
LARGEST = 16 * 1024**2  # bytes of a bundle
# Null where there is no such file; the one who tries to connect says so better.
READ = "SELECT pg_read_binary_file(%s, 0, %s, true)"


def ca_file(end: Endpoint, now: float | None = None) -> list[Finding]:
    """The file that the runner trusts for one end."""
    if not end.ca_file:
        return []
    subject = f"{end.side} CA file {end.ca_file}"
    if not Path(end.ca_file).exists():
        return [Finding(subject, "it is not on this runner", "role data_runner copies it")]
    return _bundle(subject, {"cafile": end.ca_file}, AT_RUNNER, now)


def peer_file(session: psycopg.Connection[Any], side: str, peer: Peer) -> list[Finding]:
    """The file that a server trusts for the other one. Nothing where this login may not read it there, as on Aurora."""
    if not peer.ca_file:
        return []
    try:
        content = (session.execute(READ, (peer.ca_file, LARGEST)).fetchone() or (None,))[0]
    except psycopg.Error:
        return []
    if content is None:
        return []
    # What is not ASCII stands between the certificates.
    text = bytes(content).decode("ascii", "ignore")
    return _bundle(f"{side}.ca_file {peer.ca_file} on {session.info.host}", {"cadata": text}, AT_SERVER)


def _bundle(subject: str, where: Mapping[str, str], mend: str, now: float | None = None) -> list[Finding]:
    try:
        known = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        known.load_verify_locations(**where)
        found = known.get_ca_certs()
    except (ssl.SSLError, OSError) as error:
        return [
            Finding(subject, f"it cannot be read as certificates ({error})", "give the authority's file in PEM form")
        ]
    return validity(
        subject,
        [(_name(one), certificate.date(one, "notBefore"), certificate.date(one, "notAfter")) for one in found],
        now,
        mend,
    )


def _name(known: Mapping[str, Any]) -> str:
    parts = [pair for part in known.get("subject", ()) for pair in part]
    names = dict(parts)
    return str(names.get("commonName") or names.get("organizationName") or "without a name")


def validity(
    subject: str, certificates: list[tuple[str, float, float]], now: float | None = None, mend: str = AT_RUNNER
) -> list[Finding]:
    """Fatal when none is valid; the bundles of services hold many, and one that has expired does no harm."""
    now = time.time() if now is None else now
    if not certificates:
        return [Finding(subject, "no certificate authority is in it", "give the authority's file in PEM form")]
    valid = [one for one in certificates if one[1] <= now < one[2]]
    if not valid:
        name, begins, ends = max(certificates, key=lambda one: one[2])
        problem = f"{name} is valid from {_day(begins)} only" if begins > now else f"{name} expired on {_day(ends)}"
        return [Finding(subject, problem, mend)]
    last = max(one[2] for one in valid)
    if last - now < SOON:
        return [Finding(subject, f"it expires on {_day(last)}", "renew it before the move", fatal=False)]
    return []


def _day(moment: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(moment))


def server(end: Endpoint) -> list[Finding]:
    """The date of a certificate that is accepted today."""
    _, ends = certificate.look(end)
    if ends is None or ends - time.time() >= SOON:
        return []
    problem = f"its certificate expires on {_day(ends)}"
    return [Finding(f"{end.side} {end.label}", problem, "renew it before the move", fatal=False)]
