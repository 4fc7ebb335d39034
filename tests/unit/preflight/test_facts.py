"""Facts that are known beforehand are told beforehand: images, keys, zones, Redis, empty lists."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._preflight import (
    bounds,
    images,
    relations,
    settings,
    types,
)
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.catalogue import load
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.check import PLATFORM
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.model import Fault

OPTIONS = load(Path()).options()
APP = {"name": "tiketi", "context": "examples/tiketi/app"}
REDIS = {
    "elasticache_redis_replica_count": 1,
    "elasticache_redis_automatic_failover": True,
    "elasticache_redis_multi_az": True,
}


def of_all(values: Mapping[str, Any]) -> Iterator[Fault]:
    yield from images.check(values)
    yield from settings.check_zones(values)
    yield from settings.check_redis(values)
    yield from settings.check_binary(values)
    for name, value in values.items():
        yield from types.check(name, value, OPTIONS[name])
        yield from bounds.check(name, value, OPTIONS[name])


@pytest.mark.parametrize(
    ("values", "object_", "words"),
    [
        ({"ecr_repository_names": []}, "ecr_repository_names", "is empty. Mend: list at least one"),
        ({"container_image_images": []}, "container_image_images", "is empty. Mend: list at least one"),
        ({"endpoint_check_endpoints": []}, "endpoint_check_endpoints", "is empty. Mend: list at least one"),
        (
            {"container_image_images": [{"name": "tiketi", "context": "examples/nowhere"}]},
            "container_image_images[0] tiketi",
            "context examples/nowhere is not a folder",
        ),
        (
            {"container_image_images": [{**APP, "containerfile": "Nowhere"}]},
            "container_image_images[0] tiketi",
            "there is no examples/tiketi/app/Nowhere",
        ),
        ({"container_image_images": [APP, APP]}, "container_image_images", "declares tiketi twice"),
        (
            {"container_image_images": [APP], "ecr_repository_names": ["shop"]},
            "container_image_images[0] tiketi",
            "has no repository tiketi. Mend: name it in ecr_repository_names",
        ),
        (
            {**REDIS, "elasticache_redis_replica_count": 0},
            "elasticache_redis_automatic_failover",
            "needs a elasticache_redis_replica_count of at least 1",
        ),
        (
            {**REDIS, "elasticache_redis_automatic_failover": False},
            "elasticache_redis_multi_az",
            "needs elasticache_redis_automatic_failover. Mend: switch both",
        ),
        ({"network_zones": ["a", "a"]}, "network_zones", "names a twice"),
        ({"network_zones": ["a"]}, "network_zones", "at least two"),
        ({"k3s_common_file": "examples/nowhere"}, "k3s_common_file", "is not there"),
        ({"ec2_host_image_id": "nonsense"}, "ec2_host_image_id", "such as ami-"),
    ],
)
def test_what_is_told_beforehand(values: Mapping[str, Any], object_: str, words: str) -> None:
    [fault] = of_all(values)
    assert fault.object == object_
    assert words in f"{fault.what}. Mend: {fault.mend}"


@pytest.mark.parametrize(
    "values",
    [
        {"container_image_images": [APP], "ecr_repository_names": ["tiketi"]},
        {"container_image_images": [{**APP, "repository": "a"}], "container_image_repositories": {"a": "b"}},
        {"container_image_images": [APP]},
        REDIS,
        {**REDIS, "elasticache_redis_replica_count": 0, "elasticache_redis_adopt": True},
        {"network_zones": ["a", "b"]},
        {"network_zones": []},
        {"k3s_common_file": ""},
        {"k3s_common_file": "LICENSE"},
        {"ec2_host_image_id": "ami-0123456789abcdef0"},
        {"ec2_host_image_id": ""},
    ],
)
def test_what_is_sound(values: Mapping[str, Any]) -> None:
    assert not list(of_all(values))


def test_a_file_that_holds_no_key(tmp_path: Path) -> None:
    public, private, other = tmp_path / "id.pub", tmp_path / "id", tmp_path / "other"
    public.write_text("ssh-ed25519 AAAA me@example.org\n")
    private.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")  # gitleaks:allow - no key follows
    other.write_bytes(b"\xff not a key\n")
    for path in (private, other):
        path.chmod(0o600)
    names = ("ec2_host_public_key_file", "ec2_host_private_key_file")

    def faults(*paths: Path) -> list[str]:
        found = relations.check_hosts(dict(zip(names, map(str, paths), strict=True)), hosts_wanted=True)
        return [f"{fault.object} {fault.what}" for fault in found]

    assert faults(public, private) == []
    assert faults(other, other) == [
        f"{names[0]} {other} holds no SSH public key",
        f"{names[1]} {other} holds no private key",
    ]


@pytest.mark.parametrize(("path", "sound"), [("/var/state", True), ("~/state", True), ("state", False), ("./s", False)])
def test_the_state_of_a_run_does_not_depend_on_where_it_is_started(path: str, sound: bool) -> None:
    assert bool(re.fullmatch(PLATFORM["platform_state_dir"]["pattern"], path)) is sound
