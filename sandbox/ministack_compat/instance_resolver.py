"""Gap: a host of a VPC has one resolver, which knows every name in it; Podman names the machine's own resolver beside its own.

That second one knows no name of the network and says so at once (NXDOMAIN). A C library asks in order and never notices;
CoreDNS picks any of them, and a pod then finds no database, now and then.
"""

from __future__ import annotations

import os
from typing import Any

from ministack.services import ec2

RESOLVER = "SANDBOX_RESOLVER"  # an address; empty where the engine names one resolver by itself


def apply() -> None:
    plain_flags = ec2._parse_ec2_docker_flags

    def flags(text: str) -> dict[str, Any]:
        options: dict[str, Any] = plain_flags(text)
        if os.environ.get(RESOLVER):
            options["dns"] = [os.environ[RESOLVER]]
        return options

    ec2._parse_ec2_docker_flags = flags
