"""Faults in the settings, found on the controller before any host is asked."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import Any

from . import flags, ranges
from .errors import K3sError
from .fetch import shown
from .versions import parse

_SHA256 = re.compile(r"^[0-9a-f]{64}$")
_ADDRESS = re.compile(r"^(https?://|file:///|s3://[a-z0-9.-]+/).")
_RELEASES = "https://github.com/k3s-io/k3s/releases"


def _network(name: str, value: str, found: list[str]) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(value)
    except ValueError as error:
        found.append(f"{name} is not a network: {error}. Write the network address, like 10.42.0.0/16")
        return None


def cidr_faults(named: Mapping[str, str]) -> list[str]:
    """Each value must be a network, and no two may overlap."""
    found: list[str] = []
    networks = [(name, network) for name, value in named.items() if value and (network := _network(name, value, found))]
    for index, (name, network) in enumerate(networks):
        for other_name, other in networks[index + 1 :]:
            if network.overlaps(other):
                found.append(f"{name} {network} overlaps {other_name} {other}; choose ranges that do not meet")
    return found


def sha256_faults(value: Any, version: str) -> list[str]:
    pins = value if isinstance(value, Mapping) else {"this architecture": value}
    where = f"read it from {_RELEASES}/download/{version.replace('+', '%2B')}/sha256sum-<arch>.txt"
    if not pins:
        return [f"k3s_common_sha256 is empty; {where}"]
    return [
        f"k3s_common_sha256 for {arch} is not a SHA-256 of 64 small hex digits; {where}"
        for arch, pin in pins.items()
        if not _SHA256.match(str(pin))
    ]


def provider_faults(provider: Mapping[str, Any]) -> list[str]:
    """What is wrong with the plugin that lets the kubelet pull from ECR."""
    name = "k3s_common_credential_provider"
    found = [
        f"{name} has {key}, which it does not know; it takes match_images, urls and sha256"
        for key in sorted(set(provider) - {"match_images", "urls", "sha256"})
    ]
    urls, pins = provider.get("urls") or [], provider.get("sha256") or ""
    found += _address_faults(f"{name}.urls", urls)
    pinned = pins.values() if isinstance(pins, Mapping) else [pins]
    if urls and not (pinned and all(_SHA256.match(str(pin)) for pin in pinned)):
        found.append(
            f"{name}.sha256 is not a SHA-256 of 64 small hex digits; read it from the .sha256 file beside the binary"
        )
    return found


def image_faults(images: Sequence[Any]) -> list[str]:
    """What is wrong with the addresses of the image archives."""
    urls = {index: image["url"] for index, image in enumerate(images) if isinstance(image, Mapping) and "url" in image}
    return [fault for index, url in urls.items() for fault in _address_faults(f"k3s_common_images[{index}].url", [url])]


def _address_faults(name: str, urls: Sequence[Any]) -> list[str]:
    return [
        f"{name} has {shown(str(url))!r}; give an address of https://, http://, file:// (on the host) or s3://bucket/key"
        for url in urls
        if not _ADDRESS.match(str(url))
    ]


def source_faults(settings: Mapping[str, Any]) -> list[str]:
    """What is wrong with version, pins, addresses and further configuration; it can be said without knowing a host."""
    found: list[str] = []
    try:
        parse(settings["version"])
    except K3sError as error:
        found.append(f"k3s_common_version: {error}")
    found += sha256_faults(settings["sha256"], settings["version"])
    if not settings["urls"]:
        found.append("k3s_common_urls is empty; give at least one address of the K3s binary")
    found += _address_faults("k3s_common_urls", settings["urls"])
    found += provider_faults(settings["credential_provider"])
    found += image_faults(settings.get("images") or [])
    return found + flags.faults(
        {
            flags.COMMON: settings["config"],
            flags.SERVER: settings["server_config"],
            flags.AGENT: settings["agent_config"],
        }
    )


def faults(settings: Mapping[str, Any]) -> list[str]:
    """All that is wrong with the settings of one cluster, each with the variable's name and the mend."""
    found: list[str] = []
    servers = list(settings["servers"])
    if not servers:
        found.append("group k3s_servers is empty; list the server hosts in the inventory")
    elif len(servers) % 2 == 0:
        found.append(
            f"group k3s_servers has {len(servers)} hosts ({', '.join(servers)}); etcd needs an odd number, "
            "so use 1, 3 or 5"
        )
    both = sorted(set(servers) & set(settings["agents"]))
    if both:
        found.append(f"{', '.join(both)}: in k3s_servers and in k3s_agents; a host is one or the other")
    found += source_faults(settings)
    found += cidr_faults(
        {
            "k3s_common_cluster_cidr": settings["cluster_cidr"],
            "k3s_common_service_cidr": settings["service_cidr"],
            "k3s_common_vpc_cidr": settings["vpc_cidr"],
        }
    )
    nodes = len({*servers, *settings["agents"]})
    too_small = ranges.faults(str(settings["cluster_cidr"]), str(settings["service_cidr"]), nodes)
    found += [f"{name} {what}; {mend}" for name, what, mend in too_small]
    return found
