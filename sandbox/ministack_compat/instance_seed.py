"""Gap: UserData is stored but not executed, and no login key reaches a host.

What an instance needs at boot is written to a directory of its own and mounted where cloud-init's NoCloud source looks;
the boot units of the sandbox's images read it there. The directory has the same path here and for the engine.
"""

from __future__ import annotations

import base64
import binascii
import os
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from ministack.services import ec2

from sandbox.ministack_compat.types import Instance

MOUNT_POINT = "/var/lib/cloud/seed/nocloud"
SEED_ROOT = "SANDBOX_SEED_DIR"  # a directory for the instances
PUBLIC_KEY = "SANDBOX_PUBLIC_KEY"  # the key a host accepts, since MiniStack keeps no key material
CA = "SANDBOX_CA"  # a file: the authority a host trusts
ENDPOINT = "SANDBOX_METADATA_ENDPOINT"  # host:port that answers for 169.254.169.254
_volume: ContextVar[str] = ContextVar("volume", default="")


def apply() -> None:
    plain_launch, plain_flags = ec2._vm_launch, ec2._parse_ec2_docker_flags

    def launch(instance: Instance, image: str) -> Any:
        token = _volume.set(f"{write_seed(instance)}:{MOUNT_POINT}:ro")
        try:
            return plain_launch(instance, image)
        finally:
            _volume.reset(token)

    def flags(text: str) -> dict[str, Any]:
        options: dict[str, Any] = plain_flags(text)
        if _volume.get():
            options["volumes"] = [*options.get("volumes", []), _volume.get()]
        return options

    ec2._vm_launch = launch
    ec2._parse_ec2_docker_flags = flags


def write_seed(instance: Instance) -> Path:
    seed = Path(os.environ[SEED_ROOT]) / str(instance["InstanceId"])
    seed.mkdir(mode=0o700, parents=True, exist_ok=True)
    files = {
        "instance-id": instance["InstanceId"].encode(),
        "public-key": os.environ.get(PUBLIC_KEY, "").encode(),
        "metadata-endpoint": os.environ.get(ENDPOINT, "").encode(),
        "ca": Path(os.environ[CA]).read_bytes() if os.environ.get(CA) else b"",
        "user-data": decoded(instance.get("UserData") or ""),
    }
    for name, content in files.items():
        path = seed / name
        path.touch(mode=0o600)
        path.write_bytes(content)
    return seed


def decoded(user_data: str) -> bytes:
    """The API takes base64; a query that was made by hand may carry plain text."""
    try:
        return base64.b64decode(user_data, validate=True)
    except binascii.Error:
        return user_data.encode()
