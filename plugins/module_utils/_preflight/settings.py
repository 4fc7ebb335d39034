"""Settings whose rules another part of the collection has: asked here, so that they are told before anything is touched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_network
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._k3s import checks
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.model import Fault
from ansible_collections.tiketi.platform.plugins.module_utils._secret.model import read

_VPC_BITS = (16, 20)


def check_k3s(values: Mapping[str, Any]) -> Iterator[Fault]:
    """Check version, pins, addresses and further configuration of K3s."""
    kinds: Mapping[str, type] = {
        "version": str,
        "sha256": object,
        "urls": Sequence,
        "config": Mapping,
        "server_config": Mapping,
        "agent_config": Mapping,
        "credential_provider": Mapping,
    }
    settings = {key: values.get(f"k3s_common_{key}") for key in kinds}
    if not all(settings[key] is not None and isinstance(settings[key], kind) for key, kind in kinds.items()):
        return  # not known yet, or of a wrong type, which has been said
    images = values.get("k3s_common_images")
    settings["images"] = images if isinstance(images, Sequence) and not isinstance(images, str) else []
    for text in checks.source_faults(settings):
        name, _, rest = text.partition(" ")
        what, _, mend = rest.partition("; ")
        yield Fault(name.rstrip(":"), what, mend)


def check_secrets(values: Mapping[str, Any]) -> Iterator[Fault]:
    """Check the shapes of the secrets that are made, such as a token that ElastiCache would refuse."""
    for name in ("secrets_shapes", "secrets_extra_shapes"):
        shapes = values.get(name)
        if isinstance(shapes, Mapping):
            _wanted, faults = read([{"name": key, "keys": keys} for key, keys in shapes.items()])
            for text in faults:
                where, _, what = text.partition(": ")
                yield Fault(f"{name}.{where}", what, "correct it, or remove the line to take the default")


def check_vpc(values: Mapping[str, Any]) -> Iterator[Fault]:
    """Check that nine subnets fit into the VPC and that AWS takes it."""
    try:
        network = ip_network(str(values.get("network_cidr")))
    except ValueError:
        return  # the check of ranges has said it
    low, high = _VPC_BITS
    if not low <= network.prefixlen <= high:
        yield Fault("network_cidr", f'"{network}" is a /{network.prefixlen}', f"take a range from /{low} to /{high}")
