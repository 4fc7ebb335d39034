# ruff: noqa: S106  (the keys here are made up)
"""cloudfront_origin_access_control and cloudfront_function against moto, whose answers are not written by us."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import boto3
import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.tiketi.platform.plugins.module_utils._cloudfront import access_control, function
from ansible_collections.tiketi.platform.plugins.module_utils._cloudfront.function import Existing, Function, Step
from moto import mock_aws

REGION = "ap-northeast-2"
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def control(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    module = import_module("ansible_collections.tiketi.platform.plugins.modules.cloudfront_origin_access_control")

    def run(*, check: bool = False, **params: Any) -> dict[str, Any]:
        keys = {"access_key": "emulator", "secret_key": "emulator", "region": REGION}
        with (
            patch_module_args({"name": "shop", **params, **keys, "_ansible_check_mode": check}),
            pytest.raises(SystemExit),
        ):
            module.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    with mock_aws():
        yield run


def client() -> Any:
    return boto3.client("cloudfront", REGION, aws_access_key_id="emulator", aws_secret_access_key="emulator")


def controls() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client().list_origin_access_controls()["OriginAccessControlList"].get("Items", [])
    return found


def test_create_change_and_again(control: Run) -> None:
    assert control(check=True)["origin_access_control"]["id"] == ""
    assert controls() == []
    made = control(description="first")
    assert made["changed"], made
    assert [row["Id"] for row in controls()] == [made["origin_access_control"]["id"]]
    for check in (True, False):
        assert control(check=check)["changed"] is False, "a description that is not given stays"
    wish = {"signing_behavior": "no-override", "description": "second"}
    assert control(check=True, **wish)["diff"] == {
        "before": {"signing_behavior": "always", "description": "first"},
        "after": {"signing_behavior": "no-override", "description": "second"},
    }
    assert controls()[0]["SigningBehavior"] == "always"
    assert control(**wish)["changed"]
    assert (controls()[0]["SigningBehavior"], controls()[0]["Description"]) == ("no-override", "second")
    assert control(**wish)["changed"] is False


def test_absent(control: Run) -> None:
    assert control(state="absent")["changed"] is False
    control()
    assert control(state="absent", check=True)["changed"]
    assert len(controls()) == 1
    assert control(state="absent")["changed"]
    assert controls() == []


def test_a_name_that_is_too_long_is_refused_before_a_call(control: Run) -> None:
    seen = control(name="x" * 65, check=True)
    assert seen["failed"]
    assert "Mend: shorten it" in seen["msg"]


def test_the_users_of_a_control_are_named() -> None:
    rows = [
        {"Id": "E1", "Origins": {"Items": [{"OriginAccessControlId": "A"}]}},
        {"Id": "E2", "Origins": {"Quantity": 0}},
        {"Id": "E3", "Origins": {"Items": [{"OriginAccessControlId": ""}, {"OriginAccessControlId": "A"}]}},
    ]
    assert access_control.users_of("A", rows) == ["E1", "E3"]


OLD, NEW = Function("", "cloudfront-js-2.0", "old"), Function("", "cloudfront-js-2.0", "new")


@pytest.mark.parametrize(
    ("current", "steps"),
    [
        (None, [Step.CREATE, Step.PUBLISH]),
        (Existing("e", "a", OLD, OLD), [Step.UPDATE, Step.PUBLISH]),
        (Existing("e", "a", NEW, OLD), [Step.PUBLISH]),
        (Existing("e", "a", NEW, None), [Step.PUBLISH]),
        (Existing("e", "a", OLD, NEW), [Step.UPDATE, Step.PUBLISH]),
        (Existing("e", "a", NEW, NEW), []),
    ],
)
def test_a_function_is_done_when_it_is_live(current: Existing | None, steps: list[Step]) -> None:
    assert function.plan(current, NEW) == steps


def test_the_faults_of_a_function() -> None:
    found = function.faults("shop site", Function("", "cloudfront-js-2.0", "x" * 10241))
    assert len(found) == 2
    assert all("Mend:" in line for line in found)
