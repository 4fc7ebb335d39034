"""How much there is to move and how long it takes, from the source alone: before there is a target. Nothing is changed there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.forecast import forecast
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.model import STATE, Options
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.server import read_server
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.survey import survey
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.wire import Link

MIB = 1024**2


def weighed(source: Endpoint, options: Options) -> dict[str, Any]:
    """Keys and bytes by declaration, seconds of a pass, of the comparison of everything and of the freeze, and what a person should know."""
    with Link(source) as link:
        found = survey(link, read_server(link), options.rules, options.big_bytes)
    foreseen = forecast(source, found, {})
    return {
        "keys": dict(found.keys),
        "bytes": dict(found.bytes),
        "copy_seconds": round(foreseen.copy, 2),
        "verify_seconds": round(foreseen.comparison, 2),
        "freeze_seconds": round(foreseen.seconds, 2),
        "notices": foreseen.told,
    }


def words(found: Mapping[str, Any]) -> str:
    """Of what `weighed` says, in a sentence."""
    left = {kind: count for kind, count in sorted(found["keys"].items()) if kind != STATE and count}
    stay = "".join(f", {count} of {kind}" for kind, count in left.items())
    return (
        f"{found['keys'].get(STATE, 0)} keys of state{stay}, about {found['bytes'].get(STATE, 0) / MIB:.0f} MiB of state;"
        f" copy about {max(1, found['copy_seconds']):.0f} s, freeze about {found['freeze_seconds']:.1f} s"
    )
