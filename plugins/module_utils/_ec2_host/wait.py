"""Waiting until the consoles of new instances show their SSH host keys."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ansible_collections.tiketi.platform.plugins.module_utils._aws.retry import patient
from ansible_collections.tiketi.platform.plugins.module_utils._ec2_host.console import host_key, tail

try:
    from botocore.exceptions import ClientError
except ImportError:  # the module reports the missing library
    ClientError = Exception  # type: ignore[assignment,misc]


class Consoles(Protocol):
    """What is needed of EC2."""

    def output(self, instance_id: str) -> str: ...

    def state(self, instance_id: str) -> str: ...


@dataclass(frozen=True)
class Outcome:
    """Keys by inventory name, and why the others have none."""

    keys: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


class Ec2Consoles:
    """Consoles of real instances."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._latest = True

    @patient
    def output(self, instance_id: str) -> str:
        try:
            answer = self._client.get_console_output(
                InstanceId=instance_id, **({"Latest": True} if self._latest else {})
            )
        except ClientError as error:
            if self._latest and error.response["Error"]["Code"] in (
                "UnsupportedOperation",
                "InvalidParameterCombination",
            ):
                self._latest = False  # not a Nitro instance: AWS keeps a copy that is minutes old
                return self.output(instance_id)
            raise
        return str(answer.get("Output") or "")

    @patient
    def state(self, instance_id: str) -> str:
        found = self._client.describe_instances(InstanceIds=[instance_id])["Reservations"]
        return str(found[0]["Instances"][0]["State"]["Name"]) if found else "terminated"

    @patient
    def keep(self, instance_id: str, key: str) -> None:
        """Note the key as a tag of the instance."""
        self._client.create_tags(Resources=[instance_id], Tags=[{"Key": "SshHostKey", "Value": key}])


def await_keys(
    consoles: Consoles,
    instances: Mapping[str, str],
    timeout: float,
    interval: float = 2,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Outcome:
    """Ask the consoles of all instances in turn until each has shown a key or the time is up."""
    keys: dict[str, str] = {}
    dead: dict[str, str] = {}
    seen: dict[str, str] = {}
    end = clock() + timeout
    while True:
        for name in [name for name in instances if name not in keys and name not in dead]:
            seen[name] = consoles.output(instances[name])
            key = host_key(seen[name])
            if key:
                keys[name] = key
            elif (state := consoles.state(instances[name])) not in ("pending", "running"):
                dead[name] = f"{instances[name]} is {state}, so it never showed a key"
        waiting = [name for name in instances if name not in keys and name not in dead]
        if not waiting:
            return Outcome(keys, dead)
        if clock() >= end:
            late = {
                name: f"{instances[name]} showed no host key on its console within {timeout:g} s; it ends with:\n{tail(seen[name])}"
                for name in waiting
            }
            return Outcome(keys, {**dead, **late})
        sleep(interval)
