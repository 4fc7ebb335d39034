"""Services against their stage: what is missing is told before anything is touched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._service.model import Target
from ansible_collections.tiketi.platform.plugins.module_utils._service.validate import secret_names, target_faults

from .conftest import service_of

SIGNED = {"secrets": [{"name": "signing", "key": "key", "env": "SIGNING_KEY_FILE"}]}

FAULTS: list[tuple[dict[str, Any], dict[str, Any], str, str]] = [
    ({"image": "shopp"}, {}, "image", "Did you mean shop?"),
    ({"image": "registry.example/shop:1.2"}, {}, "image", "A tag can be moved"),
    ({}, {"images": {"shop": "registry.example/shop:latest"}}, "image", "names no digest"),
    ({"database": True}, {"database": None}, "database", "this stage has no database"),
    ({"redis": True}, {"redis": None}, "redis", "this stage has no redis"),
    (SIGNED, {"secrets": {}}, "secrets", "shop/dev/signing was not handed over"),
    (SIGNED, {"secrets": {"shop/dev/signing": {"kee": "x"}}}, "secrets", "has no key 'key'"),
    ({}, {"ingress_class": ""}, "paths", "no ingress class"),
    ({"hpa": {"min": 1, "max": 2}}, {"metrics": False}, "hpa", "service_overrides.cart.hpa"),
    ({}, {"namespace": "Shop"}, "namespace", "cannot be a namespace"),
    ({}, {"namespace": "kube-system"}, "namespace", "belongs to the cluster"),
    ({}, {"ingress_annotations": {"a/b": True}}, "ingress annotations: a/b", "Put it in quotes"),
    ({}, {"store_cidrs": ("10.0.0.1/8",)}, "store_cidrs", "is not a network"),
    ({}, {"caller_cidrs": ("x",)}, "caller_cidrs", "is not a network"),
]


@pytest.mark.parametrize(
    ("service", "stage", "place", "words"), FAULTS, ids=[f"{row[2]}-{i}" for i, row in enumerate(FAULTS)]
)
def test_what_the_stage_lacks(
    changed: Callable[..., Target], service: dict[str, Any], stage: dict[str, Any], place: str, words: str
) -> None:
    [fault] = target_faults([("cart", service_of(**service))], changed(**stage))
    assert place in str(fault)
    assert words in str(fault)


def test_a_sound_service_has_no_fault(target: Target) -> None:
    assert target_faults([("cart", service_of(database=True, redis=True, **SIGNED))], target) == []


def test_the_secrets_that_a_service_needs(target: Target) -> None:
    assert secret_names(service_of(database=True, **SIGNED), target) == {
        "shop/dev/app-database": {"username", "password"},
        "shop/dev/signing": {"key"},
    }
