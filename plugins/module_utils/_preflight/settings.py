"""Settings whose rules another part of the collection has: asked here, so that they are told before anything is touched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._elasticache import rules
from ansible_collections.tiketi.platform.plugins.module_utils._elasticache.model import TLS_REQUIRED, Spec
from ansible_collections.tiketi.platform.plugins.module_utils._k3s import checks
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.model import Fault
from ansible_collections.tiketi.platform.plugins.module_utils._secret.model import read

_VPC_BITS = (16, 20)
_ZONES = 2
# What the module calls it, and the option of the role.
_REDIS = {
    "replica_count": "replica_count",
    "automatic_failover_enabled": "automatic_failover",
    "multi_az_enabled": "multi_az",
}


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


def check_binary(values: Mapping[str, Any]) -> Iterator[Fault]:
    """Check that the binary of K3s that the controller copies is there; its hash is compared at the host."""
    path = values.get("k3s_common_file")
    if isinstance(path, str) and path and not Path(path).expanduser().is_file():
        yield Fault(
            "k3s_common_file", f"{path} is not there", "give the path of the binary, or remove the line to fetch it"
        )


def check_redis(values: Mapping[str, Any]) -> Iterator[Fault]:
    """Check what ElastiCache asks of replicas, failover and zones together; a group of another stage stands as it is."""
    count, failover, zones = (values.get(f"elasticache_redis_{key}") for key in _REDIS.values())
    if values.get("elasticache_redis_adopt") or not (type(count) is int and type(failover) is type(zones) is bool):
        return
    spec = Spec("", replica_count=count, automatic_failover_enabled=failover, multi_az_enabled=zones)
    for text in rules.faults_of_result(spec, TLS_REQUIRED, count, {}):
        option, _, rest = text.partition(" ")
        for module, role in _REDIS.items():
            rest = rest.replace(module, f"elasticache_redis_{role}")
        what, _, mend = rest.partition(": ")
        yield Fault(f"elasticache_redis_{_REDIS.get(option, option)}", what, mend or "correct it")


def check_secrets(values: Mapping[str, Any]) -> Iterator[Fault]:
    """Check the shapes of the secrets that are made, such as a token that ElastiCache would refuse."""
    for name in ("secrets_shapes", "secrets_extra_shapes"):
        shapes = values.get(name)
        if isinstance(shapes, Mapping):
            _wanted, faults = read([{"name": key, "keys": keys} for key, keys in shapes.items()])
            for text in faults:
                where, _, what = text.partition(": ")
                yield Fault(f"{name}.{where}", what, "correct it, or remove the line to take the default")


def check_zones(values: Mapping[str, Any]) -> Iterator[Fault]:
    """Check that the zones are two at least, which Aurora and ElastiCache need."""
    zones = values.get("network_zones")
    if not isinstance(zones, Sequence) or isinstance(zones, str) or not zones:
        return
    twice = sorted({str(zone) for zone in zones if list(zones).count(zone) > 1})
    if twice:
        yield Fault("network_zones", f"names {', '.join(twice)} twice", "name each zone once")
    elif len(zones) < _ZONES:
        what = f"names {zones[0]} alone, and Aurora and ElastiCache need at least two"
        yield Fault("network_zones", what, "name two or three zones, or remove the line to let the region choose")


def check_vpc(values: Mapping[str, Any]) -> Iterator[Fault]:
    """Check that nine subnets fit into the VPC and that AWS takes it."""
    try:
        network = ip_network(str(values.get("network_cidr")))
    except ValueError:
        return  # the check of ranges has said it
    low, high = _VPC_BITS
    if not low <= network.prefixlen <= high:
        yield Fault("network_cidr", f'"{network}" is a /{network.prefixlen}', f"take a range from /{low} to /{high}")
