"""One pair a gap. The first fails when MiniStack no longer needs the wrapper, which is then to be deleted."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Containers, use

Emulator = Callable[..., Any]
NETWORK = ("network_interfaces", "instance_metadata", "run_instances_template")


def body(response: tuple[int, dict[str, str], bytes]) -> str:
    assert response[0] == 200, response[2].decode()
    return response[2].decode()


def value(tag: str, text: str) -> str:
    found = re.search(f"<{tag}>(.*?)</{tag}>", text)
    assert found, f"no {tag} in {text}"
    return found.group(1)


def call(ec2: Any, action: str, **params: str) -> str:
    query = {"Action": [action]} | {name.replace("__", "."): [text] for name, text in params.items()}
    return body(ec2._ACTION_MAP[action](query))


def subnet_and_group(ec2: Any) -> tuple[str, str]:
    vpc = value("vpcId", call(ec2, "CreateVpc", CidrBlock="10.1.0.0/16"))
    subnet = value("subnetId", call(ec2, "CreateSubnet", VpcId=vpc, CidrBlock="10.1.1.0/24"))
    group = value("groupId", call(ec2, "CreateSecurityGroup", VpcId=vpc, GroupName="hosts", GroupDescription="x"))
    return subnet, group


def run_in(ec2: Any, subnet: str, group: str) -> str:
    sent = {"NetworkInterface.1.SubnetId": subnet, "NetworkInterface.1.SecurityGroupId.1": group}
    query = {"ImageId": ["ami-1"], **{name: [text] for name, text in sent.items()}}
    return body(ec2._ACTION_MAP["RunInstances"](query))


def test_an_instance_has_no_interface_on_plain_ministack(emulator: Emulator) -> None:
    ec2 = emulator("ec2")
    subnet, group = subnet_and_group(ec2)
    answer = run_in(ec2, subnet, group)
    assert "networkInterfaceSet" not in answer
    assert subnet not in answer


def test_an_instance_stands_in_the_subnet_and_group_of_its_interface(emulator: Emulator) -> None:
    ec2 = emulator("ec2", "network_interfaces")
    subnet, group = subnet_and_group(ec2)
    interface = re.search("<networkInterfaceSet>.*</networkInterfaceSet>", run_in(ec2, subnet, group))
    assert interface
    assert subnet in interface.group(0)
    assert group in interface.group(0)


def test_imds_options_are_lost_on_plain_ministack(emulator: Emulator) -> None:
    ec2 = emulator("ec2")
    assert "metadataOptions" not in call(ec2, "RunInstances", MetadataOptions__HttpTokens="required")
    assert "ModifyInstanceMetadataOptions" not in ec2._ACTION_MAP


def test_imds_options_are_kept_and_can_be_modified(emulator: Emulator) -> None:
    ec2 = emulator("ec2", "instance_metadata")
    made = call(ec2, "RunInstances", MetadataOptions__HttpTokens="required")
    assert value("httpTokens", made) == "required"
    instance = value("instanceId", made)
    call(ec2, "ModifyInstanceMetadataOptions", InstanceId=instance, HttpPutResponseHopLimit="2")
    seen = call(ec2, "DescribeInstances")
    assert (value("httpTokens", seen), value("httpPutResponseHopLimit", seen)) == ("required", "2")


def test_security_groups_stay_on_plain_ministack(emulator: Emulator) -> None:
    assert "ModifyInstanceAttribute" not in emulator("ec2")._ACTION_MAP


def test_security_groups_of_an_instance_can_be_changed(emulator: Emulator) -> None:
    ec2 = emulator("ec2", "network_interfaces", "instance_groups")
    subnet, group = subnet_and_group(ec2)
    other = value("groupId", call(ec2, "CreateSecurityGroup", GroupName="clients", GroupDescription="x"))
    instance = value("instanceId", run_in(ec2, subnet, group))
    call(ec2, "ModifyInstanceAttribute", InstanceId=instance, GroupId__1=group, GroupId__2=other)
    seen = call(ec2, "DescribeInstances")
    assert {group, other} <= set(re.findall("<groupId>(.*?)</groupId>", seen))
    query = {"InstanceId": [instance], "GroupId.1": ["sg-none"]}
    status, _, text = ec2._ACTION_MAP["ModifyInstanceAttribute"](query)
    assert (status, b"InvalidGroup.NotFound" in text) == (400, True)


def template(ec2: Any, group: str) -> None:
    call(
        ec2, "CreateLaunchTemplate", LaunchTemplateName="t", LaunchTemplateData__InstanceType="t3.xlarge",
        LaunchTemplateData__MetadataOptions__HttpTokens="required",
        LaunchTemplateData__NetworkInterface__1__DeviceIndex="0",
        LaunchTemplateData__NetworkInterface__1__SecurityGroupId__1=group,
    )  # fmt: skip


def test_a_launch_template_is_ignored_on_plain_ministack(emulator: Emulator) -> None:
    ec2 = emulator("ec2")
    template(ec2, subnet_and_group(ec2)[1])
    assert value("instanceType", call(ec2, "RunInstances", LaunchTemplate__LaunchTemplateName="t")) != "t3.xlarge"


def test_a_launch_template_counts_and_the_request_wins(emulator: Emulator) -> None:
    ec2 = emulator("ec2", *NETWORK)
    group = subnet_and_group(ec2)[1]
    template(ec2, group)
    made = call(ec2, "RunInstances", LaunchTemplate__LaunchTemplateName="t", LaunchTemplate__Version="$Latest")
    assert (value("instanceType", made), value("httpTokens", made)) == ("t3.xlarge", "required")
    assert group in made
    own = call(ec2, "RunInstances", LaunchTemplate__LaunchTemplateName="t", InstanceType="t3.micro")
    assert value("instanceType", own) == "t3.micro"


def test_an_unknown_launch_template_is_refused(emulator: Emulator) -> None:
    ec2 = emulator("ec2", *NETWORK)
    status, _, text = ec2._ACTION_MAP["RunInstances"]({"LaunchTemplate.LaunchTemplateName": ["none"]})
    assert status == 400
    assert b"InvalidLaunchTemplateId.NotFound" in text


@pytest.mark.parametrize(("gaps", "returned"), [((), True), (("launch_template_metadata",), False)])
def test_a_state_nobody_sent_is_in_a_template(emulator: Emulator, gaps: tuple[str, ...], returned: bool) -> None:
    ec2 = emulator("ec2", *gaps)
    template(ec2, "sg-00000001")
    options = value("metadataOptions", call(ec2, "DescribeLaunchTemplateVersions", LaunchTemplateName="t"))
    assert ("<state>" in options) is returned
    assert value("httpTokens", options) == "required"


def test_user_data_is_not_handed_over_by_plain_ministack(emulator: Emulator, engine: Containers) -> None:
    ec2 = emulator("ec2")
    call(ec2, "RunInstances", ImageId=use(ec2, engine), UserData=base64.b64encode(b"#!/bin/sh\n").decode())
    assert "volumes" not in engine.asked[0]


def test_a_host_names_no_resolver_on_plain_ministack(emulator: Emulator, engine: Containers) -> None:
    ec2 = emulator("ec2")
    call(ec2, "RunInstances", ImageId=use(ec2, engine))
    assert "dns" not in engine.asked[0]


@pytest.mark.parametrize(("address", "wanted"), [("10.89.64.1", ["10.89.64.1"]), ("", None)])
def test_a_host_has_the_one_resolver_that_is_named(
    emulator: Emulator, engine: Containers, monkeypatch: pytest.MonkeyPatch, address: str, wanted: list[str] | None
) -> None:
    monkeypatch.setenv("SANDBOX_RESOLVER", address)
    ec2 = emulator("ec2", "instance_seed", "instance_resolver")
    call(ec2, "RunInstances", ImageId=use(ec2, engine))
    assert engine.asked[0].get("dns") == wanted
    assert engine.asked[0]["volumes"]


def test_a_host_is_started_with_its_seed(emulator: Emulator, engine: Containers, tmp_path: Path) -> None:
    ec2 = emulator("ec2", "instance_seed")
    text = b"#!/bin/sh\necho hello\n"
    made = call(ec2, "RunInstances", ImageId=use(ec2, engine), UserData=base64.b64encode(text).decode())
    seed = tmp_path / value("instanceId", made)
    assert engine.asked[0]["volumes"] == [f"{seed}:/var/lib/cloud/seed/nocloud:ro"]
    assert (seed / "user-data").read_bytes() == text
    assert (seed / "public-key").read_text() == "ssh-ed25519 AAAA key"
    assert [path.stat().st_mode & 0o077 for path in [seed, *seed.iterdir()]] == [0] * 6


def test_there_is_no_console_on_plain_ministack(emulator: Emulator) -> None:
    assert "GetConsoleOutput" not in emulator("ec2")._ACTION_MAP


def test_the_console_is_the_log_of_the_container(emulator: Emulator, engine: Containers) -> None:
    ec2 = emulator("ec2", "console_output")
    instance = value("instanceId", call(ec2, "RunInstances", ImageId=use(ec2, engine)))
    output = value("output", call(ec2, "GetConsoleOutput", InstanceId=instance, Latest="true"))
    assert base64.b64decode(output) == b"booted\n"


@pytest.mark.parametrize(("gaps", "removed"), [((), None), (("container_volumes",), True)])
def test_volumes_go_with_a_terminated_host(
    emulator: Emulator, engine: Containers, gaps: tuple[str, ...], removed: bool | None
) -> None:
    ec2 = emulator("ec2", *gaps)
    instance = value("instanceId", call(ec2, "RunInstances", ImageId=use(ec2, engine)))
    engine.removed.clear()
    call(ec2, "TerminateInstances", InstanceId__1=instance)
    assert [options.get("v") for options in engine.removed] == [removed]


def rule_of_cloudfront(ec2: Any) -> str:
    _, group = subnet_and_group(ec2)
    rule = {"IpProtocol": "tcp", "FromPort": "80", "ToPort": "80", "PrefixListIds.1.PrefixListId": "pl-1"}
    query = {"GroupId": [group], **{f"IpPermissions.1.{name}": [text] for name, text in rule.items()}}
    body(ec2._ACTION_MAP["AuthorizeSecurityGroupIngress"](query))
    return call(ec2, "DescribeSecurityGroups", GroupId__1=group)


def test_a_rule_loses_its_prefix_list_on_plain_ministack(emulator: Emulator) -> None:
    assert "pl-1" not in rule_of_cloudfront(emulator("ec2"))


def test_a_rule_names_its_prefix_list(emulator: Emulator) -> None:
    assert value("prefixListId", rule_of_cloudfront(emulator("ec2", "prefix_lists"))) == "pl-1"
