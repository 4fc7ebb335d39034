"""The container network on which the local AWS and its hosts stand."""

from __future__ import annotations

import json

from sandbox.engine import Engine
from sandbox.errors import SandboxError
from sandbox.settings import GATEWAY, LABEL, NAME, SUBNET


def ensure(engine: Engine) -> bool:
    found = engine.inspect("network", NAME)
    if found is not None:
        if str(SUBNET) not in json.dumps(found):
            raise SandboxError(f"a network {NAME} of another address range is there", "python -m sandbox down")
        return False
    engine.run("network", "create", "--subnet", str(SUBNET), "--gateway", str(GATEWAY), "--label", LABEL, NAME)
    return True


def remove(engine: Engine) -> None:
    if engine.inspect("network", NAME) is not None:
        engine.run("network", "rm", NAME, check=False)
