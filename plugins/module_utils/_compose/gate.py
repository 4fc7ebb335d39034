"""Waiting until a container is healthy, or saying early why it will not be."""

from __future__ import annotations

import http.client
import time

from ansible_collections.tiketi.platform.plugins.module_utils._compose.engine import Engine
from ansible_collections.tiketi.platform.plugins.module_utils._compose.errors import GateError
from ansible_collections.tiketi.platform.plugins.module_utils._compose.model import Unit

POLL = 0.2
ANSWER_SECONDS = 5.0
RESTARTS = 3  # more is a loop


def await_healthy(engine: Engine, unit: Unit) -> float:
    """Seconds until it was healthy."""
    began = time.monotonic()
    deadline = began + unit.service.gate.seconds
    while True:
        said = ask(engine, unit)
        if not said:
            return time.monotonic() - began
        current = engine.container(unit.container)
        if current is None:
            raise GateError(unit.container, "is not there any more", [])
        if current.restarts >= RESTARTS:
            raise GateError(unit.container, f"has ended {current.restarts} times", engine.logs(unit.container))
        if time.monotonic() > deadline:
            reason = f"was not healthy within {unit.service.gate.seconds:g} s: {said}"
            raise GateError(unit.container, reason, engine.logs(unit.container))
        time.sleep(POLL)


def ask(engine: Engine, unit: Unit) -> str:
    """Empty when it is healthy, else what it said instead."""
    gate = unit.service.gate
    if gate.path:
        return _http(*unit.gate_port, gate.path)
    if gate.command:
        done = engine.run("exec", unit.container, *gate.command, check=False, seconds=30)
        return "" if done.returncode == 0 else (done.stdout + done.stderr).strip()[-200:] or "its check fails"
    current = engine.container(unit.container)
    return "" if current and current.running else "it does not run"


def _http(address: str, port: int, path: str) -> str:
    connection = http.client.HTTPConnection(address, port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read(300).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return f"{path}: {error or type(error).__name__}"
    finally:
        connection.close()
    return "" if answer.status == http.client.OK else f"{path} answers {answer.status}: {body.strip()}"
