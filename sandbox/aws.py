"""Clients for the local AWS. Nothing of the caller's own AWS configuration is used."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config

from sandbox.settings import ENDPOINT, REGION

ACCESS_KEY = "test"  # what MiniStack knows
# Ansible masks a secret wherever it stands in a result, so it must not be a word that others use.
SECRET_KEY = "sandbox-0000-no-secret"  # noqa: S105


def client(service: str) -> Any:
    return boto3.session.Session().client(
        service,  # type: ignore[call-overload]
        endpoint_url=ENDPOINT,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        config=Config(retries={"max_attempts": 2, "mode": "standard"}, connect_timeout=5, read_timeout=120),
    )
