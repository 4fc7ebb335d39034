"""cloudfront_distribution_config, with its argument spec, against a CloudFront that adds members of its own."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from .fake import FakeACM, FakeCloudFront

MODULE = "ansible_collections.tiketi.platform.plugins.modules.cloudfront_distribution_config"
CERTIFICATE = "arn:aws:acm:us-east-1:111122223333:certificate/c0ffee"
CONFIG: dict[str, Any] = {
    "Enabled": True,
    "DefaultRootObject": "index.html",
    "HttpVersion": "http2and3",
    "Origins": [
        {
            "Id": "site",
            "DomainName": "b.s3.ap-northeast-2.amazonaws.com",
            "OriginAccessControlId": "EOAC",
            "S3OriginConfig": {"OriginAccessIdentity": ""},
        },
        {
            "Id": "api",
            "DomainName": "api.example.com",
            "CustomOriginConfig": {
                "HTTPPort": 80,
                "HTTPSPort": 443,
                "OriginProtocolPolicy": "https-only",
                "OriginSslProtocols": ["TLSv1.2"],
            },
        },
    ],
    "DefaultCacheBehavior": {
        "TargetOriginId": "site",
        "ViewerProtocolPolicy": "redirect-to-https",
        "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6",
        "Compress": True,
    },
    "CacheBehaviors": [
        {
            "PathPattern": "/api/*",
            "TargetOriginId": "api",
            "ViewerProtocolPolicy": "https-only",
            "CachePolicyId": "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
            "AllowedMethods": ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"],
        }
    ],
    "ViewerCertificate": {"CloudFrontDefaultCertificate": True},
}
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def aws() -> FakeCloudFront:
    return FakeCloudFront()


@pytest.fixture
def acm() -> FakeACM:
    return FakeACM()


@pytest.fixture
def run(aws: FakeCloudFront, acm: FakeACM, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    module = import_module(MODULE)
    clients: dict[str, Any] = {"cloudfront": aws, "acm": acm}
    monkeypatch.setattr(AnsibleAWSModule, "client", lambda _self, service, **_options: clients[service])
    ticks = iter(range(10**6))
    monkeypatch.setattr(
        module, "Waiter", partial(module.Waiter, sleep=lambda _s: None, clock=lambda: float(next(ticks)))
    )

    def runner(*, check: bool = False, **params: Any) -> dict[str, Any]:
        args = {"name": "shop", "config": CONFIG, **params, "region": "ap-northeast-2", "_ansible_check_mode": check}
        aws.calls.clear()
        with patch_module_args(args), pytest.raises(SystemExit):
            module.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert not (check and aws.writes), "check mode changed something"
        return result

    return runner


def changed(**members: Any) -> dict[str, Any]:
    return {**copy.deepcopy(CONFIG), **members}


def test_what_cloudfront_adds_by_itself_is_no_difference(run: Run, aws: FakeCloudFront) -> None:
    assert run(check=True)["changed"]
    made = run(tags={"Project": "shop"})
    assert made["changed"], made
    assert made["distribution"]["status"] == "Deployed"
    assert made["distribution"]["tags"] == {"Name": "shop", "Project": "shop"}
    for check in (True, False):
        again = run(check=check, tags={"Project": "shop"})
        assert again["changed"] is False, again["diff"]
        assert aws.writes == []


def test_one_changed_member_is_sent_and_the_others_stay(run: Run, aws: FakeCloudFront) -> None:
    run()
    by_hand = aws.distributions["E1"]["config"]
    by_hand["WebACLId"] = "arn:waf"
    by_hand["Origins"]["Items"][0]["ConnectionAttempts"] = 2
    wish = changed(HttpVersion="http2")
    assert run(config=wish, check=True)["diff"] == {
        "before": {"HttpVersion": "http2and3"},
        "after": {"HttpVersion": "http2"},
    }
    assert run(config=wish)["changed"]
    config = aws.distributions["E1"]["config"]
    assert (config["HttpVersion"], config["WebACLId"]) == ("http2", "arn:waf")
    assert config["Origins"]["Items"][0]["ConnectionAttempts"] == 2
    assert run(config=wish)["changed"] is False


def test_what_a_list_no_longer_names_goes(run: Run, aws: FakeCloudFront) -> None:
    run()
    wish = changed(Origins=CONFIG["Origins"][:1], CacheBehaviors=[])
    seen = run(config=wish)
    assert seen["changed"]
    assert "CacheBehaviors[/api/*]" in seen["diff"]["before"]
    assert aws.distributions["E1"]["config"]["CacheBehaviors"] == {"Quantity": 0}
    assert run(config=wish)["changed"] is False


def test_the_order_of_behaviors_counts_and_that_of_methods_does_not(run: Run) -> None:
    first, second = CONFIG["CacheBehaviors"][0], {**CONFIG["CacheBehaviors"][0], "PathPattern": "/api/v1/*"}
    run(config=changed(CacheBehaviors=[first, second]))
    turned = {**first, "AllowedMethods": list(reversed(first["AllowedMethods"]))}
    assert run(config=changed(CacheBehaviors=[turned, second]))["changed"] is False
    assert run(config=changed(CacheBehaviors=[second, first]), check=True)["diff"]["after"] == {
        "CacheBehaviors order": ["/api/v1/*", "/api/*"]
    }
    assert run(config=changed(CacheBehaviors=[second, first]))["changed"]
    assert run(config=changed(CacheBehaviors=[second, first]))["changed"] is False


def test_a_certificate_is_replaced_whole(run: Run, aws: FakeCloudFront, acm: FakeACM) -> None:
    run()
    acm.certificates[CERTIFICATE] = {
        "Status": "ISSUED", "DomainName": "example.com", "SubjectAlternativeNames": ["*.example.com"],
    }  # fmt: skip
    wish = changed(
        Aliases=["shop.example.com"],
        ViewerCertificate={
            "ACMCertificateArn": CERTIFICATE,
            "SSLSupportMethod": "sni-only",
            "MinimumProtocolVersion": "TLSv1.2_2021",
        },
    )
    assert run(config=wish)["changed"]
    assert aws.distributions["E1"]["config"]["ViewerCertificate"] == wish["ViewerCertificate"]
    assert run(config=wish)["changed"] is False


@pytest.mark.parametrize(
    ("arn", "certificate", "said"),
    [
        (CERTIFICATE.replace("us-east-1", "ap-northeast-2"), {}, "Mend: request or import it in us-east-1"),
        (CERTIFICATE, None, "does not exist in us-east-1"),
        (CERTIFICATE, {"Status": "PENDING_VALIDATION", "DomainName": "shop.example.com"}, "is PENDING_VALIDATION"),
        (CERTIFICATE, {"Status": "ISSUED", "DomainName": "*.example.org"}, "not for shop.example.com"),
        (CERTIFICATE, {"Status": "ISSUED", "DomainName": "*.com"}, "not for shop.example.com"),
    ],
)
def test_a_certificate_that_cannot_serve_is_refused_in_check_mode_too(
    run: Run, aws: FakeCloudFront, acm: FakeACM, arn: str, certificate: dict[str, Any] | None, said: str
) -> None:
    if certificate:
        acm.certificates[arn] = certificate
    wish = changed(Aliases=["shop.example.com"], ViewerCertificate={"ACMCertificateArn": arn})
    for check in (True, False):
        seen = run(config=wish, check=check)
        assert seen["failed"]
        assert said in seen["msg"]
        assert aws.writes == []


def test_all_faults_of_a_wish_are_named_at_once(run: Run, aws: FakeCloudFront) -> None:
    default = {**CONFIG["DefaultCacheBehavior"], "TargetOriginId": "sight"}
    seen = run(config=changed(Comment="x", Aliases=["shop.example.com"], DefaultCacheBehavior=default), check=True)
    assert seen["failed"]
    for said in ("config.Comment", "names origin sight", "aliases shop.example.com need a certificate"):
        assert said in seen["msg"]
    wrong = run(config=changed(Enabld=True, HttpVersion=2), check=True)
    assert "Enabld" in wrong["msg"]
    assert "HttpVersion" in wrong["msg"]
    assert aws.distributions == {}


def test_a_distribution_is_found_by_tag_when_its_comment_was_changed(run: Run, aws: FakeCloudFront) -> None:
    run()
    aws.distributions["E1"]["config"]["Comment"] = "do not touch"
    assert run(check=True)["diff"]["after"] == {"Comment": "shop"}
    assert run()["changed"]
    assert list(aws.distributions) == ["E1"]
    aws.distributions["E9"] = copy.deepcopy(aws.distributions["E1"])
    assert "E1, E9 are all called shop" in run()["msg"]


def test_absent_disables_waits_and_deletes(run: Run, aws: FakeCloudFront) -> None:
    run()
    assert run(state="absent", check=True)["changed"]
    assert run(state="absent")["changed"]
    assert aws.writes == ["update_distribution", "delete_distribution"]
    assert run(state="absent")["changed"] is False


def test_a_wait_that_ends_says_what_was_waited_for(run: Run, aws: FakeCloudFront) -> None:
    aws.polls = 10**6
    seen = run(wait_timeout=20)
    assert "Distribution E1 is not Deployed after 20 s: its status is InProgress" in seen["msg"]
    assert run(wait=False)["changed"] is False
