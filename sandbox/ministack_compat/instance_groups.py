"""Gap: there is no ModifyInstanceAttribute, so the security groups of a running instance cannot be changed.

Other attributes are refused by their absence: nothing of ours changes them.
"""

from __future__ import annotations

from ministack.services import ec2

from sandbox.ministack_compat.types import Params, Response

ACTION = "ModifyInstanceAttribute"


def apply() -> None:
    ec2._ACTION_MAP[ACTION] = _modify


def _modify(params: Params) -> Response:
    instance = ec2._instances.get(ec2._p(params, "InstanceId"))
    if instance is None:
        return _refused("InvalidInstanceID.NotFound", "The instance does not exist")
    wanted = ec2._parse_member_list(params, "GroupId")
    if not wanted:
        return _refused("InvalidParameterCombination", "Only the security groups can be changed here")
    unknown = [one for one in wanted if one not in ec2._security_groups]
    if unknown:
        return _refused("InvalidGroup.NotFound", f"The security group '{unknown[0]}' does not exist")
    instance["SecurityGroups"] = [
        {"GroupId": one, "GroupName": ec2._security_groups[one]["GroupName"]} for one in wanted
    ]
    done: Response = ec2._xml(200, f"{ACTION}Response", "<return>true</return>")
    return done


def _refused(code: str, words: str) -> Response:
    response: Response = ec2._error(code, words, 400)
    return response
