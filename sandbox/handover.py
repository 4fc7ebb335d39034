"""What the sandbox hands to the playbooks: an environment, an extra-vars file, the certificates of the data stores."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

import yaml

from sandbox import aws, images, legacy, net
from sandbox.files import write_private
from sandbox.settings import (
    CA_ON_HOSTS,
    ENDPOINT,
    HOST_USER,
    PROJECT,
    REGION,
    VPC_CIDR,
    Paths,
)

RESERVATIONS = 1_000_000
CERTIFICATES = {"rds-ca.pem": "rds", "elasticache-ca.pem": "elasticache"}


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
        **extra,
    }


def env_text(values: Mapping[str, str]) -> str:
    lines = [f"export {name}={shlex.quote(value)}" for name, value in values.items()]
    # A profile or session token of the caller's would win over the keys above.
    return "\n".join(["unset AWS_PROFILE AWS_SESSION_TOKEN", *lines]) + "\n"


def variables(paths: Paths, host_image: str, k3s: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "network_cidr": str(VPC_CIDR),
        "ec2_host_image_id": host_image,
        "ec2_host_user": HOST_USER,
        "ec2_host_private_key_file": str(paths.private_key),
        "ec2_host_public_key_file": str(paths.public_key),
        "aurora_postgres_ca_file": str(paths.root / "rds-ca.pem"),
        "elasticache_redis_ca_file": str(paths.root / "elasticache-ca.pem"),
        "postgres_restore_source_secret": f"{PROJECT}/{legacy.STAGE}/postgres",
        "postgres_restore_source_ca_file": CA_ON_HOSTS,
        # What the legacy host of the sandbox has, too.
        "compose_stores_postgres_load_variables": {"scale": RESERVATIONS},
        "container_image_build_args": {
            "BASE_IMAGE": images.PYTHON.reference,
            "POSTGRES_IMAGE": images.POSTGRES.reference,
            "REDIS_IMAGE": images.REDIS.reference,
        },
        # MiniStack's CloudFront keeps VPC origins but asks nothing by them, and takes viewers at its own port.
        "static_site_api_origin": "{{ hostvars['app-1'].ansible_host | default('') }}",
        "static_site_api_instance": "",
        "static_site_check_url": ENDPOINT,
        "static_site_check_headers": {"X-Forwarded-Proto": "https"},
        "container_image_build_network": "host",
        "container_image_ca_bundle": str(images.ca_bundle() or ""),
        **k3s,
    }


def variables_text(values: Mapping[str, Any]) -> str:
    head = "# Written by `python -m sandbox up`: the only thing that differs from a real account.\n---\n"
    return head + yaml.safe_dump(dict(values), sort_keys=True)
