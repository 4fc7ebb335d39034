"""Gap: a terminated instance leaves its container's anonymous volumes, and no label tells whose they were."""

from __future__ import annotations

from typing import Any

from ministack.services import ec2

from sandbox.ministack_compat.types import Instance

HANDLES = ("_container_id", "_container_name", "_ssm_managed")


def apply() -> None:
    ec2._vm_remove_container = remove_container
    ec2._drop_container = drop


def remove_container(instance: Instance) -> None:
    container = ec2._vm_get_container(instance)
    if container is not None:
        drop(container)
    for handle in HANDLES:
        instance.pop(handle, None)


def drop(container: Any) -> None:
    try:
        container.remove(force=True, v=True)
    except Exception as error:  # a container that cannot be removed must not fail the API call
        ec2.logger.warning("EC2: could not remove container %s: %s", container.name, error)
