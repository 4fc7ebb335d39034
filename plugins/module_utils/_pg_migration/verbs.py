"""One name for each verb, and the stores that go along with the database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._haproxy.errors import ProxyError
from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import (
    cutover,
    follow,
    launch,
    rollback,
    stores,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import finish as finishing
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import (
    MigrationError,
    OrderError,
    RefusedError,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.preflight import run as preflight
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed import run as seeding
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify import run as verifying
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.errors import RedisMoveError

VERBS = ("preflight", "seed", "follow", "verify", "cutover", "rollback", "finish")
DIFFERENT = (
    "redis: old and new server have different tokens, so every request of an application fails after the switch."
    " Mend: one token for both, or share_token=true and applications that log in with the new one before the cutover"
)
Verb = Callable[[Context, bool], dict[str, Any]]
ALONE: dict[str, Verb] = {"seed": seeding.run, "follow": follow.run, "verify": verifying.run}


def run(verb: str, context: Context, check: bool, redis: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Do one verb with the journal locked; preflight reads only and waits for nobody."""
    if verb == "preflight":
        return _preflight(context, check, redis)
    with context.journal.opened(context.settings.lock_wait, leads=not check):
        try:
            return _locked(verb, context, check, redis)
        except (RedisMoveError, ProxyError) as error:
            raise MigrationError(str(error)) from None


def _locked(verb: str, context: Context, check: bool, redis: Mapping[str, Any] | None) -> dict[str, Any]:
    if verb in ("cutover", "rollback") and launch.alive(verifying.unit(context)):
        raise OrderError(f"the comparison is still at work. Mend: verify again, it waits for it; then {verb}")
    if verb == "cutover":
        return cutover.run(context, check, [stores.forward(redis)] if redis else [])
    if verb == "rollback":
        return rollback.run(context, check, [stores.back(redis)] if redis else [])
    if verb == "finish":
        return _finish(context, check, redis)
    return ALONE[verb](context, check)


def _preflight(context: Context, check: bool, redis: Mapping[str, Any] | None) -> dict[str, Any]:
    """What stands in the way of any store is said at once."""
    context.journal.load()
    result: dict[str, Any] = {}
    along: dict[str, Any] = {}
    refused: list[Exception] = []
    try:
        result = preflight.run(context, check)
    except PgError as error:
        refused.append(error)
    try:
        if redis:
            along = stores.preflight(redis)
    except (RedisMoveError, ProxyError) as error:
        refused.append(error)
    if redis and redis["source"]["password"] != redis["target"]["password"] and not redis["share_token"]:
        refused.append(MigrationError(DIFFERENT))
    if not refused:
        result["notices"] = [*result["notices"], *along.get("notices", [])]
        result["message"] = "; ".join(part for part in (result["message"], along.get("message", "")) if part)
        return result
    findings = [one for error in refused for one in getattr(error, "findings", [str(error)])]
    raise RefusedError("the move cannot begin, nothing was changed", findings)


def _finish(context: Context, check: bool, redis: Mapping[str, Any] | None) -> dict[str, Any]:
    """Redis first: when it cannot be finished, the database's way back is still there too."""
    along: dict[str, Any] = {"changed": False, "message": "", "notices": []}
    if redis:
        along = stores.finish(redis, check, context.settings.clean_target)
    result = finishing.run(context, check)
    result["changed"] = result["changed"] or along["changed"]
    result["message"] = "; ".join(part for part in (result["message"], along["message"]) if part)
    result["notices"] = [*result["notices"], *along["notices"]]
    return result
