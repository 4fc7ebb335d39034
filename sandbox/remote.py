"""Commands on a host over SSH, its key learnt from the console output as on AWS, never blindly accepted."""

from __future__ import annotations

import re
import shlex
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox import shell
from sandbox.errors import SandboxError
from sandbox.settings import HOST_USER, Paths

SSH_PORT = 22
CONSOLE_LIMIT = 30.0
RUN_LIMIT = 300.0  # a service that never comes up would hold the start for good
BLOCK = re.compile(r"-----BEGIN SSH HOST KEY KEYS-----\s*(.*?)-----END SSH HOST KEY KEYS-----", re.DOTALL)


def parse_host_keys(console: str) -> list[str]:
    """The keys as `type base64`, Ed25519 first; none while the block is not whole."""
    found = BLOCK.findall(console)
    if not found:
        return []
    keys = [" ".join(line.split()[:2]) for line in found[-1].splitlines() if len(line.split()) >= 2]
    return sorted(keys, key=lambda key: not key.startswith("ssh-ed25519 "))


def host_keys(ec2: Any, instance_id: str) -> list[str]:
    limit = time.monotonic() + CONSOLE_LIMIT
    while time.monotonic() < limit:
        output = ec2.get_console_output(InstanceId=instance_id, Latest=True).get("Output", "")
        keys = parse_host_keys(output)
        if keys:
            return keys
        time.sleep(0.1)
    raise SandboxError(
        f"{instance_id} printed no SSH host keys on its console", "python -m sandbox logs " + instance_id
    )


@dataclass(frozen=True)
class Host:
    address: str
    keys: Sequence[str]
    paths: Paths

    def run(self, command: Sequence[str], *, stdin: str = "") -> str:
        with tempfile.TemporaryDirectory(prefix="tiketi-sandbox-") as folder:
            known = Path(folder) / "known_hosts"
            known.write_text("".join(f"{self.address} {key}\n" for key in self.keys))
            options = {
                "BatchMode": "yes",
                "ConnectTimeout": "10",
                "GlobalKnownHostsFile": "/dev/null",
                "IdentitiesOnly": "yes",
                "StrictHostKeyChecking": "yes",
                "UserKnownHostsFile": str(known),
            }
            words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
            target = f"{HOST_USER}@{self.address}"
            try:
                done = shell.run(
                    ["ssh", "-F", "none", "-i", self.paths.private_key, *words, target, shlex.join(command)],
                    stdin=stdin, check=False, timeout=RUN_LIMIT,
                )  # fmt: skip
            except SandboxError as error:
                mend = error.mend or "`python -m sandbox logs` of it, then make clean and the same command again"
                raise SandboxError(f"on {self.address}: `{shlex.join(command)}`: {error}", mend) from error
        if done.returncode != 0:
            raise SandboxError(
                f"on {self.address}: `{command[-1]}` ended with {done.returncode}:\n{shell.tail(done.stderr)}"
            )
        return done.stdout
