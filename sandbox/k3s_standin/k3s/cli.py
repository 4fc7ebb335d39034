"""The verbs of k3s."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import agent, config, log, server, verbs
from .processes import Processes, notify

USAGE = """usage: k3s <server|agent|kubectl|crictl|ctr|token|etcd-snapshot|secrets-encrypt|certificate|check-config>
"""


def main(arguments: Sequence[str], home: Path, version: str) -> int:
    verb, rest = (arguments[0], list(arguments[1:])) if arguments else ("help", [])
    try:
        if verb in ("server", "agent"):
            return _run(verb, rest, home, version)
        if verb in ("token", "etcd-snapshot", "secrets-encrypt", "certificate"):
            return verbs.run(verb, rest, home)
        if verb in ("check-config", "completion"):
            return 0
    except log.FatalError as fault:
        log.fatal(str(fault))
    sys.stderr.write(USAGE)
    return 0 if verb in ("help", "--help", "-h") else 1


def _run(verb: str, arguments: Sequence[str], home: Path, version: str) -> int:
    log.info(f"Starting k3s {verb} {version}")
    options = config.load(arguments, os.environ, verb)
    os.environ.pop("K3S_TOKEN", None)
    processes = Processes(home / "bin", Path(options.text("data-dir")) / "logs")

    def stop(_signal: int, _frame: Any) -> None:
        processes.terminate()
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        if verb == "server":
            server.run(options, processes, home)
        else:
            agent.run(options, processes, home / "pause.tar")
    finally:
        notify("STOPPING=1")
        processes.stop()
    return 0
