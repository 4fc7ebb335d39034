"""EC2 hosts: which are missing, what differs, and whose key may be believed."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.filter.ec2_host_wishes import ec2_host_wishes
from ansible_collections.tiketi.platform.plugins.module_utils._foundation.errors import FoundationError
from ansible_collections.tiketi.platform.plugins.module_utils._foundation.hosts import (
    HostsSpec,
    HostsState,
    desired_hosts,
    key_name,
    known_hosts,
    plan_hosts,
    template_wanted,
)
from ansible_collections.tiketi.platform.plugins.module_utils._foundation.model import Json, stage_tags
from ansible_collections.tiketi.platform.plugins.module_utils._foundation.replace import replaceable

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJmYeJRImPr7IJBu me"
HOSTS = [{"name": f"h{n}", "instance_type": "t3.large", "subnet_tier": "private", "root_gib": 20} for n in range(4)]


def spec(**more: Any) -> HostsSpec:
    wanted: dict[str, Any] = {
        "project": "t",
        "stage": "k3s",
        "hosts": HOSTS,
        "profile": "t-k3s-host",
        "public_key": KEY,
        "subnets": {"private": ["subnet-a", "subnet-b", "subnet-c"], "public": []},
        "security_group_ids": ["sg-1"],
    }
    return HostsSpec(**{**wanted, **more})


def instance(name: str, state: str = "running", stage: str = "k3s", **more: Any) -> Json:
    tags = {**stage_tags("t", stage, name), "InventoryHost": name, **more.pop("tags", {})}
    return {
        "InstanceId": f"i-{name}-{state}",
        "InstanceType": "t3.large",
        "State": {"Name": state},
        "KeyName": key_name(spec()),
        "IamInstanceProfile": {"Arn": "arn:aws:iam::1:instance-profile/t-k3s-host"},
        "SecurityGroups": [{"GroupId": "sg-1"}],
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
        **more,
    }


def state(*instances: Json, **more: Any) -> HostsState:
    disk = {"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": True, "VolumeType": "gp3"}}
    data = {**template_wanted(spec()), "ImageId": "ami-1", "BlockDeviceMappings": [disk]}
    tags = [{"Key": key, "Value": value} for key, value in stage_tags("t", "k3s", "host").items()]
    known: dict[str, Any] = {"key_names": [key_name(spec())], "template": {"Tags": tags}, "template_data": data}
    return HostsState(instances=instances, **{**known, **more})


def plan(wanted: HostsSpec, found: HostsState) -> list[str]:
    return [drift.object for drift in plan_hosts(wanted, found, desired_hosts(wanted, found))]


ALL = [instance(host["name"]) for host in HOSTS]


def test_all_there_is_no_drift() -> None:
    assert plan(spec(), state(*ALL)) == []


@pytest.mark.parametrize(
    ("found", "objects"),
    [
        (state(*ALL[1:]), ["host h0"]),
        (state(instance("h0", "terminated"), *ALL[1:]), ["host h0"]),
        (state(instance("h0", "stopped"), *ALL[1:]), ["host h0"]),
        (state(instance("h0", stage="other"), *ALL[1:]), ["host h0"]),
        (state(instance("h0", SecurityGroups=[{"GroupId": "sg-9"}]), *ALL[1:]), ["host h0"]),
        (state(instance("h0", tags={"ManagedBy": "hand"}), *ALL[1:]), ["host h0"]),
        (state(*ALL, key_names=[]), ["key pair t-k3s-host-" + key_name(spec())[-8:]]),
        (state(*ALL, template=None), ["launch template t-k3s-host"]),
    ],
)
def test_what_is_not_as_desired_is_named(found: HostsState, objects: list[str]) -> None:
    assert plan(spec(), found) == objects


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("MetadataOptions", {"HttpTokens": "optional"}),
        ("SecurityGroupIds", ["sg-9"]),
        ("IamInstanceProfile", {"Name": "other"}),
        ("IamInstanceProfile", {"Arn": "arn:aws:iam::1:instance-profile/other"}),
        ("BlockDeviceMappings", [{"Ebs": {"Encrypted": False, "VolumeType": "gp3"}}]),
    ],
)
def test_a_template_that_would_launch_unsafe_hosts_is_drift(key: str, value: Any) -> None:
    found = state(*ALL)
    assert plan(spec(), state(*ALL, template_data={**found.template_data, key: value})) == [
        "launch template t-k3s-host"
    ]


def test_keys_that_others_answer_beside_ours_in_the_template_are_no_drift() -> None:
    found = state(*ALL)
    options = {**found.template_data["MetadataOptions"], "HttpProtocolIpv6": "disabled", "State": "applied"}
    assert plan(spec(), state(*ALL, template_data={**found.template_data, "MetadataOptions": options})) == []


def test_a_profile_named_by_its_arn_is_the_same() -> None:
    data = {**state().template_data, "IamInstanceProfile": {"Arn": "arn:aws:iam::1:instance-profile/t-k3s-host"}}
    assert plan(spec(), state(*ALL, template_data=data)) == []


def test_a_newer_image_makes_no_converged_stage_differ_but_a_named_one_does() -> None:
    assert plan(spec(image_id="ami-1"), state(*ALL)) == []
    assert plan(spec(image_id="ami-2"), state(*ALL)) == ["launch template t-k3s-host"]


def test_hosts_are_spread_over_the_zones() -> None:
    subnets = [host["subnet_id"] for host in desired_hosts(spec(), HostsState())]
    assert subnets == ["subnet-a", "subnet-b", "subnet-c", "subnet-a"]


def test_two_instances_for_one_host_are_refused() -> None:
    with pytest.raises(FoundationError, match="InventoryHost=h0"):
        plan(spec(), state(instance("h0"), instance("h0", "stopped"), *ALL[1:]))


def test_a_file_that_is_no_public_key_is_refused() -> None:
    with pytest.raises(FoundationError, match="ec2_host_public_key_file"):
        key_name(spec(public_key="-----BEGIN OPENSSH PRIVATE KEY-----"))


def test_what_only_a_new_instance_changes_is_said_and_not_done() -> None:
    old = instance("h0", InstanceType="t3.micro", MetadataOptions={"HttpTokens": "optional"})
    found = state(old, *ALL[1:])
    notes = replaceable(spec(), found, desired_hosts(spec(), found))
    assert plan(spec(), found) == []
    assert len(notes) == 1
    assert "t3.micro" in notes[0]
    assert "IMDSv1" in notes[0]


def test_known_hosts_hold_only_hosts_of_the_inventory_that_live() -> None:
    instances = [
        instance("h0", tags={"SshHostKey": "ssh-ed25519 AAAA"}),
        instance("legacy", stage="single", tags={"SshHostKey": "ssh-ed25519 BBBB"}),
        instance("stranger", tags={"SshHostKey": "ssh-ed25519 CCCC"}),
        instance("h1", "terminated", tags={"SshHostKey": "ssh-ed25519 DDDD"}),
        instance("h2"),
    ]
    assert (
        known_hosts(spec(), instances, ["h0", "h1", "h2", "legacy"]) == "h0 ssh-ed25519 AAAA\nlegacy ssh-ed25519 BBBB\n"
    )


def test_a_host_may_want_what_the_others_do_not() -> None:
    hostvars = {"a": {"ec2_host_instance_type": "t3.small"}, "b": {}}
    wishes = ec2_host_wishes(["a", "b"], hostvars, {"instance_type": "t3.large", "root_gib": 40})
    assert wishes == [
        {"name": "a", "instance_type": "t3.small", "root_gib": 40},
        {"name": "b", "instance_type": "t3.large", "root_gib": 40},
    ]


@pytest.mark.parametrize(
    ("differs", "text"),
    [
        ({"KeyName": "other"}, "key pair other, wanted t-k3s-host-"),
        ({"KeyName": ""}, "key pair none"),
        ({"IamInstanceProfile": {"Arn": "arn:aws:iam::1:instance-profile/x"}}, "instance profile x, wanted t-k3s-host"),
        ({"MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 2}}, "2 hops"),
        ({"RootDeviceName": "/dev/xvda"}, "root volume of 8 GiB, wanted 20"),
    ],
)
def test_each_difference_that_stays_is_said(differs: dict[str, Any], text: str) -> None:
    disks = [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeId": "vol-1"}}]
    old = instance("h0", BlockDeviceMappings=disks, **differs)
    found = state(old, *ALL[1:], volumes={"vol-1": {"Size": 8, "Encrypted": True}})
    (note,) = replaceable(spec(), found, desired_hosts(spec(), found))
    assert text in note


def test_hosts_as_desired_have_no_notes() -> None:
    assert replaceable(spec(), state(*ALL), desired_hosts(spec(), state(*ALL))) == []


def test_a_namesake_of_another_stage_is_never_the_host_of_this_one() -> None:
    instances = [
        instance("h0", stage="other", tags={"SshHostKey": "ssh-ed25519 BBBB"}),
        instance("h1", tags={"SshHostKey": "ssh-ed25519 AAAA"}),
        instance("h1", stage="other", tags={"SshHostKey": "ssh-ed25519 CCCC"}),
    ]
    for order in (instances, instances[::-1]):
        assert known_hosts(spec(), order, ["h0", "h1"]) == "h1 ssh-ed25519 AAAA\n"


def test_two_hosts_of_other_stages_with_one_name_are_refused_unless_the_inventory_found_one() -> None:
    one = instance("app", stage="single", InstanceId="i-1", tags={"SshHostKey": "ssh-ed25519 AAAA"})
    two = instance("app", stage="demo", InstanceId="i-2", tags={"SshHostKey": "ssh-ed25519 BBBB"})
    with pytest.raises(FoundationError, match="i-1 of stage single and i-2 of stage demo"):
        known_hosts(spec(), [one, two], ["app"])
    assert known_hosts(spec(), [one, two], ["app"], {"app": "i-2"}) == "app ssh-ed25519 BBBB\n"


def test_an_instance_that_aws_ended_is_told_with_its_reason() -> None:
    full = {"Code": "Client.VolumeLimitExceeded", "Message": "Volume limit exceeded"}
    by_hand = {"Code": "Client.UserInitiatedShutdown", "Message": "User initiated shutdown"}
    for reason, text in (
        (full, "absent: i-h0-terminated was ended by AWS, Volume limit exceeded"),
        (by_hand, "absent"),
    ):
        found = state(instance("h0", "terminated", StateReason=reason), *ALL[1:])
        (drift,) = plan_hosts(spec(), found, desired_hosts(spec(), found))
        assert drift.current == text
