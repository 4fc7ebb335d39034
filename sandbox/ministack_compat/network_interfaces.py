"""Gap: an instance has no network interface.

amazon.aws.ec2_instance reads `NetworkInterfaces` of every instance (KeyError without), and sends subnet and groups as
NetworkInterface.1.* when a subnet is named; MiniStack then uses the default subnet and group.
"""

from __future__ import annotations

from xml.sax.saxutils import escape

from ministack.services import ec2

from sandbox.ministack_compat.types import Handler, Instance, Params, Response

INTERFACE = "NetworkInterface.1"


def apply() -> None:
    ec2._ACTION_MAP["RunInstances"] = _run_instances(ec2._ACTION_MAP["RunInstances"])
    plain = ec2._instance_xml

    def instance_xml(instance: Instance) -> str:
        return str(plain(instance)).replace("<amiLaunchIndex>", f"{_interface_xml(instance)}<amiLaunchIndex>")

    ec2._instance_xml = instance_xml


def _run_instances(plain: Handler) -> Handler:
    def run_instances(params: Params) -> Response:
        sent = dict(params)
        for name in ("SubnetId", "PrivateIpAddress"):
            value = ec2._p(sent, f"{INTERFACE}.{name}")
            if value and not ec2._p(sent, name):
                sent[name] = [value]
        groups = ec2._parse_member_list(sent, f"{INTERFACE}.SecurityGroupId")
        for number, group in enumerate(groups, 1):
            sent[f"SecurityGroupId.{number}"] = [group]
        return plain(sent)

    return run_instances


def _interface_xml(instance: Instance) -> str:
    suffix = instance["InstanceId"].removeprefix("i-")
    groups = "".join(
        f"<item><groupId>{group['GroupId']}</groupId><groupName>{escape(group['GroupName'])}</groupName></item>"
        for group in instance.get("SecurityGroups", [])
    )
    return (
        "<networkInterfaceSet><item>"
        f"<networkInterfaceId>eni-{suffix}</networkInterfaceId>"
        f"<subnetId>{instance['SubnetId']}</subnetId><vpcId>{instance['VpcId']}</vpcId>"
        f"<status>in-use</status><privateIpAddress>{instance['PrivateIpAddress']}</privateIpAddress>"
        f"<sourceDestCheck>true</sourceDestCheck><groupSet>{groups}</groupSet>"
        f"<attachment><attachmentId>eni-attach-{suffix}</attachmentId><deviceIndex>0</deviceIndex>"
        "<status>attached</status><deleteOnTermination>true</deleteOnTermination></attachment>"
        "</item></networkInterfaceSet>"
    )
