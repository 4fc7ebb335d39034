"""What the services of the sample application need of a stage, told before anything is touched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.controller import check_services

DIGEST = "example.org/tiketi@sha256:" + "a" * 64
LOGIN = {"username": {"value": "application"}, "password": {"length": 40}}
VALUES: Mapping[str, Any] = {
    "service_deploy_dir": "services",
    "service_deploy_overrides": {},
    "service_deploy_namespace": "tiketi",
    "service_deploy_secret_prefix": "tiketi/k3s/",
    "service_deploy_database_secret": "tiketi/k3s/app-database",
    "service_deploy_ingress_annotations": {},
    "service_deploy_images": {},
    "elasticache_redis_secret": "tiketi/k3s/redis-auth",
    "container_image_images": [{"name": "tiketi", "context": "."}],
    "secrets_project": "tiketi",
    "secrets_stage": "k3s",
    "secrets_shapes": {"app-database": LOGIN, "redis-auth": {"token": {"length": 64}}},
    "secrets_extra_shapes": {"app-signing": {"key": {"length": 64}}},
}
GROUPS = {name: ["account"] for name in ("platform", "images", "data_stores", "services")}
NAMES = ("auth", "event", "payment", "queue", "reservation")


def found(values: Mapping[str, Any], groups: Mapping[str, Sequence[str]], there: Sequence[str] = ()) -> dict[str, str]:
    faults = check_services({**VALUES, **values}, {**GROUPS, **groups}, lambda names: set(names) - set(there))
    return {fault.object: f"{fault.what}. Mend: {fault.mend}" for fault in faults}


@pytest.mark.parametrize(
    ("values", "groups", "object_", "words"),
    [
        ({}, {"images": []}, "group images", "tiketi by name"),
        ({}, {"data_stores": []}, "group data_stores", "say redis: true. Mend: put the account into"),
        ({"container_image_images": [{"name": "ticketi"}]}, {}, "auth.yml: image", "Did you mean ticketi?"),
        (
            {"service_deploy_overrides": {"auth": {"image": "tiketi:1"}}},
            {},
            "auth.yml: image",
            "write name@sha256:<digest>",
        ),
        ({"service_deploy_namespace": "kube-system"}, {}, "service_deploy_namespace", "belongs to the cluster"),
        ({"service_deploy_namespace": "My Shop"}, {}, "service_deploy_namespace", "lower-case"),
        ({"service_deploy_ingress_annotations": {"a": 1}}, {}, "service_deploy_ingress_annotations: a", "quotes"),
        (
            {"secrets_extra_shapes": {}},
            {},
            "secret tiketi/k3s/app-signing",
            "declare it in secrets_extra_shapes with key",
        ),
        (
            {"secrets_extra_shapes": {"app-signing": {"kye": {"length": 64}}}},
            {},
            "secret tiketi/k3s/app-signing",
            "has no key key",
        ),
        ({"service_deploy_dir": "nowhere"}, {}, "platform_services_dir: nowhere", "does not exist"),
    ],
)
def test_what_the_stage_lacks(
    values: Mapping[str, Any], groups: Mapping[str, Sequence[str]], object_: str, words: str
) -> None:
    faults = found(values, groups)
    assert words in faults[object_]


@pytest.mark.parametrize(
    ("values", "groups", "there"),
    [
        ({}, {}, ()),
        # Images that the stage does not build, stores on a host, and what was made by others.
        ({"service_deploy_images": {"tiketi": DIGEST}}, {"images": []}, ()),
        ({"service_deploy_overrides": {name: {"image": DIGEST} for name in NAMES}}, {"images": []}, ()),
        ({}, {"data_stores": [], "compose_stores": ["app-1"]}, ()),
        ({"secrets_extra_shapes": {}}, {}, ["tiketi/k3s/app-signing"]),
        # As on the data of another stage.
        (
            {
                "service_deploy_secret_prefix": "tiketi/single/",
                "service_deploy_database_secret": "tiketi/single/app-database",
                "elasticache_redis_secret": "tiketi/single/redis",
            },
            {},
            ["tiketi/single/app-database", "tiketi/single/app-signing", "tiketi/single/redis"],
        ),
    ],
)
def test_what_the_stage_has(
    values: Mapping[str, Any], groups: Mapping[str, Sequence[str]], there: Sequence[str]
) -> None:
    assert found(values, groups, there) == {}


def test_what_is_known_later_is_not_guessed_at() -> None:
    later = ("container_image_images", "secrets_shapes", "service_deploy_namespace")
    values = {name: value for name, value in VALUES.items() if name not in later}
    assert not list(check_services(values, GROUPS, lambda names: names))


def test_one_missing_group_is_one_fault_for_all_services() -> None:
    assert list(found({}, {"images": []})) == ["group images"]
