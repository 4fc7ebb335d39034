"""AMIs: local images registered under names, so that RunInstances starts real hosts."""

from __future__ import annotations

from typing import Any

from sandbox.settings import MANAGED_BY


def ensure(ec2: Any, name: str, reference: str, description: str) -> tuple[str, bool]:
    """The id of the AMI, and whether it had to be registered. The name carries the image's digest: new image, new AMI."""
    found = ec2.describe_images(Owners=["self"], Filters=[{"Name": "name", "Values": [name]}])["Images"]
    if found:
        return str(found[0]["ImageId"]), False
    answer = ec2.register_image(
        Name=name,
        Description=description,
        ImageLocation=reference,
        Architecture="x86_64",
        RootDeviceName="/dev/xvda",
        VirtualizationType="hvm",
        TagSpecifications=[{"ResourceType": "image", "Tags": [{"Key": "ManagedBy", "Value": MANAGED_BY}]}],
    )
    return str(answer["ImageId"]), True
