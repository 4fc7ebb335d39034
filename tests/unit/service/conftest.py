"""Builders shared by the tests of the services: small, valid, and changed one key at a time."""

# ruff: noqa: S105, S106 - made-up secrets, and the paths of secret files

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._service.errors import Fault
from ansible_collections.tiketi.platform.plugins.module_utils._service.model import Service, Store, Target
from ansible_collections.tiketi.platform.plugins.module_utils._service.parse import parse

DIGEST = "registry.example/shop@sha256:" + "a" * 64
PASSWORD = "canary-database-password"
TOKEN = "canary-redis-token"

Definition = dict[str, Any]


def definition(**changes: Any) -> Definition:
    data: Definition = {
        "name": "cart",
        "image": "shop",
        "port": 8080,
        "paths": ["/cart"],
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"cpu": "1", "memory": "128Mi"}},
        "probes": {"live": {"path": "/livez"}, "ready": {"path": "/health"}},
    }
    return {key: value for key, value in {**data, **changes}.items() if value is not ...}


def service_of(**changes: Any) -> Service:
    faults: list[Fault] = []
    service = parse(Service, definition(**changes), "", lambda *fault: faults.append(Fault("test", *fault)))
    assert not faults
    assert isinstance(service, Service)
    return service


@pytest.fixture
def target() -> Target:
    return Target(
        namespace="shop",
        project="shop",
        images={"shop": DIGEST},
        ingress_class="traefik",
        caller_namespaces=("kube-system",),
        store_cidrs=("10.0.0.0/16",),
        database=Store(host="db.internal", port=5432, name="shop", secret="shop/dev/app-database", ca="DATABASE CA"),
        redis=Store(host="redis.internal", port=6379, secret="shop/dev/redis-auth", ca=""),
        secret_prefix="shop/dev/",
        secrets={
            "shop/dev/app-database": {"username": "shop_app", "password": PASSWORD},
            "shop/dev/redis-auth": {"token": TOKEN},
            "shop/dev/signing": {"key": "canary-signing-key"},
        },
    )


@pytest.fixture
def changed(target: Target) -> Callable[..., Target]:
    return lambda **changes: replace(target, **changes)
