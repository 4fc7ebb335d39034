"""A run of one verb in a process of its own, that kills itself (or hangs) at a named step, or at none. Everything comes by stdin, as the
secrets do."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._haproxy.switch import ProxySwitch
from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import (
    cutover,
    follow,
    participant,
    rollback,
    stores,
    verify,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import make
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import Ends, Peer, Pooler, Settings
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed import run as seed

VERBS: dict[str, Callable[..., dict[str, Any]]] = {
    "seed": seed.run,
    "follow": follow.run,
    "verify": verify.run.run,
    "cutover": cutover.run,
    "rollback": rollback.run,
}


def _dies_after(owner: type, name: str, die: Callable[[], None]) -> None:
    work = getattr(owner, name)

    def fatal(*arguments: Any, **more: Any) -> Any:
        result = work(*arguments, **more)
        die()
        return result

    setattr(owner, name, fatal)


def main() -> int:
    given = json.load(sys.stdin)
    ends, settings = given["ends"], given["settings"]
    settings["pooler"] = Pooler(**settings["pooler"])
    settings["application_roles"] = tuple(settings["application_roles"])
    context = make(
        Ends(
            Endpoint(**ends["source"]), Endpoint(**ends["target"]), Peer(**ends["publisher"]), Peer(**ends["returner"])
        ),
        Settings(**settings),
    )
    at = participant.Moving.at

    def die() -> None:
        print(f"at {given['step']}", flush=True)
        os.kill(os.getpid(), signal.SIGKILL if given["how"] == "kill" else signal.SIGSTOP)

    def fatal(self: participant.Moving, step: str) -> None:
        at(self, step)
        if step == given["step"]:
            die()

    participant.Moving.at = fatal  # type: ignore[method-assign]
    others = []
    if given["redis"]:
        others = [(stores.forward if given["verb"] == "cutover" else stores.back)(given["redis"])]
        owner, _, after = given["step"].partition(".")  # redis.<step>, or proxy.activate
        for name, one in (("redis", type(others[0])), ("proxy", ProxySwitch)):
            if owner == name:
                _dies_after(one, after, die)
    try:
        with context.journal.opened(20.0):
            more = [others] if given["verb"] in ("cutover", "rollback") else []
            print(json.dumps(VERBS[given["verb"]](context, False, *more), default=str), flush=True)
    except PgError as error:
        print(f"{type(error).__name__}: {error}", flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
