"""The bridge of the sandbox's network keeps its hardware address.

A Linux bridge takes the lowest address of its ports, so a container that comes can change it. Those that are there go on sending to the
old one until their neighbour tables notice, up to a minute, and a request to the local AWS hangs for as long. Netavark sets no address
of its own (Docker does); an address that was set explicitly stays.
"""

from __future__ import annotations

import fcntl
import socket
import struct
from pathlib import Path

from sandbox.engine import Engine
from sandbox.settings import NAME

SYSFS = Path("/sys/class/net")
SET_BY_USER = "3"  # addr_assign_type, NET_ADDR_SET
SIOCSIFHWADDR = 0x8924
ARPHRD_ETHER = 1


def interface(engine: Engine) -> str:
    """Its name here; empty where the engine does not say it."""
    found = engine.inspect("network", NAME) or {}
    return str(found.get("network_interface", ""))


def pinned(name: str) -> bool:
    return (SYSFS / name / "addr_assign_type").read_text(encoding="ascii").strip() == SET_BY_USER


def pin(engine: Engine) -> bool:
    """Set the address that it has. Nothing to do where the bridge is not ours to see, as with a rootless engine."""
    name = interface(engine)
    if not name or not (SYSFS / name).exists() or pinned(name):
        return False
    address = bytes.fromhex((SYSFS / name / "address").read_text(encoding="ascii").strip().replace(":", ""))
    request = struct.pack("16sH6s8x", name.encode(), ARPHRD_ETHER, address)
    with socket.socket() as handle:
        fcntl.ioctl(handle, SIOCSIFHWADDR, request)
    return True
