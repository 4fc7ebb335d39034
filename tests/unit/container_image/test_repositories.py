from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._container_image.api import Registry
from ansible_collections.tiketi.platform.plugins.module_utils._container_image.errors import ImageError
from ansible_collections.tiketi.platform.plugins.module_utils._container_image.repository import (
    Current,
    Wanted,
    check,
    diff,
    plan,
)
from moto import mock_aws

WANTED = Wanted(scan_on_push=True, keep_images=50, untagged_days=7, kms_key="", tags={"Project": "tiketi"})
NAME = "tiketi/k3s/app"
AS_WANTED = Current(
    address=f"1.dkr.ecr/{NAME}",
    arn="arn",
    mutability="IMMUTABLE",
    scan_on_push=True,
    encryption={"encryptionType": "AES256"},
    lifecycle=WANTED.lifecycle,
    tags={"Project": "tiketi", "Name": NAME, "foreign": "stays"},
)


@pytest.mark.parametrize(
    ("current", "changed"),
    [
        (AS_WANTED, set()),
        (replace(AS_WANTED, mutability="MUTABLE"), {"mutability"}),
        (replace(AS_WANTED, scan_on_push=False), {"scan_on_push"}),
        (replace(AS_WANTED, lifecycle={}), {"lifecycle"}),
        (replace(AS_WANTED, tags={"Name": NAME}), {"tags"}),
        (None, {"mutability", "scan_on_push", "lifecycle", "tags"}),
    ],
)
def test_only_what_differs_is_changed(current: Current | None, changed: set[str]) -> None:
    found = {NAME: current} if current else {}
    actions = plan(found, [NAME], WANTED)
    assert {key for action in actions for key in action.changes} == changed
    assert set(diff(found, actions)["after"].get(NAME, {})) == changed
    assert all(action.create is (current is None) for action in actions)


def test_what_cannot_be_changed_is_refused() -> None:
    with pytest.raises(ImageError, match="ECR cannot change that"):
        plan({NAME: AS_WANTED}, [NAME], replace(WANTED, kms_key="alias/other"))


def test_every_fault_is_named() -> None:
    with pytest.raises(ImageError) as error:
        check(["ok/name", "ok/name", "Upper", "a", "a//b"], replace(WANTED, keep_images=0, untagged_days=-1))
    for part in ("'ok/name' is declared twice", "'Upper'", "'a'", "'a//b'", "keep_images is 0", "untagged_days is -1"):
        assert part in str(error.value)


@pytest.fixture
def client() -> Iterator[Any]:
    with mock_aws():
        yield boto3.client("ecr", "ap-northeast-2", aws_access_key_id="t", aws_secret_access_key="t")  # noqa: S106


def test_made_found_and_mended(client: Any) -> None:
    registry = Registry(client)
    (action,) = plan(registry.read([NAME]), [NAME], WANTED)
    foreseen = registry.address(NAME)
    address = registry.apply(action, WANTED, None)
    assert address == foreseen == f"123456789012.dkr.ecr.ap-northeast-2.amazonaws.com/{NAME}"
    assert plan(registry.read([NAME]), [NAME], WANTED) == []

    client.put_image_tag_mutability(repositoryName=NAME, imageTagMutability="MUTABLE")
    client.delete_lifecycle_policy(repositoryName=NAME)
    changed = replace(WANTED, scan_on_push=False, tags={"Project": "other"})
    current = registry.read([NAME])
    (action,) = plan(current, [NAME], changed)
    assert set(action.changes) == {"mutability", "scan_on_push", "lifecycle", "tags"}
    assert registry.apply(action, changed, current[NAME]) == address
    assert plan(registry.read([NAME]), [NAME], changed) == []
