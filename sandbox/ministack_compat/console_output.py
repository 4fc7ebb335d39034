"""Gap: GetConsoleOutput is missing, so SSH host keys cannot be learnt as on AWS.

The console of an instance is the log of its container.
"""

from __future__ import annotations

import base64
import time

from ministack.services import ec2

from sandbox.ministack_compat.types import Params, Response

KEPT = 64 * 1024  # as on AWS


def apply() -> None:
    ec2._ACTION_MAP["GetConsoleOutput"] = get_console_output
    ec2._DOCKER_ACTIONS.add("GetConsoleOutput")  # it asks the engine, so it must not run on the event loop


def get_console_output(params: Params) -> Response:
    instance_id = ec2._p(params, "InstanceId")
    instance = ec2._instances.get(instance_id)
    if instance is None:
        missing: Response = ec2._error(
            "InvalidInstanceID.NotFound", f"The instance ID '{instance_id}' does not exist", 400
        )
        return missing
    container = ec2._vm_get_container(instance)
    text: bytes = container.logs(stdout=True, stderr=True)[-KEPT:] if container is not None else b""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    body = (
        f"<instanceId>{instance_id}</instanceId><timestamp>{stamp}</timestamp>"
        f"<output>{base64.b64encode(text).decode()}</output>"
    )
    response: Response = ec2._xml(200, "GetConsoleOutputResponse", body)
    return response
