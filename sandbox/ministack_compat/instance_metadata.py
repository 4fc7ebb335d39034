"""Gap: an instance has no metadataOptions and there is no ModifyInstanceMetadataOptions, so IMDSv2 cannot be checked."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from ministack.services import ec2

from sandbox.ministack_compat.types import Handler, Instance, Params, Response

DEFAULTS: Mapping[str, str] = {
    "HttpTokens": "optional",
    "HttpPutResponseHopLimit": "1",
    "HttpEndpoint": "enabled",
    "HttpProtocolIpv6": "disabled",
    "InstanceMetadataTags": "disabled",
}
FIELD = "MetadataOptions"
_requested: ContextVar[Mapping[str, str]] = ContextVar("requested", default=DEFAULTS)


def apply() -> None:
    ec2._ACTION_MAP["RunInstances"] = _run_instances(ec2._ACTION_MAP["RunInstances"])
    ec2._ACTION_MAP["ModifyInstanceMetadataOptions"] = _modify
    plain_launch, plain_xml = ec2._launch_instances_internal, ec2._instance_xml

    def launch(*args: Any, **kwargs: Any) -> list[Instance]:
        created: list[Instance] = plain_launch(*args, **kwargs)
        for instance in created:
            instance[FIELD] = dict(_requested.get())
        return created

    def instance_xml(instance: Instance) -> str:
        return str(plain_xml(instance)).replace("<amiLaunchIndex>", f"{_options_xml(instance)}<amiLaunchIndex>")

    ec2._launch_instances_internal = launch
    ec2._instance_xml = instance_xml


def _run_instances(plain: Handler) -> Handler:
    def run_instances(params: Params) -> Response:
        token = _requested.set(_sent(params, f"{FIELD}.", DEFAULTS))
        try:
            return plain(params)
        finally:
            _requested.reset(token)

    return run_instances


def _modify(params: Params) -> Response:
    instance = ec2._instances.get(ec2._p(params, "InstanceId"))
    if instance is None:
        missing: Response = ec2._error("InvalidInstanceID.NotFound", "The instance does not exist", 400)
        return missing
    instance[FIELD] = _sent(params, "", instance.get(FIELD) or DEFAULTS)
    body = f"<instanceId>{instance['InstanceId']}</instanceId>{_options_xml(instance, 'instanceMetadataOptions')}"
    response: Response = ec2._xml(200, "ModifyInstanceMetadataOptionsResponse", body)
    return response


def _sent(params: Params, prefix: str, current: Mapping[str, str]) -> dict[str, str]:
    return {name: ec2._p(params, prefix + name) or value for name, value in current.items()}


def _options_xml(instance: Instance, tag: str = "metadataOptions") -> str:
    options = instance.get(FIELD) or DEFAULTS
    fields = "".join(
        f"<{name[0].lower()}{name[1:]}>{value}</{name[0].lower()}{name[1:]}>" for name, value in options.items()
    )
    return f"<{tag}><state>applied</state>{fields}</{tag}>"
