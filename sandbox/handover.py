"""What the sandbox hands to the playbooks: an environment, an extra-vars file, the certificates of the data stores."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from sandbox import aws, net
from sandbox.settings import (
    ACCOUNT,
    ENDPOINT,
    HOST_USER,
    MINISTACK_ADDRESS,
    MINISTACK_PORT,
    REGION,
    VPC_CIDR,
    Paths,
)

CERTIFICATES = {"rds-ca.pem": "rds", "elasticache-ca.pem": "elasticache"}
REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"


def write_private(path: Path, text: str) -> bool:
    """Write a file that only its owner reads, at once or not at all; say whether it changed."""
    if path.exists() and path.read_text() == text:
        return False
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(text)
    draft.replace(path)
    return True


def fetch_certificates(paths: Paths) -> bool:
    changed = [
        write_private(paths.root / name, net.fetch(f"{ENDPOINT}/_ministack/{service}/ca.pem").decode())
        for name, service in CERTIFICATES.items()
    ]
    return any(changed)


def environment(paths: Paths, extra: Mapping[str, str]) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": ENDPOINT,
        "AWS_ACCESS_KEY_ID": aws.ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": aws.SECRET_KEY,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",  # the controller is not an instance
        "CONTAINERS_REGISTRIES_CONF": str(paths.registries_conf),
        **extra,
    }


def env_text(values: Mapping[str, str]) -> str:
    lines = [f"export {name}={shlex.quote(value)}" for name, value in values.items()]
    # A profile or session token of the caller's would win over the keys above.
    return "\n".join(["unset AWS_PROFILE AWS_SESSION_TOKEN", *lines]) + "\n"


def registries_text() -> str:
    """ECR's own name leads to the local AWS over plain HTTP, for the controller's Podman."""
    return f"""\
unqualified-search-registries = ["docker.io"]

[[registry]]
prefix = "{REGISTRY}"
location = "{MINISTACK_ADDRESS}:{MINISTACK_PORT}"
insecure = true
"""


def variables(paths: Paths, host_image: str, k3s: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "network_cidr": str(VPC_CIDR),
        "ec2_host_image_id": host_image,
        "ec2_host_user": HOST_USER,
        "ec2_host_private_key_file": str(paths.private_key),
        "ec2_host_public_key_file": str(paths.public_key),
        "aurora_postgres_ca_url": f"{ENDPOINT}/_ministack/rds/ca.pem",
        "elasticache_redis_ca_file": str(paths.root / "elasticache-ca.pem"),
        **k3s,
    }


def variables_text(values: Mapping[str, Any]) -> str:
    head = "# Written by `python -m sandbox up`: the only thing that differs from a real account.\n---\n"
    return head + yaml.safe_dump(dict(values), sort_keys=True)
