"""Gap: RunInstances ignores LaunchTemplate: image, type, profile, groups, user data and tags of it are lost."""

from __future__ import annotations

from typing import Any

from ministack.services import ec2

from sandbox.ministack_compat.types import Handler, Params, Response

PLAIN_FIELDS = ("ImageId", "InstanceType", "KeyName", "UserData")


def apply() -> None:
    ec2._ACTION_MAP["RunInstances"] = _run_instances(ec2._ACTION_MAP["RunInstances"])


def _run_instances(plain: Handler) -> Handler:
    def run_instances(params: Params) -> Response:
        if not any(key.startswith("LaunchTemplate.") for key in params):
            return plain(params)
        data = template_data(params)
        if data is None:
            error: Response = ec2._error(
                "InvalidLaunchTemplateId.NotFound", "The specified launch template or version does not exist", 400
            )
            return error
        return plain(merged(params, data))

    return run_instances


def template_data(params: Params) -> dict[str, Any] | None:
    wanted_id = ec2._p(params, "LaunchTemplate.LaunchTemplateId")
    wanted_name = ec2._p(params, "LaunchTemplate.LaunchTemplateName")
    version = ec2._p(params, "LaunchTemplate.Version") or "$Default"
    for template in ec2._launch_templates.values():
        if wanted_id == template["LaunchTemplateId"] or (wanted_name and wanted_name == template["LaunchTemplateName"]):
            number = {
                "$Default": template["DefaultVersionNumber"],
                "$Latest": template["LatestVersionNumber"],
            }.get(version, version)
            for candidate in template["Versions"]:
                if str(candidate["VersionNumber"]) == str(number):
                    data: dict[str, Any] = candidate["LaunchTemplateData"]
                    return data
    return None


def merged(params: Params, data: dict[str, Any]) -> dict[str, Any]:
    """The request with the template's values where the request has none."""
    sent = dict(params)
    for name in PLAIN_FIELDS:
        if data.get(name) and not ec2._p(sent, name):
            sent[name] = [data[name]]
    profile = data.get("IamInstanceProfile") or {}
    if not any(key.startswith("IamInstanceProfile.") for key in sent):
        sent.update({f"IamInstanceProfile.{key}": [value] for key, value in profile.items()})
    interface = (data.get("NetworkInterfaces") or [{}])[0]
    if interface.get("SubnetId") and not (ec2._p(sent, "SubnetId") or ec2._p(sent, "NetworkInterface.1.SubnetId")):
        sent["SubnetId"] = [interface["SubnetId"]]
    if not (ec2._p(sent, "SecurityGroupId.1") or ec2._p(sent, "NetworkInterface.1.SecurityGroupId.1")):
        for number, group in enumerate(data.get("SecurityGroupIds") or interface.get("Groups") or [], 1):
            sent[f"SecurityGroupId.{number}"] = [group]
    for name, value in (data.get("MetadataOptions") or {}).items():
        sent.setdefault(f"MetadataOptions.{name}", [str(value)])
    if not any(key.startswith("TagSpecification.") for key in sent):
        for number, spec in enumerate(data.get("TagSpecifications") or [], 1):
            sent[f"TagSpecification.{number}.ResourceType"] = [spec["ResourceType"]]
            for place, tag in enumerate(spec.get("Tags") or [], 1):
                sent[f"TagSpecification.{number}.Tag.{place}.Key"] = [tag["Key"]]
                sent[f"TagSpecification.{number}.Tag.{place}.Value"] = [tag.get("Value", "")]
    return sent
