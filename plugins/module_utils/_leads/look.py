"""What stands in the files of this host: where PgBouncer and the Redis proxy lead to, and what moves it has led."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._haproxy import config
from ansible_collections.tiketi.platform.plugins.module_utils._haproxy.errors import ProxyError
from ansible_collections.tiketi.platform.plugins.module_utils._leads.errors import LeadError
from ansible_collections.tiketi.platform.plugins.module_utils._leads.judge import Lead
from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer import switch as pooler
from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer.errors import PgBouncerError

BACKEND = "redis"


def leads(pooler_file: Path, proxy_config: Path, databases: Sequence[str] = ()) -> list[Lead]:
    """All databases where none is named. Nothing where a file is not there yet; a file that cannot be understood is an error, not a free way."""
    try:
        found = [
            Lead(f"database {name}", server.host, server.port, str(pooler_file))
            for name, server in sorted(pooler.read(str(pooler_file)).items())
            if not databases or name in databases
        ]
        if proxy_config.exists():
            text = proxy_config.read_text(encoding="utf-8")
            host, port = config.places(text, BACKEND)[config.active(text, BACKEND)]
            found.append(Lead("Redis", host, port, str(proxy_config)))
    except (PgBouncerError, ProxyError) as error:
        raise LeadError(str(error)) from None
    return found


def journals(roots: Sequence[Path]) -> list[Mapping[str, Any]]:
    """For a date only: one that cannot be read is passed over, since the files above decide."""
    found: list[Mapping[str, Any]] = []
    for path in (path for root in roots for path in sorted(root.glob("*/journal.json"))):
        try:
            known = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        found += [known] if isinstance(known, dict) else []
    return found


def same_host(one: str, other: str) -> bool:
    """Whether both name one host, also by different names."""
    return one == other or bool(_addresses(one) & _addresses(other))


def _addresses(host: str) -> set[str]:
    try:
        return {str(found[4][0]) for found in socket.getaddrinfo(host, None)}
    except OSError:
        return set()
